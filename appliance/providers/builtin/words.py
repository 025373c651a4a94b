"""Words of a text: normalised, with their places, stems and Hebrew prefix variants.

Owns what is the same in every language; which words mean the same is left to ``lexicon``.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from msgspec import Struct

MAX_TEXT_LENGTH = 4_000
"""Longer texts are cut before they are read; a visitor's message is at most this long."""

_MARKS = re.compile("[\u0591-\u05c7\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_QUOTES = str.maketrans({"’": "'", "‘": "'", "׳": "'", "״": '"', "“": '"', "”": '"', "`": "'"})
_DASHES = str.maketrans({"–": "-", "—": "-", "−": "-", "־": "-", "‑": "-", "\u00a0": " "})
_WORD = re.compile(r"""[א-ת]+(?:['"][א-ת]+)*(?=\d)|[^\W_]+(?:['"][^\W_]+|\.\d+)*""")
"""A Hebrew prefix is a word of its own before digits: "ב3" reads as "ב-3" does."""
_HEBREW = re.compile("[א-ת]")
_PREFIX_ORDER = {"ו": 0, "ש": 1, "כ": 2, "מ": 2, "ב": 2, "ל": 2, "ה": 3}
"""Hebrew prefixes follow each other in this order only."""
_SHORTEST_PREFIXED = 3
FINALS = str.maketrans("ךםןףץ", "כמנפצ")
"""Hebrew letters that are written otherwise at the end of a word."""


class Word(Struct, frozen=True):
    """One word: as written, folded for comparison, and its place in the normalised text."""

    written: str
    folded: str
    start: int
    end: int


def normalise(text: str) -> str:
    """Return ``text`` with one form of quotes, dashes and spaces, without vowel points."""
    plain = unicodedata.normalize("NFKC", text[:MAX_TEXT_LENGTH])[:MAX_TEXT_LENGTH]
    return _MARKS.sub("", plain.translate(_QUOTES).translate(_DASHES))


def split_words(normalised: str) -> list[Word]:
    """Return the words of a normalised text in their order."""
    return [
        Word(m.group(), fold(m.group()), m.start(), m.end()) for m in _WORD.finditer(normalised)
    ]


@lru_cache(maxsize=20_000)
def fold(word: str) -> str:
    """Return ``word`` without case, accents and inner quotes."""
    folded = word.casefold().removesuffix("'s")
    if folded.isascii():
        return folded.replace("'", "").replace('"', "")
    folded = unicodedata.normalize("NFKD", folded)
    return "".join(c for c in folded if not unicodedata.combining(c) and c not in "'\"")


def is_hebrew(text: str) -> bool:
    """Say whether there is a Hebrew letter in ``text``."""
    return bool(_HEBREW.search(text))


@lru_cache(maxsize=20_000)
def stem(folded: str) -> str:
    """Return the stem of a folded word, in the light way of its script."""
    if is_hebrew(folded):
        return _stem_hebrew(folded)
    return _stem_english(folded)


def _stem_english(word: str) -> str:
    if len(word) <= 3 or not word.isalpha():
        return word
    stemmed = word
    if stemmed.endswith("ies") and len(stemmed) > 4:
        stemmed = stemmed[:-3] + "y"
    elif stemmed.endswith(("sses", "shes", "ches", "xes", "zes")):
        stemmed = stemmed[:-2]
    elif stemmed.endswith("s") and not stemmed.endswith(("ss", "us", "is")):
        stemmed = stemmed[:-1]
    for suffix in ("ing", "ed"):
        root = stemmed.removesuffix(suffix)
        if root != stemmed and len(root) >= 3 and re.search("[aeiouy]", root):
            doubled = len(root) > 3 and root[-1] == root[-2] and root[-1] not in "lsz"
            stemmed = root[:-1] if doubled else root
            break
    if len(stemmed) > 3 and stemmed.endswith("e"):
        stemmed = stemmed[:-1]
    if len(stemmed) > 3 and stemmed.endswith("y"):
        stemmed = stemmed[:-1] + "i"
    return stemmed


def _stem_hebrew(word: str) -> str:
    stemmed = word.translate(FINALS)
    for suffix in ("ימ", "ות"):
        if len(stemmed) >= 5 and stemmed.endswith(suffix):
            return stemmed[:-2]
    if len(stemmed) >= 4 and stemmed[-1] in "התי":
        return stemmed[:-1]
    return stemmed


@lru_cache(maxsize=20_000)
def variants(folded: str) -> tuple[str, ...]:
    """Return the forms under which a word may be listed, likeliest first, never empty.

    A Hebrew word may carry up to three one-letter prefixes ("and", "the", "to", "that"…); every
    reading in their fixed order that leaves two letters or more is a variant.
    """
    found = [folded]
    if is_hebrew(folded):
        rest, place = folded, -1
        while len(rest) >= _SHORTEST_PREFIXED and _PREFIX_ORDER.get(rest[0], -1) > place:
            rest, place = rest[1:], _PREFIX_ORDER[rest[0]]
            found.append(rest)
    return tuple(found)


@lru_cache(maxsize=20_000)
def stems(folded: str) -> tuple[str, ...]:
    """Return the distinct stems of a word's variants, likeliest first, never empty."""
    return tuple(dict.fromkeys(stem(form) for form in variants(folded) if len(form) >= 2)) or (
        folded,
    )
