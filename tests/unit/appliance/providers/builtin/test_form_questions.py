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
        ({"format": "date"}, "day", "For which date?"),
        ({"format": "date", "title": "Arrival"}, "day", "For which date? (Arrival)"),
        ({}, "order_number", "What is your order number?"),
        ({"title": "Plate number"}, "plate", "Please tell me: Plate number."),
        ({"title": "Which dish?"}, "dish", "Which dish?"),
        ({"type": "integer"}, "party_size", "For how many people?"),
        ({"type": "integer", "title": "Number of nights"}, "nights", "Number of nights?"),
        (
            {"examples": ["12345", "#1"], "description": "As the visitor wrote it"},
            "order_number",
            "What is your order number? For example: 12345",
        ),
        ({"format": "date", "examples": ["2027-01-15"]}, "day", "For which date?"),
        (
            {"description": "As on the receipt"},
            "ticket_number",
            "Please tell me: Ticket number.",
        ),
        ({"type": "integer", "description": "How many people"}, "n", "For how many people?"),
        ({"type": "integer", "title": "Guests"}, "n", "For how many people?"),
        ({"type": "boolean", "title": "With a helmet"}, "h", "With a helmet? (yes or no)"),
        ({"enum": ["S", "M"]}, "size", "Please choose: Size.\n\n- S\n- M"),
    ],
)
def test_questions_are_made_of_the_schemas_words(schema: Any, name: str, question: str) -> None:
    assert ask_for(slot(schema, name), FORM, BOOK) == question


def test_the_time_of_a_known_day_is_asked_for_alone() -> None:
    moment = slot({"format": "date-time"}, "start")
    form = Form(tool="t", partial={"start": "2025-05-09"})
    assert ask_for(moment, form, BOOK) == "And at what time?"


HEBREW = load_phrasebooks()["he"]


@pytest.mark.parametrize(
    ("schema", "name", "question"),
    [
        ({"title": "Date", "format": "date"}, "date", "לאיזה תאריך?"),
        ({"title": "Number of people", "type": "integer"}, "party_size", "לכמה אנשים?"),
        ({"title": "Name"}, "name", "איזה שם לרשום?"),
        ({"title": "Plate", "x-titles": {"he": "מספר רישוי"}}, "plate", "נא לציין: מספר רישוי."),
        (
            {"title": "Product", "examples": ["running shoes"]},
            "product",
            "לאיזה מוצר הכוונה?",
        ),
    ],
)
def test_questions_are_in_the_visitors_language(schema: Any, name: str, question: str) -> None:
    assert ask_for(slot(schema, name), FORM, HEBREW) == question


def test_values_are_noted_by_names_in_the_visitors_language() -> None:
    day = slot({"title": "Date", "format": "date"}, "date")
    assert note([day], {"date": "2025-05-09"}, HEBREW) == "רשמתי: תאריך: יום שישי, 9 במאי 2025."


def test_choices_and_booleans_have_buttons() -> None:
    assert offer_for(slot({"enum": list("abcdef")}), BOOK) == ("a", "b", "c", "d")
    assert offer_for(slot({"type": "boolean"}), BOOK) == ("Yes", "No")
    assert offer_for(slot({}), BOOK) == ()


def test_values_are_noted_by_their_labels() -> None:
    day = slot({"format": "date"}, "day")
    size = slot({"oneOf": [{"const": 1, "title": "Small"}]}, "size")
    text = note([day, size], {"day": "2025-05-09", "size": 1}, BOOK)
    assert text == "Noted: Day: Friday, 9 May 2025; Size: Small."
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
