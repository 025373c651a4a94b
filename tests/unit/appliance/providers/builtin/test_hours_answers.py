from __future__ import annotations

from datetime import date

import pytest

from appliance.providers.builtin.hours_answers import answer_hours, list_hours, name_day
from appliance.providers.builtin.opening_hours import build_week
from appliance.providers.builtin.phrasebook import load_phrasebooks
from tests.unit.appliance.providers.builtin.reading import build_context, read

WEEK = build_week({"Mon-Wed": "9:00-17:00", "Friday": "closed", "Saturday": "by appointment"})
NOW = build_context().now  # Wednesday 14:30


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("are you open now?", "Yes, we are open now, until 17:00."),
        ("open on Friday?", "On Friday we are closed."),
        ("open tomorrow?", "Our opening hours:"),
        ("open on Monday at 10:00?", "Yes, on Monday at 10:00 we are open (09:00–17:00)."),
        ("open at 20:00?", "No, today, Wednesday, at 20:00 we are closed"),
        ("on Saturday?", "On Saturday: by appointment"),
        ("when are you open?", "Our opening hours:"),
    ],
)
def test_the_question_chooses_the_answer(text: str, answer: str) -> None:
    book = load_phrasebooks()["en"]
    assert answer_hours(WEEK, read(text), book, NOW).startswith(answer)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("פתוחים ביום שישי?", "ביום שישי אנחנו סגורים."),
        ("פתוחים ביום שני?", "ביום שני אנחנו פתוחים 09:00–17:00."),
        ("פתוחים היום?", "היום, יום רביעי, אנחנו פתוחים 09:00–17:00."),
        ("פתוחים בשבת?", "בשבת: by appointment"),
    ],
)
def test_the_answer_is_in_the_visitors_language(text: str, answer: str) -> None:
    assert answer_hours(WEEK, read(text, "he"), load_phrasebooks()["he"], NOW) == answer


def test_closed_now_tells_the_next_opening() -> None:
    late = NOW.replace(hour=20)
    text = answer_hours(WEEK, read("open now?"), load_phrasebooks()["en"], late)
    assert text == "We are closed right now. We open again on Monday at 09:00."


def test_days_are_named_in_the_visitors_language() -> None:
    text = list_hours(WEEK, load_phrasebooks()["he"])
    assert "יום שני – יום רביעי: 9:00-17:00" in text
    assert "יום שישי: סגור" in text


def test_lines_are_shown_as_given_in_their_own_language() -> None:
    week = build_week({"Kitchen": "until late", "lunch_menu": "11-14"})
    assert list_hours(week, load_phrasebooks()["en"]).endswith(
        "- Kitchen: until late\n- lunch menu: 11-14"
    )


def test_near_days_are_named_as_such() -> None:
    book = load_phrasebooks()["en"]
    assert name_day(date(2025, 5, 7), book, NOW) == "today, Wednesday"
    assert name_day(date(2025, 5, 8), book, NOW) == "tomorrow, Thursday"
    assert name_day(date(2025, 5, 10), book, NOW) == "on Saturday"
    assert name_day(date(2025, 5, 14), book, NOW) == "on Wednesday, 14 May"
    assert name_day(date(2026, 1, 2), book, NOW) == "on Friday, 2 January 2026"
