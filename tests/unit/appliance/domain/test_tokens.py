from __future__ import annotations

import pytest

from appliance.domain.tokens import estimate_tokens, most_tokens


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("", 0, 1),
        ("Where is my order 12345? " * 20, 130, 160),
        ("איפה ההזמנה שלי מספר 12345? " * 20, 220, 330),
        ("我的订单在哪里" * 20, 100, 160),
    ],
)
def test_an_estimate_fits_the_script(text: str, low: int, high: int) -> None:
    assert low <= estimate_tokens(text) <= high
    assert estimate_tokens(text) <= most_tokens(len(text.encode()))


def test_hebrew_costs_nearly_twice_as_much_as_english() -> None:
    assert estimate_tokens("a" * 350) == 101
    assert estimate_tokens("א" * 350) == 176


def test_half_a_character_is_counted_too() -> None:
    assert estimate_tokens("\ud83d") == 1
