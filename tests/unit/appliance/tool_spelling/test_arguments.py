from __future__ import annotations

from typing import Any

import pytest

from appliance.tool_spelling.arguments import read_arguments
from appliance.tool_spelling.lenient_json import Positional, Word

NUMBER, INTEGER, TEXT = {"type": "number"}, {"type": "integer"}, {"type": "string"}
BOOLEAN, LIST, OBJECT = {"type": "boolean"}, {"type": "array", "items": TEXT}, {"type": "object"}


@pytest.mark.parametrize(
    ("schema", "written", "read"),
    [
        (INTEGER, "2", 2),
        (INTEGER, " 2 ", 2),
        (INTEGER, "-2", -2),
        (INTEGER, 2.0, 2.0),
        (INTEGER, "2.0", 2.0),
        (INTEGER, "2.5", "2.5"),
        (INTEGER, "02", "02"),
        (INTEGER, "two", "two"),
        (INTEGER, "٢", "٢"),
        (INTEGER, True, True),
        (NUMBER, "9.90", 9.9),
        (NUMBER, "1e3", 1000.0),
        (NUMBER, "1e999", "1e999"),
        (NUMBER, "9" * 5000, "9" * 5000),
        (BOOLEAN, "true", True),
        (BOOLEAN, "False", False),
        (BOOLEAN, "yes", "yes"),
        (BOOLEAN, 1, 1),
        (TEXT, 12345, "12345"),
        (TEXT, Word("00123"), "00123"),
        (TEXT, Word("1.50"), "1.50"),
        (TEXT, Word("2026-11-20"), "2026-11-20"),
        (TEXT, Word("true"), "true"),
        (TEXT, "true", "true"),
        (TEXT, "2", "2"),
        (TEXT, 1.5, 1.5),
        (TEXT, True, True),
        (TEXT, "2026-11-20T09:00", "2026-11-20T09:00"),
        (LIST, '["a", "b"]', ["a", "b"]),
        (LIST, [1, "b"], ["1", "b"]),
        (LIST, "a", "a"),
        (OBJECT, '{"a": 1}', {"a": 1}),
        (OBJECT, {"a": Word("1")}, {"a": 1}),
        ({"type": ["string", "null"]}, None, None),
        ({"type": ["integer", "string"]}, "2", "2"),
        ({"anyOf": [INTEGER, {"type": "null"}]}, "2", 2),
        ({"enum": [1, 2]}, "2", 2),
        ({"enum": ["1", "2"]}, 2, "2"),
        ({"const": 1.5}, "1.5", 1.5),
        ({"$ref": "#/$defs/x"}, "2", "2"),
        ({"anyOf": [{"$ref": "#/$defs/x"}, INTEGER]}, "2", "2"),
        ({}, Word("2"), 2),
        ({}, "2", "2"),
        (True, Word("None"), None),
    ],
)
def test_a_value_is_converted_only_where_the_schema_says_so(
    schema: Any, written: Any, read: Any
) -> None:
    arguments = read_arguments({"a": written}, {"properties": {"a": schema}, "required": ["a"]})
    assert arguments == {"a": read}
    assert type(arguments["a"]) is type(read)


def test_null_for_something_optional_leaves_it_out() -> None:
    schema = {"properties": {"a": TEXT, "b": TEXT, "c": {"type": ["string", "null"]}}}
    values = {"a": None, "b": Word("None"), "c": None, "d": None}
    assert read_arguments(values, schema) == {"c": None, "d": None}
    assert read_arguments({"a": None}, {**schema, "required": ["a"]}) == {"a": None}


def test_a_name_spelled_otherwise_is_the_only_property_spelled_like_it() -> None:
    schema = {"properties": {"order_number": TEXT, "ab": TEXT, "a_b": TEXT}}
    written = {"orderNumber": "1", "A-B": "2", "other": "3"}
    assert read_arguments(written, schema) == {"order_number": "1", "A-B": "2", "other": "3"}
    twice = {"orderNumber": "1", "order_number": "2"}
    assert read_arguments(twice, schema) == twice


def test_values_without_names_follow_the_order_of_the_properties() -> None:
    schema = {"properties": {"a": TEXT, "b": INTEGER}}
    assert read_arguments(Positional(["x", "2"]), schema) == {"a": "x", "b": 2}
    assert read_arguments(Positional(["x", "2", "3"]), schema) is None
    assert read_arguments(Positional([{"a": "x"}]), schema) == {"a": "x"}


@pytest.mark.parametrize("value", [None, "", "  ", "null", "{}", '"{}"', '"\\"{}\\""', [{}]])
def test_no_arguments_in_many_words(value: Any) -> None:
    assert read_arguments(value, {}) == {}


@pytest.mark.parametrize("value", [5, True, [], ["a"], "words", "[1]", '{"a": "b', '{"a": 1} x'])
def test_what_is_no_object_is_nothing(value: Any) -> None:
    assert read_arguments(value, {}) is None


def test_arguments_nested_without_end_stay_as_they_are() -> None:
    value: Any = "2"
    for _ in range(900):
        value = {"a": value}
    assert read_arguments(value, {"properties": {"a": OBJECT}}) == value
