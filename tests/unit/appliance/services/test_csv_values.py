from __future__ import annotations

from typing import Any

import pytest

from appliance.services.csv_values import Habits, read_cell

HABITS = Habits(decimal_sign="point", date_order="day_first", time_zone="Asia/Jerusalem")
COMMA = Habits(decimal_sign="comma", date_order="month_first", time_zone="UTC")
UNSAID = Habits(decimal_sign=None, date_order=None, time_zone="UTC")


@pytest.mark.parametrize("kind", ["string", "number", "boolean", "date"])
def test_an_empty_cell_is_null(kind: Any):
    assert read_cell("", kind, HABITS) is None


def test_a_text_stays_as_it_is_but_for_the_mark_of_a_formula():
    assert read_cell("  two  words ", "string", HABITS) == "  two  words "
    assert read_cell("'=1+1", "string", HABITS) == "=1+1"
    assert read_cell("007", "string", HABITS) == "007"


@pytest.mark.parametrize(
    ("text", "habits", "value"),
    [
        ("5", HABITS, 5), ("-5.25", HABITS, -5.25), (" 12.50 ", HABITS, 12.5),
        ("1e-07", HABITS, 1e-7),
        (".5", HABITS, 0.5), ("1,234", HABITS, 1234), ("1,234,567.5", HABITS, 1234567.5),
        ("1.234", HABITS, 1.234), ("12,5", HABITS, 12.5), ("1.234.567", HABITS, 1234567),
        ("1.234,5", HABITS, 1234.5), ("₪ 45.90", HABITS, 45.9), ("45,90 ₪", HABITS, 45.9),
        ("$1,234.00", HABITS, 1234), ("-£5", HABITS, -5), ("12 EUR", HABITS, 12),
        ('30 ש"ח', HABITS, 30), ("(12.50)", HABITS, -12.5), ("1 234,5", HABITS, 1234.5),
        ("1\u00a0234.5", HABITS, 1234.5), ("1'234.5", HABITS, 1234.5), ("1,234", COMMA, 1.234),
        ("1.234", COMMA, 1234), ("12.5", COMMA, 12.5), ("0,5", UNSAID, 0.5), ("99", UNSAID, 99),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(text: str, habits: Habits, value: float):
    assert read_cell(text, "number", habits) == value


@pytest.mark.parametrize(
    "text", ["five", "1.2.3", "1,23,4", "12,345,6", "--5", "5%", "1,2.3,4", "nan", "inf", "0x10"]
)
def test_what_is_no_number_is_refused(text: str):
    with pytest.raises(ValueError, match="no number"):
        read_cell(text, "number", HABITS)


@pytest.mark.parametrize("text", ["1,234", "1.234"])
def test_a_number_that_could_be_two_is_refused_when_nobody_said(text: str):
    with pytest.raises(ValueError, match="two ways"):
        read_cell(text, "number", UNSAID)


@pytest.mark.parametrize(
    ("text", "value"),
    [("TRUE", True), ("yes", True), ("כן", True), ("1", True), ("False", False), ("לא", False)],
)
def test_yes_and_no(text: str, value: bool):
    assert read_cell(text, "boolean", HABITS) is value


def test_what_is_neither_is_refused():
    with pytest.raises(ValueError, match="neither"):
        read_cell("maybe", "boolean", HABITS)


@pytest.mark.parametrize(
    ("text", "habits", "value"),
    [
        ("2026-01-31", HABITS, "2026-01-30T22:00:00.000Z"),
        ("2026-07-31", HABITS, "2026-07-30T21:00:00.000Z"),
        ("2026-01-31T09:30:00.000Z", HABITS, "2026-01-31T09:30:00.000Z"),
        ("2026-01-31 09:30", HABITS, "2026-01-31T07:30:00.000Z"),
        ("31/01/2026", HABITS, "2026-01-30T22:00:00.000Z"),
        ("3/4/26 14:05", HABITS, "2026-04-03T11:05:00.000Z"),
        ("3.4.2026", COMMA, "2026-04-03T00:00:00.000Z"),
        ("3/4/2026", COMMA, "2026-03-04T00:00:00.000Z"),
        ("31/4/2025", UNSAID, None), ("13/4/2025", UNSAID, "2025-04-13T00:00:00.000Z"),
        ("4/13/2025", UNSAID, "2025-04-13T00:00:00.000Z"),
        ("4-4-2025", UNSAID, "2025-04-04T00:00:00.000Z"),
        ("3/4/2025", UNSAID, None), ("soon", HABITS, None), ("2026-02-30", HABITS, None),
    ],
)  # fmt: skip
def test_dates_as_people_write_them_are_of_the_shops_time(
    text: str, habits: Habits, value: str | None
):
    if value is None:
        with pytest.raises(ValueError, match=r"two ways|no date"):
            read_cell(text, "date", habits)
    else:
        assert read_cell(text, "date", habits) == value
