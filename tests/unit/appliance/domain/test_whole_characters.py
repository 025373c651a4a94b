"""Halves of a character: joined, or replaced."""

from __future__ import annotations

import pytest

from appliance.domain.whole_characters import HalfJoiner, join_halves

FIRST, SECOND = "\ud83c", "\udf55"


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("", ""),
        ("שלום 🍕", "שלום 🍕"),
        (f"a{FIRST}{SECOND}b", "a🍕b"),
        (f"a{FIRST} b", "a\ufffd b"),
        (f"{SECOND}{FIRST}", "\ufffd\ufffd"),
        (f"🍕{FIRST}{FIRST}{SECOND}", "🍕\ufffd🍕"),
        (FIRST, "\ufffd"),
    ],
)
def test_halves_are_joined_or_replaced_and_all_else_stays(text: str, whole: str) -> None:
    assert join_halves(text) == whole


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pieces_of_any_size_are_joined_like_the_whole(size: int) -> None:
    text = f"a{FIRST}{SECOND}{FIRST}{SECOND} b{FIRST} {SECOND}c{FIRST}"
    joiner = HalfJoiner()
    pieces = [joiner.feed(text[at : at + size]) for at in range(0, len(text), size)]
    assert "".join(pieces) + joiner.finish() == "a🍕🍕 b\ufffd \ufffdc\ufffd"


def test_nothing_but_a_first_half_is_held_back() -> None:
    joiner = HalfJoiner()
    assert [joiner.feed(text) for text in (f"a{FIRST}", "", f"{SECOND}b", SECOND)] == [
        "a",
        "",
        "🍕b",
        "\ufffd",
    ]
    assert joiner.finish() == ""
