from __future__ import annotations

from typing import Any

import pytest

from appliance.domain.tool import ToolSpec
from appliance.providers.builtin.phrasebook import load_phrasebooks
from appliance.providers.builtin.slot_checks import check_value, find_misfit
from appliance.providers.builtin.slots import Slot, build_slots


def slot(schema: Any, name: str = "x") -> Slot:
    tool = ToolSpec(name="t", description="", parameters_schema={"properties": {name: schema}})
    return build_slots(tool)[0]


@pytest.mark.parametrize(
    ("schema", "value", "reason"),
    [
        ({"type": "integer", "minimum": 1}, 0, "It must be at least 1."),
        ({"type": "integer", "maximum": 12}, 30, "It must be at most 12."),
        ({"type": "number", "exclusiveMinimum": 0}, 0, "It must be more than 0."),
        ({"type": "number", "exclusiveMaximum": 9}, 9, "It must be less than 9."),
        ({"type": "integer"}, 2.5, "I need a whole number for that."),
        ({"enum": ["a", "b"]}, "c", "It must be one of: a, b."),
        ({"type": "string", "minLength": 3}, "ab", "That is too short."),
        ({"type": "string", "maxLength": 3}, "abcd", "That is too long."),
        ({"pattern": "^R-\\d+$"}, "77", "That does not have the right form."),
        (
            {"pattern": "^R-\\d+$", "examples": ["R-12"]},
            "77",
            "That does not have the right form. For example: R-12.",
        ),
        ({"format": "email"}, "dana", "That does not look like an e-mail address."),
        ({"format": "uri"}, "dana", "That does not look like a web address."),
        ({"format": "phone"}, "12", "That does not look like a phone number."),
        ({"type": "array", "items": {"minimum": 1, "type": "integer"}}, [2, 0], "It must be at"),
    ],
)
def test_a_value_that_does_not_fit_is_told_why(schema: Any, value: Any, reason: str) -> None:
    objection = check_value(slot(schema), value)
    assert objection is not None
    assert objection.say(load_phrasebooks()["en"]).startswith(reason)
    assert objection.say(load_phrasebooks()["he"])


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 12}, 12),
        ({"enum": ["a", 2]}, 2),
        ({"type": "boolean"}, False),
        ({"pattern": "["}, "anything"),
        ({"type": "integer"}, 10**400),
        ({"minimum": "none", "type": "integer"}, 3),
    ],
)
def test_a_value_that_fits_is_let_through(schema: Any, value: Any) -> None:
    assert check_value(slot(schema), value) is None


def test_the_whole_schema_has_the_last_word() -> None:
    schema = {
        "properties": {"a": {"type": "integer", "multipleOf": 5}, "b": {"format": "date"}},
        "required": ["a"],
    }
    assert find_misfit(schema, {"a": 10}) is None
    assert find_misfit(schema, {"a": 7}) == ("a",)
    assert find_misfit(schema, {"a": 10, "b": "31 February"}) == ("b",)
    assert find_misfit(schema, {}) == ()


@pytest.mark.parametrize(
    "schema", [{"type": 7}, {"$ref": "#/nowhere"}, {"properties": {"a": {"pattern": "["}}}]
)
def test_a_schema_that_cannot_be_read_refuses_nothing(schema: Any) -> None:
    assert find_misfit(schema, {"a": "x"}) is None
