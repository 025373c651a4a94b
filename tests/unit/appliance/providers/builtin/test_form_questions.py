from __future__ import annotations

from typing import Any

import pytest

from appliance.providers.builtin.answers import Form
from appliance.providers.builtin.form_questions import ask_for, note, nothing_found, offer_for
from appliance.providers.builtin.phrasebook import load_phrasebooks
from tests.unit.appliance.providers.builtin.test_slot_checks import slot

BOOK = load_phrasebooks()["en"]
FORM = Form(tool="t")


@pytest.mark.parametrize(
    ("schema", "name", "question"),
    [
        ({"format": "date"}, "day", "For which date? (Day)"),
        ({}, "order_number", "Please tell me: Order number."),
        (
            {"description": "As on the receipt"},
            "order_number",
            "Please tell me: Order number (As on the receipt).",
        ),
        ({"type": "integer", "description": "How many people"}, "n", "How many people?"),
        ({"type": "integer", "title": "Guests"}, "n", "Guests: how many?"),
        ({"type": "boolean", "title": "With a helmet"}, "h", "With a helmet? (yes or no)"),
        ({"enum": ["S", "M"]}, "size", "Please choose: Size.\n\n- S\n- M"),
        ({"description": "x" * 300}, "order_number", "Please tell me: Order number."),
    ],
)
def test_questions_are_made_of_the_schemas_words(schema: Any, name: str, question: str) -> None:
    assert ask_for(slot(schema, name), FORM, BOOK) == question


def test_the_time_of_a_known_day_is_asked_for_alone() -> None:
    moment = slot({"format": "date-time"}, "start")
    form = Form(tool="t", partial={"start": "2025-05-09"})
    assert ask_for(moment, form, BOOK) == "And at what time? (Start)"


def test_choices_and_booleans_have_buttons() -> None:
    assert offer_for(slot({"enum": list("abcdef")}), BOOK) == ("a", "b", "c", "d")
    assert offer_for(slot({"type": "boolean"}), BOOK) == ("Yes", "No")
    assert offer_for(slot({}), BOOK) == ()


def test_values_are_noted_by_their_labels() -> None:
    day = slot({"format": "date"}, "day")
    size = slot({"oneOf": [{"const": 1, "title": "Small"}]}, "size")
    text = note([day, size], {"day": "2025-05-09", "size": 1}, BOOK)
    assert text == "Noted: Day: Friday, May 9 2025; Size: Small."
    assert note([day], {}, BOOK) == ""


@pytest.mark.parametrize(
    ("schema", "name", "part"),
    [
        ({"format": "date"}, "x", "date"),
        ({"enum": ["a"]}, "x", "one of: a"),
        ({"pattern": "^R", "examples": ["R-1"]}, "ticket", "R-1"),
        ({}, "comment", "could not find"),
    ],
)
def test_an_answer_without_a_value_is_told_what_is_needed(
    schema: Any, name: str, part: str
) -> None:
    assert part in nothing_found(slot(schema, name)).say(BOOK)
