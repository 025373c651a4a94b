from __future__ import annotations

import pytest

from appliance.providers.builtin import intents
from tests.unit.appliance.providers.builtin.reading import read


@pytest.mark.parametrize(
    ("text", "talk"),
    [
        ("hi", "greeting"),
        ("hello there, good morning", "greeting"),
        ("thank you so much", "thanks"),
        ("thanks, bye", "goodbye"),
        ("שלום", "greeting"),
        ("תודה רבה", "thanks"),
        ("hi, where is my order", None),
        ("hi, where are you?", None),
        ("hello kitty lamps", None),
    ],
)
def test_small_talk_is_only_small_talk(text: str, talk: str | None) -> None:
    assert intents.find_small_talk(read(text)) == talk


@pytest.mark.parametrize(
    ("text", "is_meant"),
    [
        ("I want to talk to a human", True),
        ("can I speak to someone please", True),
        ("נציג בבקשה", True),
        ("a dress for a human sized doll house party", False),
        ("when are you open", False),
    ],
)
def test_the_wish_for_a_person(text: str, is_meant: bool) -> None:
    assert intents.wants_human(read(text)) is is_meant


@pytest.mark.parametrize(
    ("text", "is_meant"),
    [
        ("cancel", True),
        ("no, never mind", True),
        ("עזוב, לא משנה", True),
        ("cancel my appointment", False),
        ("cancel order 12345", False),
    ],
)
def test_calling_it_off(text: str, is_meant: bool) -> None:
    assert intents.cancels(read(text)) is is_meant


def test_who_is_answering_and_what_it_can_do() -> None:
    assert intents.asks_identity(read("are you a real person?"))
    assert intents.asks_identity(read("אתה בוט?"))
    assert not intents.asks_identity(read("who are your suppliers"))
    assert intents.asks_capabilities(read("what can you do?"))
    assert not intents.asks_capabilities(read("help me find a red lamp"))


def test_questions_requests_and_follow_ups() -> None:
    assert intents.is_question(read("how long does it take"))
    assert intents.is_question(read("really?"))
    assert not intents.is_question(read("book a table"))
    assert intents.is_request(read("I'd like a table"))
    assert intents.is_follow_up(read("and order 678?"))
    assert not intents.is_follow_up(read("what about your blue ceramic garden gnomes"))


def test_words_left_over_carry_the_topic() -> None:
    assert intents.leftover(read("hello, blue lamps please")) == 2


@pytest.mark.parametrize(
    ("text", "is_asking"),
    [
        ("hang on, how much is it", True),
        ("hi how much is it", True),
        ("רגע כמה זה עולה", True),
        ("can I bring a dog", True),
        ("do i need to book", True),
        ("book it for tomorrow", False),
        ("send it to the man who asked", False),
        ("יש לי בעיה", False),
        ("יש לי תור מחר?", True),
        ("יש חניה", True),
    ],
)
def test_a_question_may_come_behind_other_words(text: str, is_asking: bool) -> None:
    assert intents.is_question(read(text)) == is_asking


@pytest.mark.parametrize(
    ("text", "is_meant"),
    [
        ("your email address?", True),
        ("מה הטלפון של החנות", True),
        ("where r u on instagram", True),
        ("do you sell phones", False),
        ("hello", False),
    ],
)
def test_only_a_way_to_reach_the_shop_is_asked(text: str, is_meant: bool) -> None:
    assert intents.asks_contact(read(text)) == is_meant


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("and rosemary?", "rosemary"), ("ורוזמרין?", "רוזמרין"), ("rosemary", ""), ("", "")],
)
def test_what_a_follow_up_is_after(text: str, wanted: str) -> None:
    assert intents.follow_up_text(read(text)) == wanted


@pytest.mark.parametrize(
    ("text", "is_on"),
    [
        ("and for three?", True),
        ("what about friday", True),
        ("ומה עם שישי", True),
        ("friday", False),
        ("", False),
    ],
)
def test_what_goes_on_with_the_last_question(text: str, is_on: bool) -> None:
    assert intents.leads_on(read(text)) == is_on


@pytest.mark.parametrize(
    ("text", "is_meant"),
    [
        ("I want to book", True),
        ("hello, please book it", True),
        ("can I book", False),
        ("how many lessons do I need", False),
        ("כמה שיעורים צריך", False),
    ],
)
def test_a_plain_request_is_no_question_for_leave(text: str, is_meant: bool) -> None:
    assert intents.is_plain_request(read(text)) == is_meant


@pytest.mark.parametrize(
    ("text", "is_meant"),
    [
        ("מתי אתם נסגרים היום?", True),
        ("when do you shut", True),
        ("נסגר לי החשבון", False),
    ],
)
def test_only_the_opening_hours_are_asked(text: str, is_meant: bool) -> None:
    assert intents.asks_hours(read(text)) == is_meant
