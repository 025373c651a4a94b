from __future__ import annotations

from typing import Any

import pytest

from appliance.providers.builtin.phrasebook import load_phrasebooks
from appliance.providers.builtin.result_values import MAX_VALUE_LENGTH, is_currency, render_inline


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (True, "Yes"),
        (3, "3"),
        (14.5, "14.5"),
        (2.0, "2"),
        ("2025-05-09", "Friday, 9 May 2025"),
        ("2025-05-09T18:30:00Z", "Friday, 9 May 2025, 18:30"),
        ("19:05:00", "19:05"),
        ("2025-99-99", "2025-99-99"),
        ({"amount": 9.5, "currency": "EUR"}, "9.5 EUR"),
        ({"orderId": 7, "is_open": False}, "Order id: 7, Is open: No"),
        (["a", 1], "a, 1"),
        ([], "–"),
        ("two\nlines", "two lines"),
    ],
)
def test_values_are_readable(value: Any, text: str) -> None:
    assert render_inline(value, load_phrasebooks()["en"]) == text


def test_without_a_language_dates_stay_as_they_are() -> None:
    assert render_inline("2025-05-09") == "2025-05-09"
    assert render_inline(True) == "true"


def test_long_and_deep_values_are_cut() -> None:
    assert len(render_inline("x" * 9_999)) == MAX_VALUE_LENGTH
    deep: Any = "end"
    for _ in range(50):
        deep = [deep]
    assert render_inline(deep) == "…"
    assert render_inline(10**5_000) == "…"
    assert render_inline(list(range(20))).endswith("7, …")


def test_currency_codes_are_known_by_form() -> None:
    assert is_currency("EUR")
    assert not is_currency("euro")
    assert not is_currency(3)
