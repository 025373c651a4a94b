from __future__ import annotations

from typing import Any

import pytest

from appliance.agent.tool_forms import build_form, read_form
from appliance.domain.json_types import JsonObject
from appliance.domain.tool import ToolSpec
from appliance.domain.tool_form import FilledForm, FormOption

DATE = {"type": "string", "format": "date", "title": "Day", "x-titles": {"he": "יום"}}
CLOCK = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}
NAME = {"type": "string", "maxLength": 20}
SIZE = {"enum": ["small", "large"]}


def build_tool(required: list[str], **properties: Any) -> ToolSpec:
    schema = {"type": "object", "title": "Book", "required": required, "properties": properties}
    return ToolSpec(name="book", description="Books.", parameters_schema=schema)


def types(tool: ToolSpec, known: JsonObject | None = None) -> dict[str, str] | None:
    form = build_form(tool, known or {}, language="en")
    return None if form is None else {field.name: field.type for field in form.fields}


def test_a_form_asks_for_what_is_missing_with_what_is_known() -> None:
    tool = build_tool(["name", "date"], date=DATE, name=NAME, notes=NAME, size=SIZE)
    form = build_form(tool, {"name": "Dana", "notes": "by the window"}, language="he")
    assert form is not None
    assert (form.tool, form.title) == ("book", "Book")
    assert [(f.name, f.label, f.required, f.value) for f in form.fields] == [
        ("date", "יום", True, None),
        ("name", "שם", True, "Dana"),
        ("notes", "הערות", False, "by the window"),
    ]


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        (DATE, "date"),
        ({"type": "string", "format": "time"}, "time"),
        (SIZE, "select"),
        ({"oneOf": [{"const": 1, "title": "One"}, {"const": 2}]}, "select"),
        ({"type": "boolean"}, "select"),
    ],
)
def test_one_thing_that_is_better_chosen_gets_a_form(schema: JsonObject, kind: str) -> None:
    assert types(build_tool(["it"], it=schema)) == {"it": kind}


@pytest.mark.parametrize(
    ("name", "schema", "kind"),
    [
        ("time", CLOCK, "time"),
        ("time", {"type": "string", "pattern": "^[0-9]{4}$"}, "text"),
        ("date", {"type": "string"}, "date"),
        ("date", {"type": "string", "pattern": "^[0-9]{8}$"}, "text"),
        ("email", {"type": "string"}, "email"),
        ("phone", {"type": ["string", "null"]}, "tel"),
        ("size", {"type": "integer"}, "number"),
        ("size", {"type": "number"}, "number"),
        ("size", {}, "text"),
        ("size", {"type": "string", "format": "uri"}, "text"),
    ],
)
def test_each_parameter_gets_the_field_that_fits(name: str, schema: JsonObject, kind: str) -> None:
    assert types(build_tool([name, "other"], **{name: schema, "other": NAME})) == {
        name: kind,
        "other": "text",
    }


@pytest.mark.parametrize(
    "tool",
    [
        build_tool(["name"], name=NAME),
        build_tool([], date=DATE),
        build_tool(["name", "gone"], name=NAME),
        build_tool(["name", "it"], name=NAME, it={"type": "object", "properties": {}}),
        build_tool(["name", "it"], name=NAME, it={"type": "array", "items": NAME}),
        build_tool(["name", "it"], name=NAME, it={"$ref": "#/$defs/it"}),
        build_tool(["name", "it"], name=NAME, it={"anyOf": [NAME, SIZE]}),
        build_tool(["name", "it"], name=NAME, it={"enum": [{"a": 1}]}),
        build_tool(["name", "it"], name=NAME, it={"oneOf": [{"type": "string"}]}),
        build_tool(["name", "it"], name=NAME, it={"type": "string", "format": "date-time"}),
        build_tool([f"f{n}" for n in range(13)], **{f"f{n}": NAME for n in range(13)}),
    ],
)
def test_where_a_question_does_or_no_field_fits_there_is_no_form(tool: ToolSpec) -> None:
    assert types(tool) is None


def test_known_values_that_no_field_can_hold_get_no_form() -> None:
    tool = build_tool(["date"], date=DATE, items={"type": "array"})
    assert types(tool, {"items": ["a"]}) is None
    assert types(tool, {"unheard_of": "a"}) is None
    assert types(tool, {"date": "2027-01-15"}) is None


def test_yes_and_no_are_told_in_the_visitors_language() -> None:
    form = build_form(build_tool(["it"], it={"type": "boolean"}), {}, language="he")
    assert form is not None
    assert form.fields[0].options == (
        FormOption(value="true", label="כן"),
        FormOption(value="false", label="לא"),
    )


FORM = build_tool(
    ["date", "people"],
    date=DATE,
    time={"type": "string", "format": "time", "pattern": ":00$"},
    people={"type": "integer", "minimum": 1},
    weight={"type": "number"},
    size={"enum": [1, "large"]},
    gift={"type": "boolean"},
    name=NAME,
    nested={"type": "object"},
)


def read(**values: str) -> JsonObject | None:
    given = {"date": "2027-01-15", "people": "4", **values}
    return read_form(FilledForm(tool="book", values=given), FORM)


def test_what_was_filled_in_becomes_arguments_of_their_types() -> None:
    assert read(weight="2.5", size="1", gift="false", name=" Dana ", time=" ") == {
        "date": "2027-01-15",
        "people": 4,
        "weight": 2.5,
        "size": 1,
        "gift": False,
        "name": "Dana",
    }


@pytest.mark.parametrize(
    "values",
    [
        {"date": "tomorrow"},
        {"date": ""},
        {"people": "0"},
        {"people": "four"},
        {"people": "1e999"},
        {"people": "9" * 5_000},
        {"size": "huge"},
        {"gift": "maybe"},
        {"name": "x" * 21},
        {"nested": "{}"},
        {"customer_id": "7"},
    ],
)
def test_what_does_not_fit_is_no_call(values: dict[str, str]) -> None:
    assert read(**values) is None


def test_a_time_is_written_as_the_tool_wants_it() -> None:
    tool = build_tool(["at"], at={"type": "string", "format": "time", "pattern": "^[0-9:]{8}$"})
    filled = FilledForm(tool="book", values={"at": "19:00"})
    assert read_form(filled, tool) == {"at": "19:00:00"}
