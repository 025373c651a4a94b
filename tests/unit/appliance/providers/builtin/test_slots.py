from __future__ import annotations

import time
from typing import Any

import pytest

from appliance.domain.tool import ToolSpec
from appliance.providers.builtin.slots import Slot, build_slots, compile_pattern


def build(properties: Any, required: Any = (), **more: Any) -> dict[str, Slot]:
    schema = {"type": "object", "properties": properties, "required": list(required), **more}
    tool = ToolSpec(name="t", description="", parameters_schema=schema)
    return {slot.key: slot for slot in build_slots(tool)}


@pytest.mark.parametrize(
    ("name", "schema", "kind"),
    [
        ("when", {"type": "string", "format": "date-time"}, "datetime"),
        ("visit_date", {"type": "string"}, "date"),
        ("startTime", {"type": "string"}, "time"),
        ("x", {"type": "string", "format": "email"}, "email"),
        ("mobile", {"type": "string"}, "phone"),
        ("customer_name", {"type": "string"}, "person_name"),
        ("product_name", {"type": "string"}, "text"),
        ("order_number", {"type": "string"}, "code"),
        ("order_id", {"type": "integer"}, "code"),
        ("number_of_guests", {"type": "integer"}, "number"),
        ("price", {"type": "number"}, "number"),
        ("gift", {"type": "boolean"}, "boolean"),
        ("size", {"enum": ["S", "M"]}, "choice"),
        ("reason", {"type": "string"}, "text"),
        ("a", {"type": ["null", "integer"]}, "number"),
        ("b", {"anyOf": [{"type": "null"}, {"type": "boolean"}]}, "boolean"),
        ("ticket", {"type": "string", "pattern": "^R-\\d+$"}, "code"),
        ("שם", {"type": "string"}, "person_name"),
        ("f1", {"type": "string", "title": "תאריך"}, "date"),
    ],
)
def test_the_kind_follows_schema_and_names(name: str, schema: Any, kind: str) -> None:
    assert build({name: schema})[name].kind == kind


def test_required_slots_come_first_in_the_schemas_order() -> None:
    slots = build({"a": {}, "b": {}, "c": {}}, ["c", "b"])
    assert list(slots) == ["b", "c", "a"]


def test_nested_objects_and_references_are_followed() -> None:
    slots = build(
        {"buyer": {"$ref": "#/$defs/person"}},
        ["buyer"],
        **{"$defs": {"person": {"properties": {"email": {}}, "required": ["email"]}}},
    )
    assert slots["buyer.email"].is_required
    assert slots["buyer.email"].path == ("buyer", "email")


def test_a_reference_to_itself_ends() -> None:
    slots = build({"child": {"$ref": "#"}})
    assert all(len(slot.path) <= 4 for slot in slots.values())


@pytest.mark.parametrize("leaf", [{"type": "string"}, {"const": 1}, {"properties": {}}])
def test_of_references_in_all_directions_some_are_followed(leaf: Any) -> None:
    names = [f"p{number}" for number in range(300)]
    levels: dict[str, Any] = {"d0": leaf}
    for level in range(3):
        below = {"$ref": f"#/$defs/d{level}"}
        levels[f"d{level + 1}"] = {"properties": dict.fromkeys(names, below)}
    began = time.thread_time()
    found = build({"x": {"$ref": "#/$defs/d3"}}, **{"$defs": levels})
    assert len(found) <= 40
    assert time.thread_time() - began < 1


def test_labelled_choices_keep_value_and_label() -> None:
    schema = {"oneOf": [{"const": 1, "title": "Small"}, {"const": 2, "title": "Large"}]}
    choices = build({"size": schema})["size"].choices
    assert [(choice.value, choice.label) for choice in choices] == [(1, "Small"), (2, "Large")]


def test_lists_take_the_kind_of_their_items() -> None:
    slot = build({"extras": {"type": "array", "items": {"enum": ["olives", "ham"]}}})["extras"]
    assert slot.is_list
    assert slot.kind == "choice"


def test_constants_are_not_asked_for() -> None:
    assert build({"version": {"const": 2}}) == {}


@pytest.mark.parametrize("schema", [{}, {"properties": 3}, {"properties": {"a": 4}, "required": 1}])
def test_odd_schemas_have_slots_all_the_same(schema: Any) -> None:
    tool = ToolSpec(name="t", description="", parameters_schema=schema)
    assert len(build_slots(tool)) <= 1


def test_a_slot_has_a_name_in_each_language() -> None:
    seat = build({"seat": {"title": "Seat", "x-titles": {"he": "מושב"}}})["seat"]
    assert (seat.name_in("en"), seat.name_in("he-IL")) == ("Seat", "מושב")
    assert seat.names == ("Seat", "מושב")


def test_patterns_that_do_not_compile_are_none() -> None:
    assert compile_pattern("[") is None
    assert compile_pattern(5) is None
    compiled = compile_pattern("^a$")
    assert compiled is not None
    assert compiled.search("a")
