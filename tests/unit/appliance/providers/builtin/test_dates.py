from __future__ import annotations

from datetime import date

import pytest

from appliance.providers.builtin.dates import bare_weekday, is_day_first
from tests.unit.appliance.providers.builtin.reading import build_context, read


def days(text: str, language: str = "en", zone: str = "Europe/London") -> list[date]:
    return [mention.value for mention in read(text, language, zone).of_kind("date")]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("today", date(2025, 5, 7)),
        ("tomorrow please", date(2025, 5, 8)),
        ("the day after tomorrow", date(2025, 5, 9)),
        ("yesterday", date(2025, 5, 6)),
        ("on Friday", date(2025, 5, 9)),
        ("this Sunday", date(2025, 5, 11)),
        ("Wednesday", date(2025, 5, 7)),
        ("next Friday", date(2025, 5, 16)),
        ("next week", date(2025, 5, 14)),
        ("in 3 days", date(2025, 5, 10)),
        ("in two weeks", date(2025, 5, 21)),
        ("at the weekend", date(2025, 5, 10)),
        ("12 June", date(2025, 6, 12)),
        ("June 12", date(2025, 6, 12)),
        ("the 20th of May", date(2025, 5, 20)),
        ("5 May", date(2026, 5, 5)),
        ("1st of January 2027", date(2027, 1, 1)),
        ("2025-12-24", date(2025, 12, 24)),
        ("24/12/2025", date(2025, 12, 24)),
        ("24.12.", date(2025, 12, 24)),
        ("1/2/26", date(2026, 2, 1)),
        ("29/2", date(2028, 2, 29)),
        ("מחר", date(2025, 5, 8)),
        ("למחרתיים", date(2025, 5, 9)),
        ("ביום שני", date(2025, 5, 12)),
        ("ביום שישי הבא", date(2025, 5, 16)),
        ("בשבת", date(2025, 5, 10)),
        ("ב-15 למאי", date(2025, 5, 15)),
        ("בעוד שבוע", date(2025, 5, 14)),
        ("שבוע הבא", date(2025, 5, 14)),
    ],
)
def test_a_day_is_read(text: str, day: date) -> None:
    assert days(text) == [day]


def test_day_and_month_follow_language_and_zone() -> None:
    assert days("12/5") == [date(2025, 5, 12)]
    assert days("12/5", "en-US") == [date(2025, 12, 5)]
    assert days("12/5", "en", "America/New_York") == [date(2025, 12, 5)]
    assert days("12/5", "he", "America/New_York") == [date(2025, 5, 12)]
    assert days("13/5", "en-US") == [date(2025, 5, 13)]
    assert is_day_first(build_context("fr"))


@pytest.mark.parametrize(
    "text", ["31/2", "99/99/2025", "2025-13-40", "may I come", "שני אנשים", "10-12", "3 of us"]
)
def test_what_is_no_day_is_left_alone(text: str) -> None:
    assert days(text) == []


def test_a_week_begins_on_the_day_of_the_language() -> None:
    assert days("next Sunday", "en") == [date(2025, 5, 18)]
    assert days("ראשון הבא", "he") == [date(2025, 5, 11)]


def test_days_beyond_the_calendar_are_kept_within_it() -> None:
    assert days("in 99 weeks") == [date(2027, 3, 31)]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("שני", date(2025, 5, 12)),
        ("Friday", date(2025, 5, 9)),
        ("two", None),
        ("Friday or so", None),
        ("", None),
    ],
)
def test_the_bare_name_of_a_day_is_the_next_such_day(text: str, day: date | None) -> None:
    assert bare_weekday(read(text).reading, date(2025, 5, 7)) == day


@pytest.mark.parametrize("text", ["at 8 tonight", "tonight at 8", "see you on sundays, no: today"])
def test_the_day_of_a_time_is_a_date_too(text: str) -> None:
    assert date(2025, 5, 7) in days(text)


@pytest.mark.parametrize(
    "text",
    ["9-12 May", "from 9 to 12 May", "9-12/5", "9/5-12/5", "מה-9 עד ה-12 במאי", "מ-9.5 עד 12.5"],
)
def test_a_range_is_two_days(text: str) -> None:
    assert days(text) == [date(2025, 5, 9), date(2025, 5, 12)]
