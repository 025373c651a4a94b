from __future__ import annotations

from typing import Any

import pytest

from appliance.providers.builtin.phrasebook import choose_phrasebook
from appliance.providers.builtin.result_sentences import tell_result

WORDS: dict[str, Any] = {
    "sentences": {
        "success": {
            "en": "Parcel {number} {state}.[ It comes on {day}.]",
            "he": "חבילה {number} {state}.[ תגיע ב{day}.]",
        },
        "found": {"en": "I found these:", "he": "מצאתי:"},
        "lost": {"en": "There is no parcel {number}."},
    },
    "fields": {
        "state": {
            "x-values": {
                "sent": {"en": "has been sent", "he": "נשלחה"},
                "*": {"en": "is “{value}”", "he": "במצב “{value}”"},
            }
        },
        "due": {"x-money": True},
        "secret": {"x-hidden": True},
        "size": {"title": "Size", "x-titles": {"he": "גודל"}},
    },
}
PARCEL = {"success": True, "number": "7", "state": "sent"}


def tell(value: Any, language: str = "en", words: Any = None) -> str | None:
    return tell_result(value, WORDS if words is None else words, choose_phrasebook(language, ""))


def test_a_result_is_told_in_the_visitors_language():
    assert tell(PARCEL) == "Parcel 7 has been sent."
    assert tell(PARCEL, "he-IL") == "חבילה 7 נשלחה."
    assert tell(PARCEL, "fr") == "Parcel 7 has been sent."


def test_what_is_there_is_told_and_what_is_empty_left_out():
    told = tell({**PARCEL, "day": "2027-01-15", "due": None})
    assert told == "Parcel 7 has been sent. It comes on Friday, 15 January 2027."
    words = {"sentences": {"success": {"en": "[To pay: {due}.][ {day}]"}}, "fields": {}}
    assert tell({"due": 4.5, "currency": "EUR"}, words=words) == "To pay: 4.5."
    words = {**words, "fields": WORDS["fields"]}
    assert tell({"due": 4.5, "currency": "EUR"}, words=words) == "To pay: 4.50 EUR."


def test_a_code_that_nobody_named_is_shown_as_it_is():
    assert tell({**PARCEL, "state": "at_customs"}) == "Parcel 7 is “at_customs”."


def test_errors_and_outcomes_have_their_own_sentences():
    assert tell({"success": False, "error": "lost", "number": 9}) == "There is no parcel 9."
    assert tell({"success": True, "outcome": "found"}, "he") == "מצאתי:"


def test_lists_stand_below_with_names_and_money_and_without_what_is_hidden():
    items = [
        {"name": "Box", "price": 3.5, "currency": "EUR", "state": "sent", "secret": "x", "id": 4},
        {"name": "Bag", "size": "L", "weight_kg": 2},
    ]
    assert tell({"outcome": "found", "parcels": items}) == (
        "I found these:\n\n- **Box** – 3.50 EUR, has been sent\n- **Bag** – Size: L"
    )
    assert "גודל: L" in str(tell({"outcome": "found", "parcels": items}, "he"))


def test_long_lists_end_with_how_many_more():
    told = str(tell({"outcome": "found", "parcels": [{"name": f"n{n}"} for n in range(13)]}))
    assert told.count("\n- ") == 10
    assert "3 more" in told


@pytest.mark.parametrize(
    "value", [None, "done", [1], {"success": True}, {"success": False, "error": "other"}]
)
def test_without_a_fitting_sentence_there_is_none(value: Any):
    assert tell(value) is None


@pytest.mark.parametrize(
    "words",
    [
        {}, {"sentences": 3}, {"sentences": {"success": 5}}, {"sentences": {"success": {"en": 1}}},
        {"sentences": {"success": {"en": "{number}"}}, "fields": 7},
        {"sentences": {"success": {"en": "{number}"}}, "fields": {"number": 7}},
        {"sentences": {"success": {"en": "{number}"}}, "fields": {"number": {"x-values": 1}}},
    ],
)  # fmt: skip
def test_words_that_are_none_do_no_harm(words: Any):
    assert tell(PARCEL, words=words) in (None, "7")
