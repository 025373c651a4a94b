from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from appliance.errors import Rejected
from appliance.integrations.database.postgresql_values import (
    find_decoders,
    read_parameter,
    read_range,
)


def kind(name: str, family: str = "scalar") -> asyncpg.Type:
    return asyncpg.Type(1, name, family, "pg_catalog")


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("int4", "5", 5),
        ("int8", 5.0, 5),
        ("float8", "5.5", 5.5),
        ("numeric", "19.90", Decimal("19.90")),
        ("numeric", 5, Decimal(5)),
        ("bool", "false", False),
        ("bool", True, True),
        ("date", "2026-01-02", date(2026, 1, 2)),
        ("time", "03:04", time(3, 4)),
        ("timestamp", "2026-01-02T03:04:00", datetime(2026, 1, 2, 3, 4)),  # noqa: DTZ001
        ("timestamptz", "2026-01-02T03:04:00+00:00", datetime(2026, 1, 2, 3, 4, tzinfo=UTC)),
        ("bytea", "כ", "כ".encode()),
        ("text", 5, "5"),
        ("varchar", True, "true"),
        ("mood", "happy", "happy"),
        ("jsonb", '{"a": 1}', '{"a": 1}'),
        ("int4", None, None),
    ],
)
def test_a_parameter_has_the_servers_type(name: str, given: Any, value: Any) -> None:
    assert read_parameter("a", given, kind(name)) == value


def test_a_list_is_read_item_by_item() -> None:
    assert read_parameter("a", ["1", None], kind("int4[]", "array")) == [1, None]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("int4", "x"),
        ("int4", 5.5),
        ("int4", True),
        ("numeric", "x"),
        ("bool", "perhaps"),
        ("date", "tomorrow"),
        ("date", 5),
        ("text", ["x"]),
        ("timestamptz", ""),
    ],
)
def test_a_misfit_names_parameter_and_type(name: str, given: Any) -> None:
    with pytest.raises(Rejected, match=rf"'a' does not fit.*'{name}'"):
        read_parameter("a", given, kind(name))


def test_a_single_value_is_no_list() -> None:
    with pytest.raises(Rejected):
        read_parameter("a", "1", kind("int4[]", "array"))


def test_json_columns_are_decoded() -> None:
    columns = [
        asyncpg.Attribute("a", kind("text")),
        asyncpg.Attribute("b", kind("jsonb")),
        asyncpg.Attribute("c", kind("json[]", "array")),
    ]
    decoders = find_decoders(columns)
    assert sorted(decoders) == [1, 2]
    assert decoders[1]('{"a": 1}') == {"a": 1}
    assert decoders[2](["1", "[2]"]) == [1, [2]]


def test_ranges_and_bits_become_plain() -> None:
    found = asyncpg.Range(1, 5, lower_inc=True, upper_inc=False)
    assert read_range([found]) == [{"from": 1, "to": 5, "bounds": "[)"}]
    assert read_range(asyncpg.Range(empty=True)) == "empty"
    assert read_range(asyncpg.BitString("10111")) == "10111"
    assert read_range("x") == "x"
