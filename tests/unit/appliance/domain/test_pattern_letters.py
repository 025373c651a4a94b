from __future__ import annotations

import re
from re import _parser as parser  # type: ignore[attr-defined]

import pytest

from appliance.domain.pattern_letters import read_letters

CHARS = [*map(chr, range(128)), "\u0663", "\u00a0", "é", "א", "€", "K", "ſ", "🍕", "\u2003"]


def letters_of(pattern: str) -> int:
    tree = parser.parse(pattern)
    [(code, value)] = tree
    return read_letters(code, value, tree.state.flags)


@pytest.mark.parametrize(
    "pattern",
    [
        "a", "é", "[^a]", "[^é]", r"\d", r"\D", r"\s", r"\S", r"\w", r"\W", "[a-f0-3]", "[א-ת]",
        r"[^\s@]", r"[^\W\d]", "(?i)a", "(?i)k", "(?i)[s-t]", "(?i)[^k]", r"(?a)\w", r"(?a)\W",
        r"(?a)[^\W]", r"(?a)[^\S]", "[\u0080-\U0010ffff]", "(?i)[\u0100-\uffff]", "(?s).", ".",
    ],
)  # fmt: skip
def test_a_set_holds_every_letter_that_the_pattern_takes(pattern: str) -> None:
    """Of two patterns that take one letter both, the sets share something."""
    taken = [char for char in CHARS if re.fullmatch(pattern, char)]
    assert taken
    for char in taken:
        assert letters_of(pattern) & letters_of(re.escape(char)), repr(char)


@pytest.mark.parametrize(
    ("one", "other"),
    [("a", "b"), (r"\d", "[a-z]"), (r"\w", "-"), (r"\s", r"\S"), (r"\d", r"\s"), ("[^@]", "@")],
)
def test_sets_without_a_letter_in_common_share_nothing(one: str, other: str) -> None:
    assert not letters_of(one) & letters_of(other)
