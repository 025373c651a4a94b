from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import ip_address
from typing import Any
from uuid import UUID

import pytest

from appliance.errors import Rejected
from appliance.integrations.database.failures import MAX_BYTES
from appliance.integrations.database.rows import (
    RowCollector,
    read_json_text,
    write_duration,
    write_plain,
)

ID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        ("כובע", "כובע"),
        (2**63 - 1, 2**63 - 1),
        (2**63, str(2**63)),
        (1.5, 1.5),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (Decimal("19.90"), "19.90"),
        (Decimal("1E+3"), "1000"),
        (Decimal("NaN"), "NaN"),
        (date(2026, 1, 2), "2026-01-02"),
        (time(3, 4), "03:04:00"),
        (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "2026-01-02T03:04:00+00:00"),
        (timedelta(hours=3), "PT3H"),
        (b"\x00\x01", "AAE="),
        (memoryview(b"\x00\x01"), "AAE="),
        ({"b", "a"}, ["a", "b"]),
        ([Decimal(1), [b"x"]], ["1", ["eA=="]]),
        ({"a": Decimal(1)}, {"a": "1"}),
        (UUID(ID), ID),
        (ip_address("10.0.0.1"), "10.0.0.1"),
    ],
)
def test_each_value_has_a_place_in_json(value: Any, plain: Any) -> None:
    assert write_plain(value) == plain


@pytest.mark.parametrize(
    ("value", "months", "text"),
    [
        (timedelta(0), 0, "PT0S"),
        (timedelta(days=1, seconds=3661), 0, "P1DT1H1M1S"),
        (timedelta(milliseconds=1500), 0, "PT1.5S"),
        (-timedelta(hours=30), 0, "-P1DT6H"),
        (timedelta(days=2), 14, "P1Y2M2D"),
        (timedelta(0), -1, "P-1M"),
    ],
)
def test_a_duration_is_written_as_iso_8601(value: timedelta, months: int, text: str) -> None:
    assert write_duration(value, months=months) == text


def test_json_text_is_read() -> None:
    assert read_json_text('{"a": [1]}') == {"a": [1]}
    assert read_json_text("no json") == "no json"


def test_half_a_character_in_json_text_is_replaced() -> None:
    collector = RowCollector(["a"], 1, {0: read_json_text})
    collector.add([r'{"\ud83c": ["7 \udf55"]}'])
    assert collector.rows == [{"a": {"\ufffd": ["7 \ufffd"]}}]


def test_too_many_rows_are_an_error_not_a_part_of_them() -> None:
    collector = RowCollector(["a"], 2)
    collector.add([1])
    collector.add([2])
    with pytest.raises(Rejected, match="more than 2 rows") as caught:
        collector.add([3])
    assert caught.value.code == "response_too_large"


def test_too_many_bytes_are_an_error() -> None:
    collector = RowCollector(["a"], 100)
    collector.add(["x" * (MAX_BYTES // 2)])
    with pytest.raises(Rejected, match="larger than"):
        collector.add(["x" * (MAX_BYTES // 2)])


def test_two_columns_of_one_name_are_an_error() -> None:
    with pytest.raises(Rejected, match="two columns of the name 'id'"):
        RowCollector(["id", "id"], 1)


def test_a_column_is_decoded_first() -> None:
    collector = RowCollector(["a", "b"], 2, {1: read_json_text})
    collector.add(["[1]", "[1]"])
    collector.add(["[1]", None])
    assert collector.rows == [{"a": "[1]", "b": [1]}, {"a": "[1]", "b": None}]
