from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.providers.builtin.words import (
    MAX_TEXT_LENGTH,
    fold,
    is_hebrew,
    normalise,
    split_words,
    stem,
    stems,
    variants,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("deliveries", "delivery"),
        ("opening", "open"),
        ("closed", "close"),
        ("boxes", "box"),
        ("parking", "park"),
        ("shipped", "ship"),
        ("הזמנות", "הזמנה"),
        ("ילדים", "ילד"),
    ],
)
def test_forms_of_a_word_share_a_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


@pytest.mark.parametrize(("one", "other"), [("bus", "bu"), ("news", "ne"), ("ring", "r")])
def test_short_words_keep_their_body(one: str, other: str) -> None:
    assert stem(one) != other


def test_hebrew_prefixes_come_off_in_their_order_only() -> None:
    assert "משלוח" in variants("והמשלוח")
    assert "מרפאה" in variants("שבמרפאה")
    assert "חן" not in variants("שולחן")
    assert variants("open") == ("open",)


def test_vowel_points_quotes_and_dashes_are_one() -> None:
    assert normalise("שָׁלוֹם") == "שלום"
    assert normalise("11:00–22:00") == "11:00-22:00"
    assert fold("ש״ח") == fold('ש"ח') or fold(normalise("ש״ח")) == fold('ש"ח')
    assert fold("Café") == "cafe"
    assert fold("shop's") == "shop"


def test_words_keep_their_places() -> None:
    text = normalise("Is it 12.5, or don't you know?")
    assert [text[word.start : word.end] for word in split_words(text)] == [
        "Is", "it", "12.5", "or", "don't", "you", "know",
    ]  # fmt: skip


def test_a_hebrew_prefix_before_digits_is_a_word() -> None:
    words = split_words(normalise("ב2 בדצמבר, מה-3 עד5, A4"))
    assert [word.written for word in words] == ["ב", "2", "בדצמבר", "מה", "3", "עד", "5", "A4"]


def test_scripts_are_told_apart() -> None:
    assert is_hebrew("abc א")
    assert not is_hebrew("abc")


@given(st.text(max_size=60))
def test_any_text_is_split_and_stemmed(text: str) -> None:
    for word in split_words(normalise(text)):
        assert stems(word.folded)
        assert variants(word.folded)[0] == word.folded


def test_long_texts_are_cut() -> None:
    assert len(normalise("a" * 10_000)) == MAX_TEXT_LENGTH


def test_a_sign_that_stands_for_a_sentence_makes_no_text_longer() -> None:
    assert len(normalise("ﷺ" * MAX_TEXT_LENGTH)) == MAX_TEXT_LENGTH
