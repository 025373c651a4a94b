from __future__ import annotations

import pytest

from appliance.providers.builtin.lexicon import read_text
from appliance.providers.builtin.times import bare_time, format_time
from tests.unit.appliance.providers.builtin.reading import read


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("19:00", "19:00"),
        ("at 7pm", "19:00"),
        ("7:30 p.m.", "19:30"),
        ("12am", "00:00"),
        ("12 pm", "12:00"),
        ("half past seven in the evening", "19:30"),
        ("quarter to nine", "08:45"),
        ("quarter past 6 in the morning", "06:15"),
        ("seven o'clock", "07:00"),
        ("noon", "12:00"),
        ("midnight", "00:00"),
        ("at 7.30", "07:30"),
        ("eight thirty", "08:30"),
        ("בשבע בערב", "19:00"),
        ("בשעה 20:15", "20:15"),
        ("תשע וחצי בבוקר", "09:30"),
        ("רבע לתשע", "08:45"),
        ("ארבע אחר הצהריים", "16:00"),
        ("בחצות", "00:00"),
    ],
)
def test_a_time_is_read(text: str, clock: str) -> None:
    [mention] = read(text).of_kind("time")
    assert format_time(mention.value) == clock


@pytest.mark.parametrize(
    ("text", "is_open"),
    [("at 7", True), ("7:30", True), ("07:30", False), ("19:00", False), ("7pm", False)],
)
def test_a_time_that_may_be_morning_or_evening_is_marked(text: str, is_open: bool) -> None:
    [mention] = read(text).of_kind("time")
    assert mention.is_ambiguous is is_open


@pytest.mark.parametrize(
    "text", ["25:00", "12:99", "for 4 people", "from 12 June", "it costs 7.30", "13pm", "one night"]
)
def test_what_is_no_time_is_left_alone(text: str) -> None:
    assert read(text).of_kind("time") == []


def test_an_answer_may_be_just_the_hour() -> None:
    for text in ("7", "seven", "בשבע"):
        mention = bare_time(read_text(text))
        assert mention is not None
        assert mention.value == 7 * 60
    assert bare_time(read_text("soon")) is None
    assert bare_time(read_text("77")) is None


@pytest.mark.parametrize(
    ("text", "clocks"),
    [
        ("a table for 2 tonight at 8", ["20:00"]),
        ("אחרי הצהריים בארבע", ["16:00"]),
        ("in the evening at seven", ["19:00"]),
    ],
)
def test_the_part_of_the_day_may_come_first(text: str, clocks: list[str]) -> None:
    assert [format_time(mention.value) for mention in read(text).of_kind("time")] == clocks
