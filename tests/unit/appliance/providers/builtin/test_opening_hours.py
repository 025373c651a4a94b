from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from appliance.providers.builtin.opening_hours import Span, build_week, describe


def span(start: str, end: str) -> Span:
    def minutes(text: str) -> int:
        return int(text[:2]) * 60 + int(text[3:])

    return Span(minutes(start), minutes(end))


@pytest.mark.parametrize(
    ("label", "days"),
    [
        ("Monday", (0,)),
        ("sun", (6,)),
        ("Mon-Fri", (0, 1, 2, 3, 4)),
        ("Mon – Thu", (0, 1, 2, 3)),
        ("mon_fri", (0, 1, 2, 3, 4)),
        ("Friday to Sunday", (4, 5, 6)),
        ("Sat-Mon", (5, 6, 0)),
        ("Tue & Thu", (1, 3)),
        ("weekdays", (0, 1, 2, 3, 4)),
        ("Weekend", (5, 6)),
        ("daily", (0, 1, 2, 3, 4, 5, 6)),
        ("א-ה", (6, 0, 1, 2, 3)),
        ("ראשון עד חמישי", (6, 0, 1, 2, 3)),
        ("יום שישי", (4,)),
        ("ימי ו", (4,)),
        ("שבת", (5,)),
        ("Kitchen", ()),
        ("Holidays", ()),
        ("Friday kitchen", ()),
        ("", ()),
    ],
)
def test_days_are_read_from_any_label(label: str, days: tuple[int, ...]) -> None:
    [entry] = build_week({label: "9-5"}).entries
    assert entry.days == days


@pytest.mark.parametrize(
    ("value", "spans"),
    [
        ("11:00–22:00", (span("11:00", "22:00"),)),
        ("9am - 6pm", (span("09:00", "18:00"),)),
        ("9-5", (span("09:00", "17:00"),)),
        ("from 8:30 to 12:00 and 13:00 to 17:00", (span("08:30", "12:00"), span("13:00", "17:00"))),
        ("18:00-02:00", (span("18:00", "26:00"),)),
        ("noon to midnight", (span("12:00", "24:00"),)),
        ("24 hours", (span("00:00", "24:00"),)),
        ("closed", ()),
        ("סגור", ()),
        (None, ()),
        (False, ()),
        ({"open": "09:00", "close": "17:00"}, (span("09:00", "17:00"),)),
        ({"closed": True}, ()),
        (
            [{"open": "09:00", "close": "13:00"}, {"open": "14:00", "close": "17:00"}],
            (span("09:00", "13:00"), span("14:00", "17:00")),
        ),
        ("by appointment", None),
        ("until late", None),
        (["9-12", "by appointment"], None),
        (17, None),
    ],
)
def test_times_are_read_from_any_value(value: Any, spans: tuple[Span, ...] | None) -> None:
    [entry] = build_week({"Monday": value}).entries
    assert entry.spans == spans


def test_the_most_specific_line_counts() -> None:
    week = build_week({"daily": "9-17", "Sunday": "closed"})
    sunday, monday = week.on(6), week.on(0)
    assert sunday is not None
    assert monday is not None
    assert (sunday.spans, monday.text) == ((), "9-17")


def test_an_opening_past_midnight_belongs_to_both_days() -> None:
    week = build_week({"Fri": "18:00-02:00", "Sat": "closed"})
    saturday = datetime(2025, 5, 10, 1, 0)  # noqa: DTZ001 - only the clock
    assert week.is_open_at(saturday) is True
    assert week.closes_at(saturday) == 2 * 60
    assert week.is_open_at(saturday.replace(hour=3)) is False


def test_the_next_opening_is_found_across_days() -> None:
    week = build_week({"Mon": "9-17", "Tue": "closed"})
    tuesday = datetime(2025, 5, 6, 10, 0)  # noqa: DTZ001 - only the clock
    opening = week.next_opening(tuesday)
    assert opening is not None
    assert (opening[0].date().isoformat(), opening[1]) == ("2025-05-12", 9 * 60)
    assert build_week({}).next_opening(tuesday) is None


def test_what_is_not_told_is_not_known() -> None:
    week = build_week({"Mon": "by appointment"})
    monday = datetime(2025, 5, 5, 10, 0)  # noqa: DTZ001 - only the clock
    assert week.is_open_at(monday) is None
    assert week.is_open_at(monday.replace(day=6)) is None
    assert week.closes_at(monday) is None


def test_values_are_described_on_one_line() -> None:
    assert describe({"open": "9", "close": "17", "note": "x"}) == "9–17"
    assert describe(["a", {"b": 1}]) == "a, b: 1"
    assert describe(None) == ""
