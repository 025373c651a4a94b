"""What a message says of a day, a time and a number of people, each read from text of its own."""

from __future__ import annotations

from datetime import date

import pytest

from appliance.domain.tool import ToolSpec
from appliance.providers.builtin.slot_filling import SlotReader
from appliance.providers.builtin.slots import build_slots
from tests.unit.appliance.providers.builtin.reading import build_context, read

SLOTS = build_slots(
    ToolSpec(
        name="book",
        description="",
        parameters_schema={
            "properties": {
                "date": {"type": "string", "format": "date"},
                "time": {"type": "string"},
                "people": {"type": "integer"},
            }
        },
    )
)
DAY = "2025-12-03"

HEBREW = [
    # A prefix before a day in digits, joined in every way.
    ("לקבוע תור ב-3/12 בשעה 10:00", DAY, "10:00", None),
    ("לקבוע תור ב־3/12 בשעה 10:00", DAY, "10:00", None),
    ("לקבוע תור ב–3/12 בשעה 10:00", DAY, "10:00", None),
    ("לקבוע תור ב 3/12 בשעה 10:00", DAY, "10:00", None),
    ("לקבוע תור ב3/12 בשעה 10:00", DAY, "10:00", None),
    ("לקבוע תור ב -3/12 בשעה 10:00", DAY, "10:00", None),
    ("ב-7/12 בשעה 11:00", "2025-12-07", "11:00", None),
    ("ב-3.12 בשעה 10:00", DAY, "10:00", None),
    ("ב-3.12 ב-10:00", DAY, "10:00", None),
    ("ב־3.12 לארבעה אנשים", DAY, None, 4),
    ("ל-02/12/2026 בשעה 11:00", "2026-12-02", "11:00", None),
    ("ל־3.12.2026", "2026-12-03", None, None),
    ("ל 3.12.2026 בשעה 9:30", "2026-12-03", "09:30", None),
    ("ל3.12.2026 בשעה 9:30", "2026-12-03", "09:30", None),
    ("ב-2.12.2026", "2026-12-02", None, None),
    ("בתאריך 2.12.2026", "2026-12-02", None, None),
    ("ב-2026-12-02 בשעה 18:00", "2026-12-02", "18:00", None),
    ("ב-02-12-2026 בשעה 18:00", "2026-12-02", "18:00", None),
    ("אילו שעות פנויות ב-3/12?", DAY, None, None),
    ("אפשר ב-3/12 ל-4 אנשים", DAY, None, 4),
    ("אפשר ב-3/12 ל־4 אנשים ב־19:30", DAY, "19:30", 4),
    ("מה-3/12 עד ה-5/12", DAY, None, None),
    ("מה־3/12 עד ה־5/12 לשני אנשים", DAY, None, 2),
    ("מ-3.12 עד 5.12", DAY, None, None),
    ("עד 3/12", DAY, None, None),
    ("עד-3/12", DAY, None, None),
    ("עד ה-3/12 בשעה 12:00", DAY, "12:00", None),
    ("ב-3/12-5/12 לשלושה אנשים", DAY, None, 3),
    # A prefix before a day and a month by its name.
    ("ב-2 בדצמבר", "2025-12-02", None, None),
    ("לקבוע תור ב2 בדצמבר בשעה 11:00", "2025-12-02", "11:00", None),
    ("לקבוע תור ב־2 בדצמבר בשעה 11:00", "2025-12-02", "11:00", None),
    ("ב 2 לדצמבר ל4 אנשים", "2025-12-02", None, 4),
    ("ל-2 בדצמבר 2026", "2026-12-02", None, None),
    ("ה-3 לדצמבר בשבע בערב", DAY, "19:00", None),
    ("3-5 בדצמבר", DAY, None, None),
    ("מה-3 עד ה-5 בדצמבר", DAY, None, None),
    ("מ-3 עד 5 בדצמבר לארבעה אנשים", DAY, None, 4),
    ("בין ה-3 ל-5 בדצמבר", DAY, None, None),
    ("מה-3 עד ה-5/12", DAY, None, None),
    ("ב-3-5/12 בשעה 10:00", DAY, "10:00", None),
    ("ב-31 בפברואר בשעה 10:00", None, "10:00", None),
    # A prefix before a time.
    ("מחר ב-10:00", "2025-05-08", "10:00", None),
    ("מחר ב־10:00 לשניים", "2025-05-08", "10:00", 2),
    ("מחר ב10:00", "2025-05-08", "10:00", None),
    ("מחר ב-7 בערב", "2025-05-08", "19:00", None),
    ("מחר ב7 בערב ל6 אנשים", "2025-05-08", "19:00", 6),
    ("מחר בשעה 9.30", "2025-05-08", "09:30", None),
    ("מחר ב-9.30", "2025-05-08", "09:30", None),
    ("מחר בשעה 3.12", "2025-05-08", "03:12", None),
    ("מחר בין 3 ל-5", "2025-05-08", "03:00", None),
    ("מחר מ-10 עד 12", "2025-05-08", "10:00", None),
    ("מחר מ־10 עד ה־12 לשניים", "2025-05-08", "10:00", 2),
    ("מ-10 עד 12 אנשים", None, None, 12),
    ("מחר בין 10:00 ל-12:00", "2025-05-08", "10:00", None),
    ("מחר בשעה 25:00", "2025-05-08", None, None),
    # A prefix before a number of people, and numbers that are no such thing.
    ("שולחן ל-4", None, None, 4),
    ("שולחן ל־4", None, None, 4),
    ("שולחן ל–4", None, None, 4),
    ("שולחן ל 4", None, None, 4),
    ("שולחן ל4", None, None, 4),
    ("שולחן ל -4 אנשים", None, None, 4),
    ("שולחן ל-3-5 אנשים", None, None, 5),
    ("בין 3 ל-5 אנשים", None, None, 5),
    ("-3 אנשים", None, None, -3),
    ("תור מחר, הטלפון 052-333-4444", "2025-05-08", None, None),
    ("תור מחר, הטלפון שלי ב-03-5551234", "2025-05-08", None, None),
    ("הזמנה NB-3/12 מחר", "2025-05-08", None, None),
    ("עד 250 ₪ ב-3/12", DAY, None, None),
]
ENGLISH = [
    ("book on 3/12 at 10:00", DAY, "10:00", None),
    ("book on 3/12 at 10 for 4 people", DAY, "10:00", 4),
    ("3/12/2026, 19:30, 2 people", "2026-12-03", "19:30", 2),
    ("on 3.12. at 7.30", DAY, "07:30", None),
    ("at 7.30 for 3", None, "07:30", 3),
    ("around 3.12 tomorrow", "2025-05-08", "03:12", None),
    ("2026-12-03 at 18:00", "2026-12-03", "18:00", None),
    ("2026/12/03 at 18:00", "2026-12-03", "18:00", None),
    ("2026-12-03T18:00", "2026-12-03", "18:00", None),
    ("2026-12-03 18:00 052-3334444", "2026-12-03", "18:00", None),
    ("03-12-2026 for two", "2026-12-03", None, 2),
    ("from 3/12 to 5/12 for 2 guests", DAY, None, 2),
    ("3/12-5/12", DAY, None, None),
    ("3-5 December", DAY, None, None),
    ("from 3 to 5 December at 10:00", DAY, "10:00", None),
    ("from the 3rd to the 5th of December", DAY, None, None),
    ("between 3 and 5 December for 2", DAY, None, 2),
    ("3-5/12 for 2", DAY, None, 2),
    ("from 28 to 3/12", "2025-11-28", None, None),
    ("a table for 3 on 5/12", "2025-12-05", None, 3),
    ("December 3-5 for 4 people", DAY, None, 4),
    ("3rd of December at 7pm", DAY, "19:00", None),
    ("3 December 2026 at noon", "2026-12-03", "12:00", None),
    ("tomorrow at 25:00", "2025-05-08", None, None),
    ("tomorrow at 24:30", "2025-05-08", None, None),
    ("tomorrow at 12:75", "2025-05-08", None, None),
    ("tomorrow at 13am", "2025-05-08", None, None),
    ("31/2 at 10:00", None, "10:00", None),
    ("31/2/2026 for 4 people", None, None, 4),
    ("2026-13-40", None, None, None),
    ("31 February at 10:00", None, "10:00", None),
    ("February 31 at 10:00", None, "10:00", None),
    ("may 35 people come tomorrow", "2025-05-08", None, 35),
    ("3-5 people tomorrow", "2025-05-08", None, 5),
    ("3 to 5 people tomorrow", "2025-05-08", None, 5),
    ("between 3 and 5 people tomorrow", "2025-05-08", None, 5),
    ("tomorrow between 3 and 5", "2025-05-08", "03:00", None),
    ("tomorrow between 3 and 5 for 2 people", "2025-05-08", "03:00", 2),
    ("tomorrow 15:00 PM", "2025-05-08", "15:00", None),
    ("tomorrow at 10-12", "2025-05-08", "10:00", None),
    ("tomorrow from 10 to 12", "2025-05-08", "10:00", None),
    ("tomorrow 10:00-12:00", "2025-05-08", "10:00", None),
    ("tomorrow 3-5pm", "2025-05-08", "15:00", None),
    ("tomorrow 19:00-4 people", "2025-05-08", "19:00", 4),
    ("tomorrow at 7 for 4", "2025-05-08", "07:00", 4),
    ("-3 people tomorrow", "2025-05-08", None, -3),
    ("\u22123 people tomorrow", "2025-05-08", None, -3),
    ("tomorrow, my number is 054-12-34567", "2025-05-08", None, None),
    ("tomorrow, call me at 03-5551234", "2025-05-08", None, None),
    ("tomorrow, call 03 555 1234", "2025-05-08", None, None),
    ("tomorrow, +972-50-123-4567", "2025-05-08", None, None),
    ("052-3334444 19:00", None, "19:00", None),
    ("order NB-3/12", None, None, None),
    ("order NB-3/12 on 4/12", "2025-12-04", None, None),
    ("order #12 tomorrow", "2025-05-08", None, None),
    ("dana.3-12@mail.example tomorrow", "2025-05-08", None, None),
    ("https://shop.example/3/12 tomorrow", "2025-05-08", None, None),
    ("it costs $7.10", None, None, None),
    ("it costs 7.10 \u20ac tomorrow", "2025-05-08", None, None),
    ("under 80\u20aa on 3/12", DAY, None, None),
]


