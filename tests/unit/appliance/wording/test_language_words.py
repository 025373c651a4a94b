from __future__ import annotations

from datetime import date

import pytest

from appliance.wording.language_words import (
    base_tag,
    load_all,
    load_words,
    tells_language,
    write_day,
)

DAY = date(2026, 11, 25)


def test_every_language_has_a_whole_week_and_year() -> None:
    for words in load_all().values():
        assert len(set(words.weekday_names)) == 7
        assert len(set(words.month_names)) == 12


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en-GB", "Wednesday, 25 November 2026"),
        ("iw", "יום רביעי, 25 בנובמבר 2026"),
        ("xx", "Wednesday, 25 November 2026"),
    ],
)
def test_days_are_written_as_the_language_has_them(language: str, text: str) -> None:
    assert write_day(DAY, load_words(language)) == text
    assert write_day(DAY, load_words(language), has_year=False) == text.removesuffix(" 2026")


def test_a_language_reads_its_own_letters() -> None:
    hebrew = load_words("he")
    assert hebrew.can_read("שם Name")
    assert hebrew.can_read("24/7")
    assert not hebrew.can_read("Name")


def test_only_the_first_subtag_counts() -> None:
    assert base_tag("pt_BR") == "pt"


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("Hello!", True),
        ("(כן)", True),
        ("order V-77", True),
        ("V-77", False),
        ("AB1234.", False),
        ("dana@shop.example", False),
        ("https://shop.example/a", False),
        ("050-1234567", False),
        ("👍 !", False),
    ],
)
def test_codes_and_addresses_are_of_no_language(text: str, is_told: bool) -> None:
    assert tells_language(text) is is_told
