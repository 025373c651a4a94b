from __future__ import annotations

from typing import Any

import pytest

from appliance.agent.confirmation import build_confirmation, confirmation_replies
from appliance.agent.language import texts_for
from appliance.domain.tool import ToolCall, ToolSpec
from tests.fakes.shops import build_spec, call_booking


def ask(arguments: dict[str, Any], *, name: str = "note", schema: Any = None) -> str:
    spec = ToolSpec(name=name, description="", parameters_schema=schema or {"type": "object"})
    call = ToolCall(id="w", name=name, arguments=arguments)
    return build_confirmation(call, spec, language="en")


def test_the_question_shows_the_action_and_each_argument_in_the_schemas_order() -> None:
    spec = build_spec("book_appointment", risk="write")
    text = build_confirmation(call_booking(), spec, language="en")
    assert text == (
        "Please check before I go ahead: **Book appointment**\n"
        "\n"
        "- Date: **Tuesday, 3 March 2026**\n"
        "- Time: **19:00**\n"
        "- Guests: **4**\n"
        "\n"
        "Shall I go ahead?"
    )


BOOKING_SCHEMA = {
    "type": "object",
    "title": "Book an appointment",
    "x-titles": {"he": "קביעת תור"},
    "properties": {
        "date": {"title": "Date", "x-titles": {"he": "תאריך הביקור"}},
        "phone": {"title": "Phone"},
        "gift": {"title": "Gift"},
        "owner": {"type": "object", "properties": {"name": {"type": "string"}}},
    },
}
BOOKING = {"date": "2026-11-25", "phone": "1", "gift": "tea", "owner": {"name": "דנה"}}


def test_names_and_dates_are_in_the_visitors_language() -> None:
    spec = ToolSpec(name="book_appointment", description="", parameters_schema=BOOKING_SCHEMA)
    call = ToolCall(id="w", name="book_appointment", arguments=BOOKING)
    text = build_confirmation(call, spec, language="he-IL")
    assert "**קביעת תור**" in text
    assert "- תאריך הביקור: **יום רביעי, 25 בנובמבר 2026**" in text
    assert "- טלפון: **1**" in text
    assert "- Gift: **tea**" in text
    assert "- Owner: **שם: דנה**" in text


def test_the_action_is_named_by_the_tools_own_title() -> None:
    text = ask(BOOKING, name="book_appointment", schema=BOOKING_SCHEMA)
    assert "**Book an appointment**" in text
    assert "- Date: **Wednesday, 25 November 2026**" in text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("2026-11-25T19:00:00+02:00", "Wednesday, 25 November 2026, 19:00"),
        ("2026-11-25T19:00:00Z", "Wednesday, 25 November 2026, 19:00 UTC"),
        ("2026-13-45", "2026-13-45"),
        ("19:00", "19:00"),
    ],
)
def test_moments_are_readable_and_what_is_none_is_shown_as_it_is(value: str, shown: str) -> None:
    assert f"- Value: **{shown}**" in ask({"value": value})


def test_an_argument_outside_the_schema_is_shown_too() -> None:
    spec = build_spec("book_appointment", risk="write")
    call = call_booking(gift_card_code="X-1")
    assert "- Gift card code: **X-1**" in build_confirmation(call, spec, language="en")


@pytest.mark.parametrize("language", ["he", "he-IL", "fr"])
def test_the_question_is_in_the_visitors_language(language: str) -> None:
    spec = build_spec("book_appointment", risk="write")
    texts = texts_for(language)
    text = build_confirmation(call_booking(), spec, language=language)
    assert text.startswith(texts["confirm_heading"])
    assert text.endswith(texts["confirm_question"])
    assert confirmation_replies(language) == (texts["confirm_yes"], texts["confirm_no"])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, "✓"),
        (False, "✗"),
        (0, "0"),
        (12.5, "12.5"),
        (["Dana", "Uri"], "Dana, Uri"),
        ({"first_name": "Dana", "age": 7}, "First name: Dana, Age: 7"),
        ([{"item": "pizza", "count": 2}], "Item: pizza, Count: 2"),
        ("two\nlines\tand  more", "two lines and more"),
        ("x" * 2_000, "x" * 2_000),
        ("\u202elive\u202c \u2066x\u2069", "live x"),
    ],
)
def test_values_read_like_words(value: Any, shown: str) -> None:
    assert f"- Value: **{shown}**" in ask({"value": value})


@pytest.mark.parametrize("value", [None, "", []])
def test_what_is_not_given_is_not_shown(value: Any) -> None:
    assert "Value" not in ask({"value": value, "other": "x"})


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("**bold**", "\\*\\*bold\\*\\*"),
        ("`code` _it_ \\", "\\`code\\` \\_it\\_ \\\\"),
        ("[pay](https://evil.example)", "pay (https://evil.example)"),
        ("<img src=x onerror=alert(1)>", "img src=x onerror=alert(1)"),
        ("4**\n\n- Total: **free", "4\\*\\* - Total: \\*\\*free"),
    ],
)
def test_a_value_cannot_change_the_look_of_the_question(value: str, shown: str) -> None:
    assert f"- Value: **{shown}**" in ask({"value": value})


def test_names_and_titles_cannot_change_it_either() -> None:
    schema = {"type": "object", "properties": {"a": {"title": "<b>Free</b>\n- x"}}}
    text = ask({"a": 1, "[b](c)": 2}, name="say_*hi*", schema=schema)
    assert "**Say \\*hi\\***" in text
    assert "- b Free /b - x: **1**" in text
    assert "- b (c): **2**" in text
