from __future__ import annotations

import time
from typing import Any

import pytest
from structlog.testing import capture_logs

from appliance.domain.argument_checks import (
    MAX_STEPS,
    find_excess,
    find_misfits,
    find_unsafe_pattern,
)

SLOW = r"^([A-Za-z0-9]+-?)+$"


def fits(schema: dict[str, Any], value: Any) -> bool:
    misfits = find_misfits({"x": value}, {"type": "object", "properties": {"x": schema}})
    assert not isinstance(misfits, str)
    return not misfits


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"properties": {"code": {"pattern": SLOW}}}, "properties.code.pattern"),
        ({"patternProperties": {SLOW: {}}}, "patternProperties"),
        ({"anyOf": [{}, {"items": {"pattern": SLOW}}]}, "anyOf.1.items.pattern"),
        ({"$defs": {"a": {"pattern": SLOW}}}, "$defs.a.pattern"),
        ({"propertyNames": {"pattern": SLOW}}, "propertyNames.pattern"),
        ({"examples": [{"pattern": SLOW}], "$ref": "#/examples/0"}, "examples.0.pattern"),
    ],
)
def test_an_unsafe_pattern_is_found_wherever_it_stands(schema: dict[str, Any], place: str) -> None:
    assert (find_unsafe_pattern(schema) or "").startswith(f"The pattern at {place} is not run: ")
    with capture_logs() as logs:
        assert find_misfits({}, {"title": place, **schema}) == find_unsafe_pattern(schema)
    assert [(line["event"], line["title"]) for line in logs] == [("tool.schema_not_used", place)]


def test_a_parameter_of_that_name_is_none() -> None:
    schema = {"properties": {"pattern": {"type": "string"}, "patternProperties": {"title": "x"}}}
    assert find_unsafe_pattern(schema) is None


def test_a_schema_that_is_none_checks_nothing() -> None:
    assert "JSON Schema" in str(find_misfits({}, {"type": 7}))


def test_arguments_beyond_measure_are_not_looked_at() -> None:
    deep: Any = "x"
    for _ in range(20):
        deep = [deep]
    assert find_excess({"x": deep[0]}) is None
    assert "20 levels" in (find_excess({"x": deep}) or "")
    assert find_excess({"x": "a" * 63_000}) is None
    assert "64000 bytes" in (find_excess({"x": "a" * 64_000}) or "")
    assert "64000 bytes" in (find_excess({"x": "א" * 32_000}) or "")
    assert "name" in (find_excess({"x": [{"n" * 1_001: 1}]}) or "")


def test_no_pattern_and_no_format_is_looked_for_in_a_long_text() -> None:
    for schema in ({"pattern": "a"}, {"format": "email"}):
        assert fits(schema, "@a" * 500)
        assert not fits(schema, "@a" * 501)
    assert fits({"type": "string"}, "a" * 2_000)
    assert not fits({"pattern": "^b"}, "a")
    assert not fits({"format": "ipv4"}, "a")


def test_the_dialect_that_a_part_names_changes_nothing() -> None:
    draft = {"$schema": "http://json-schema.org/draft-07/schema#", "pattern": "a"}
    assert not fits(draft, "a" * 1_001)


def test_items_are_compared_as_json_compares_them() -> None:
    unique = {"uniqueItems": True}
    for same in ([1, 1.0], [{"a": [1]}, {"a": [1]}], ["a", "a"], [None, None], [True, True]):
        assert not fits(unique, same)
    for others in ([1, True], [0, False], [{"a": 1}, {"a": 2}], [[1], [2]], ["1", 1], [[], {}]):
        assert fits(unique, others)
    assert fits({"uniqueItems": False}, [1, 1])


def test_many_items_are_compared_at_once() -> None:
    began = time.thread_time()
    assert fits({"uniqueItems": True}, [{"a": number} for number in range(6_000)])
    assert time.thread_time() - began < 0.5


def double(keyword: str, levels: int = 40, **more: Any) -> dict[str, Any]:
    """Return a schema of which every level refers twice to the one below."""
    parts: dict[str, Any] = {"level0": {"type": "string"}}
    for level in range(levels):
        below = {"$ref": f"#/$defs/level{level}", **more}
        parts[f"level{level + 1}"] = {keyword: [below, dict(below)]}
    return {"$defs": parts, "properties": {"x": {"$ref": f"#/$defs/level{levels}"}}}


def nest(levels: int = 40) -> dict[str, Any]:
    """Return a schema of which each level is read several times for the one above."""
    schema: dict[str, Any] = {"properties": {"a": {}}}
    for _ in range(levels):
        schema = {"allOf": [schema], "unevaluatedProperties": False}
    return {"properties": {"x": schema}}


TREE = {"type": "array", "items": {"anyOf": [{"$ref": "#/properties/x"}] * 4}}
DEEP: Any = 7
for _ in range(18):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (double("allOf"), "text"),
        (double("anyOf"), 7),
        (double("oneOf"), "text"),
        (double("allOf", unevaluatedProperties=False), {}),
        (double("allOf", unevaluatedItems=False), []),
        (nest(), {"a": 1}),
        ({"properties": {"x": {"$ref": "#/properties/x"}}}, 7),
        ({"properties": {"x": {"allOf": [{"$ref": "#"}, {"$ref": "#/properties/x"}]}}}, 7),
        ({"properties": {"x": TREE}}, DEEP),
    ],
)
def test_who_refers_without_an_end_is_left(schema: dict[str, Any], value: Any) -> None:
    began = time.thread_time()
    with capture_logs() as logs:
        said = find_misfits({"x": value}, {"title": "maze", **schema})
    assert time.thread_time() - began < 8
    assert said == f"To check arguments against it takes more than {MAX_STEPS} steps."
    assert [(line["event"], line["title"]) for line in logs] == [("tool.schema_not_used", "maze")]


def test_the_largest_arguments_are_no_maze() -> None:
    line = {
        "type": "object",
        "properties": {"sku": {"type": "string"}, "count": {"anyOf": [{"type": "integer"}, {}]}},
        "required": ["sku"],
        "additionalProperties": False,
    }
    lines = [{"sku": f"A-{number}", "count": number} for number in range(1_700)]
    assert find_excess({"x": lines}) is None
    assert fits({"type": "array", "items": line}, lines)


def test_a_number_beyond_all_measure_is_said() -> None:
    said = find_misfits({"x": 10**400}, {"properties": {"x": {"multipleOf": 0.1}}})
    assert said == (
        "These arguments cannot be checked against it: int too large to convert to float."
    )


def test_a_reference_to_nowhere_is_named() -> None:
    assert find_misfits({"x": 1}, {"properties": {"x": {"$ref": "#/$defs/gone"}}}) == (
        "It refers to '/$defs/gone', which is not in it."
    )
