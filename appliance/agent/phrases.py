"""Finding out whether what a visitor says is made of known phrases.

Owns words, clauses and matching; which phrases there are is data of those who ask.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

Words = tuple[str, ...]

_WORD = re.compile(r"[^\W_]+(?:['\"-][^\W_]+)*|[^\w\s]")
_IGNORED = re.compile(
    "[\u0591-\u05c7\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufe0f\U0001f3fb-\U0001f3ff]"
)
_QUOTES = str.maketrans({"’": "'", "‘": "'", "׳": "'", "״": '"', "“": '"', "”": '"', "־": "-"})
_BREAKS = frozenset(".!,;:()—–…?؟")
_QUESTION = frozenset("?؟")


class Phrases:
    """Phrases to be found at a place of an utterance."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._by_first: dict[str, list[Words]] = {}
        for phrase in phrases:
            words = split_words(phrase)
            self._by_first.setdefault(words[0], []).append(words)

    def are_in(self, words: Words) -> bool:
        """Say whether some phrase stands anywhere in ``words``; in most of what is said none."""
        starts = (i for i, word in enumerate(words) if word in self._by_first)
        return any(self.ends(words, start) for start in starts)

    def ends(self, words: Words, start: int) -> list[int]:
        """Return where the phrases end that begin at ``start``."""
        found = self._by_first.get(words[start], ()) if start < len(words) else ()
        return [start + len(p) for p in found if words[start : start + len(p)] == p]


class Part(NamedTuple):
    """A part of an utterance: a phrase of one of the lists; maybe none, maybe several."""

    lists: tuple[Phrases, ...]
    may_be_absent: bool = False
    may_repeat: bool = False


@lru_cache(maxsize=64)  # a turn's few texts are looked at for one thing after the other
def split_words(text: str) -> Words:
    """Return the words of ``text`` without case; signs that tell something are words too."""
    plain = unicodedata.normalize("NFKC", text).translate(_QUOTES)
    plain = _IGNORED.sub("", plain).casefold()
    return tuple(word for word in _WORD.findall(plain) if _is_said(word))


def split_clauses(words: Words, breaks: Phrases | None = None) -> list[Words]:
    """Return the parts between punctuation marks and the phrases ``breaks``, without these."""
    clauses: list[list[str]] = [[]]
    position = 0
    while position < len(words):
        ends = breaks.ends(words, position) if breaks else []
        if ends or words[position] in _BREAKS:
            clauses.append([])
            position = max(ends, default=position + 1)
        else:
            clauses[-1].append(words[position])
            position += 1
    return [tuple(clause) for clause in clauses if clause]


def without_breaks(words: Words) -> Words:
    """Return the words without punctuation, but for question marks, which tell something."""
    return tuple(word for word in words if word not in _BREAKS or word in _QUESTION)


def reach(words: Words, starts: set[int], parts: Sequence[Part]) -> set[int]:
    """Return all places to which ``parts``, one after the other, can lead from ``starts``."""
    places = starts
    for part in parts:
        reached = set(places) if part.may_be_absent else set()
        new = _step(words, places, part)
        while new - reached:
            reached |= new
            new = _step(words, new, part) if part.may_repeat else set()
        places = reached
    return places


def _step(words: Words, places: set[int], part: Part) -> set[int]:
    return {end for place in places for phrases in part.lists for end in phrases.ends(words, place)}


def _is_said(word: str) -> bool:
    return word[0].isalnum() or word in _BREAKS or unicodedata.category(word[0]) == "So"
