from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from appliance.providers.builtin.lexicon import read_text
from appliance.providers.builtin.slot_filling import denied_words
from appliance.providers.builtin.slot_values import (
    combine,
    find_choices,
    spell_code,
    write_code,
    write_date,
    write_datetime,
    write_number,
    write_time,
)
from appliance.providers.builtin.slots import Choice
from tests.unit.appliance.providers.builtin.reading import build_context, read
from tests.unit.appliance.providers.builtin.test_slot_checks import slot

DAY = date(2025, 6, 2)
NOW = build_context().now


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({}, "2025-06-02"),
        ({"pattern": r"^\d{2}/\d{2}/\d{4}$"}, "02/06/2025"),
        ({"examples": ["31.12.2024"]}, "02.06.2025"),
        ({"pattern": "^never$"}, "2025-06-02"),
    ],
)
def test_dates_take_the_schemas_form(schema: Any, text: str) -> None:
    assert write_date(slot(schema), DAY) == text


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({}, "19:05"),
        ({"pattern": r"^\d{2}:\d{2}:\d{2}$"}, "19:05:00"),
        ({"examples": ["08:00 AM"]}, "07:05 PM"),
    ],
)
def test_times_take_the_schemas_form(schema: Any, text: str) -> None:
    assert write_time(slot(schema), 19 * 60 + 5) == text


def test_moments_are_in_the_shops_zone() -> None:
    assert write_datetime(slot({}), DAY, 600, NOW) == "2025-06-02T10:00:00+01:00"
    plain = slot({"pattern": r"^\d{4}-\d\d-\d\d \d\d:\d\d$"})
    assert write_datetime(plain, DAY, 600, NOW) == "2025-06-02 10:00"


def test_a_moment_needs_day_and_time() -> None:
    dates = read("on Friday").of_kind("date")
    assert combine(slot({}), dates, [600], NOW) == "2025-05-09T10:00:00+01:00"
    assert combine(slot({}), dates, [], NOW) is None
    assert combine(slot({}), [], [600], NOW) is None


def test_numbers_take_the_schemas_type() -> None:
    assert write_number(slot({"type": "integer"}), 3.0) == 3
    assert write_number(slot({"type": "number"}), 2.5) == 2.5
    assert write_number(slot({"type": "string"}), 4) == "4"


@pytest.mark.parametrize(
    ("schema", "text", "code"),
    [
        ({"type": "integer"}, "#0077", 77),
        ({"type": "integer"}, "R-77", None),
        ({"type": "string"}, "ab-12", "ab-12"),
        ({"pattern": "^R-\\d+$"}, "r-12", "R-12"),
        ({"pattern": "^#\\d+$"}, "12", "#12"),
        ({"pattern": "^\\d{3}$"}, "12", None),
    ],
)
def test_codes_take_the_schemas_form(schema: Any, text: str, code: Any) -> None:
    assert write_code(slot(schema), text) == code


def test_choices_are_known_by_label_or_value() -> None:
    choices = (Choice("deep_clean", "Deep clean"), Choice("clean", "Clean"), Choice(3, "Large"))
    assert [c.value for c in find_choices(choices, read_text("a deep clean please"))] == [
        "deep_clean", "clean",
    ]  # fmt: skip
    assert [c.value for c in find_choices(choices, read_text("the large one"))] == [3]
    assert find_choices(choices, read_text("none of it")) == []


@pytest.mark.parametrize(
    ("pattern", "said", "code"),
    [
        (r"^OL-\d{5}$", "10233", "OL-10233"),
        (r"^OL-\d{5}$", "ol10233", "OL-10233"),
        (r"^[A-Z]{3}\d{4}$", "fxl1234", "FXL1234"),
        (r"^OL-\d{5}$", "77", None),
        (r"^\d{5}$", "OL-10233", None),
    ],
)
def test_a_code_is_completed_as_its_pattern_begins(
    pattern: str, said: str, code: str | None
) -> None:
    assert write_code(slot({"pattern": pattern}), said) == code


def test_letters_written_apart_belong_to_the_code() -> None:
    message = read("track ol 20455")
    assert spell_code(message, message.codes[0]) == "ol20455"


@pytest.mark.parametrize(
    ("labels", "said", "chosen"),
    [
        (("automatic", "manual"), "על ידני", ["manual"]),
        (("Monday", "Tuesday"), "ביום שלישי", ["Tuesday"]),
        (("אדום", "כחול"), "the red one", ["אדום"]),
        (("phone", "laptop"), "not phone, laptop", ["laptop", "phone"]),
        (("full service", "quick service"), "a service please", []),
        (("large", "big"), "גדול", []),
    ],
)
def test_a_choice_may_be_named_in_another_language(
    labels: tuple[str, ...], said: str, chosen: list[str]
) -> None:
    message = read(said)
    choices = [Choice(label, label) for label in labels]
    denied = denied_words(message)
    assert [c.value for c in find_choices(choices, message.reading, denied)] == chosen
