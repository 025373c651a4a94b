"""The letters that a piece of a regular expression can take, as sets that tell what they share.

Owns the sets; what they say of a pattern is decided by ``appliance.domain.safe_patterns``. A set is
a number with a bit for every ASCII character and one for each kind of the others; it may hold too
much, never too little.
"""

from __future__ import annotations

import re
from functools import lru_cache
from re import _constants as codes  # type: ignore[attr-defined]
from typing import Any, Final

_ASCII: Final = 128
_KINDS: Final = 4
_MAX_RANGE: Final = 2_000
ALL: Final = (1 << (_ASCII + _KINDS)) - 1
_OTHERS: Final = ALL ^ ((1 << _ASCII) - 1)


def read_letters(code: Any, value: Any, flags: int) -> int:
    """Return the letters of one item of a parsed pattern, or of a set in it."""
    if code is codes.LITERAL:
        return _fold(_bit(value), flags)
    if code is codes.NOT_LITERAL:
        return _complement(_bit(value))
    if code is codes.RANGE:
        return _fold(_range(*value), flags)
    if code is codes.CATEGORY:
        return _category(value, bool(flags & re.ASCII))
    if code is codes.IN:
        is_negated = value[0][0] is codes.NEGATE
        letters = 0
        if is_negated and flags & re.ASCII:
            return ALL
        for inner, what in value[1:] if is_negated else value:
            letters |= read_letters(inner, what, 0 if is_negated else flags)
        return _complement(letters) if is_negated else letters
    return ALL


def _bit(point: int) -> int:
    return 1 << (point if point < _ASCII else _ASCII + _kind(chr(point)))


def _kind(char: str) -> int:
    if char.isdecimal():
        return 0
    return 1 if char.isspace() else 2 if char.isalnum() else 3


@lru_cache(maxsize=256)
def _range(first: int, last: int) -> int:
    letters = 0
    for point in range(first, min(last, first + _MAX_RANGE) + 1):
        letters |= _bit(point)
    return letters if last - first <= _MAX_RANGE else letters | _OTHERS


def _complement(letters: int) -> int:
    return (ALL ^ letters) | _OTHERS


@lru_cache(maxsize=16)
def _category(category: Any, is_ascii: bool) -> int:
    digits, spaces, words = (
        sum(1 << point for point in range(_ASCII) if fits(chr(point)))
        for fits in (str.isdecimal, str.isspace, lambda char: char.isalnum() or char == "_")
    )
    digit, space, word = (1 << (_ASCII + kind) for kind in range(_KINDS - 1))
    known = {
        codes.CATEGORY_DIGIT: digits | digit,
        codes.CATEGORY_SPACE: spaces | space,
        codes.CATEGORY_WORD: words | digit | word,
    }
    opposite = {
        codes.CATEGORY_NOT_DIGIT: codes.CATEGORY_DIGIT,
        codes.CATEGORY_NOT_SPACE: codes.CATEGORY_SPACE,
        codes.CATEGORY_NOT_WORD: codes.CATEGORY_WORD,
    }
    if category in known:
        return known[category]
    return ALL if is_ascii else ALL ^ known[opposite[category]]


def _fold(letters: int, flags: int) -> int:
    """Add the other case where case is ignored; "k" and "s" have one beyond ASCII too."""
    if not flags & re.IGNORECASE:
        return letters
    for point in range(_ASCII):
        if letters >> point & 1 and chr(point).isalpha():
            letters |= 1 << ord(chr(point).swapcase())
            letters |= _OTHERS
    return letters | (_ALL_LETTERS if letters & _OTHERS else 0)


_ALL_LETTERS: Final = sum(1 << point for point in range(_ASCII) if chr(point).isalpha())