def values(text: str, language: str) -> dict[str, object]:
    reader = SlotReader(
        read(text, language), SLOTS, build_context().now, lambda minutes, _: minutes
    )
    return dict(reader.read_all(is_opening=True).values)


def expected(day: str | None, clock: str | None, people: int | None) -> dict[str, object]:
    said = {"date": day, "time": clock, "people": people}
    return {key: value for key, value in said.items() if value is not None}


@pytest.mark.parametrize(("text", "day", "clock", "people"), HEBREW)
def test_hebrew_values_are_read_once(
    text: str, day: str | None, clock: str | None, people: int | None
) -> None:
    assert values(text, "he") == expected(day, clock, people)


@pytest.mark.parametrize(("text", "day", "clock", "people"), ENGLISH)
def test_english_values_are_read_once(
    text: str, day: str | None, clock: str | None, people: int | None
) -> None:
    assert values(text, "en") == expected(day, clock, people)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("time", "25:00", None),
        ("time", "24:30", None),
        ("time", "-5", None),
        ("time", "3/12", None),
        ("time", "ב-3/12", None),
        ("time", "052-3334444", None),
        ("time", "ב-10", "10:00"),
        ("time", "ב10", "10:00"),
        ("time", "24:00", "00:00"),
        ("time", "between 3 and 5", "03:00"),
        ("time", "בין 3 ל-5", "03:00"),
        ("people", "25:00", None),
        ("people", "31/2", None),
        ("people", "NB-3/12", None),
        ("people", "3-5", 5),
        ("people", "ל-3-5", 5),
        ("people", "בין 3 ל-5", 5),
        ("people", "2 or 3", 2),
        ("people", "ל-4", 4),
        ("people", "ל־4", 4),
        ("people", "-5", -5),
        ("date", "31 February", None),
        ("date", "25:00", None),
        ("date", "ל-3/12", date(2025, 12, 3).isoformat()),
    ],
)
def test_an_answer_takes_no_part_of_another_value(key: str, text: str, value: object) -> None:
    slot = next(slot for slot in SLOTS if slot.key == key)
    reader = SlotReader(read(text), SLOTS, build_context().now, lambda minutes, _: minutes)
    assert reader.read_answer(slot) == value
