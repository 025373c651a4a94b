from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.domain.data_table import (
    Column,
    ColumnType,
    check_columns,
    convert_cells,
    convert_value,
    write_date,
)
from appliance.errors import InvalidInput


@pytest.mark.parametrize(
    ("column_type", "given", "stored"),
    [
        ("string", "", ""),
        ("string", 12345, "12345"),
        ("string", 5.0, "5"),
        ("string", 5.25, "5.25"),
        ("string", True, "true"),
        ("number", "-3", -3),
        ("number", "1e3", 1000.0),
        ("number", 2**53 + 1, 2**53 + 1),
        ("boolean", " TRUE ", True),
        ("boolean", 0.0, False),
        ("date", "2026-01-31", "2026-01-31T00:00:00.000Z"),
        ("date", "2026-01-31T09:30:00.123456+02:00", "2026-01-31T07:30:00.123Z"),
        ("number", None, None),
    ],
)
def test_a_value_takes_its_columns_form(column_type: ColumnType, given: Any, stored: Any):
    converted = convert_value(column_type, given)
    assert converted == stored
    assert type(converted) is type(stored)


@pytest.mark.parametrize(
    ("column_type", "given"),
    [
        ("string", ["a"]),
        ("number", ""),
        ("number", "1,5"),
        ("number", "inf"),
        ("number", 2**63),
        ("number", False),
        ("boolean", "yes"),
        ("boolean", None or {}),
        ("date", "31.1.2026"),
        ("date", 1700000000),
    ],
)
def test_what_does_not_fit_is_refused(column_type: ColumnType, given: Any):
    with pytest.raises(ValueError, match=r".+"):
        convert_value(column_type, given)


def test_every_wrong_cell_is_named():
    with pytest.raises(InvalidInput) as refused:
        convert_cells({"total": "number", "note": "string"}, {"total": "x", "nots": 1, "note": 1})
    errors = {error.field: error.message for error in refused.value.errors}
    assert set(errors) == {"total", "nots"}
    assert "total, note" in errors["nots"]


def test_every_wrong_column_is_named():
    with pytest.raises(InvalidInput) as refused:
        check_columns([Column(name=name) for name in ("ok", "9", "id", "ok", "naïve")])
    assert [error.field for error in refused.value.errors] == ["9", "id", "ok", "naïve"]


def test_dates_are_written_so_that_text_order_is_times():
    assert write_date(datetime(2026, 1, 31, 9, 30, 0, 999_999, UTC)) == "2026-01-31T09:30:00.999Z"
