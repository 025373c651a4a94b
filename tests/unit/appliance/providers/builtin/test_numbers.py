from __future__ import annotations

import pytest

from appliance.providers.builtin.lexicon import read_text
from appliance.providers.builtin.mentions import Mention
from appliance.providers.builtin.numbers import (
    end_of_range,
    find_negatives,
    find_numbers,
    number_at,
    small_number,
)
from appliance.providers.builtin.words import split_words


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("4", [4]),
        ("for two", [2]),
        ("twenty five", [25]),
        ("three hundred", [300]),
        ("a dozen", [12]),
        ("1,250.50 euros", [1250.5]),
        ("3.0", [3]),
        ("-5", [-5]),
        ("a-5", [5]),
        ("3-5", [3, 5]),
        ("ל-5", [5]),
        ("ל -5", [5]),
        ("של -5", [-5]),
        ("לארבעה", [4]),
        ("עשרים וחמש", [25]),
        ("שתים עשרה", [12]),
        ("none at all", []),
    ],
)
def test_numbers_are_read(text: str, numbers: list[float]) -> None:
    assert [mention.value for mention in find_numbers(read_text(text))] == numbers


def test_a_number_of_any_length_is_read() -> None:
    [mention] = find_numbers(read_text("9" * 900))
    assert mention.value > 10**200


@pytest.mark.parametrize(
    ("text", "value"),
    [("3-5", 5), ("between 3 and 5", 5), ("בין שלושה לחמישה", 5), ("3 or 5", 3), ("3", 3)],
)
def test_a_range_is_taken_at_its_end(text: str, value: int) -> None:
    reading = read_text(text)
    assert end_of_range(reading, sorted(find_numbers(reading), key=by_place)).value == value


def by_place(mention: Mention) -> int:
    return mention.start


def test_number_words_are_found_at_their_place() -> None:
    words = split_words("table for two")
    assert number_at(words, 0) is None
    hit = number_at(words, 2)
    assert hit is not None
    assert (hit.value, hit.length) == (2, 1)


def test_only_one_or_two_digits_are_small() -> None:
    assert [small_number(word) for word in split_words("7 42 123 x")] == [7, 42, None, None]


def test_only_numbers_with_a_sign_of_their_own_are_below_zero() -> None:
    found = find_negatives(read_text("-5 or \u22127, 3-5, ב-3"))
    assert [mention.value for mention in found] == [-5, -7]
