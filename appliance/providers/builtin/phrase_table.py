"""A table from phrases to values, looked up at a place in a text.

Owns exact lookup that sees through Hebrew prefixes; which tables there are is left to those who
read dates, times and numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

from appliance.providers.builtin.words import Word, normalise, split_words, variants

V = TypeVar("V")


class Hit(NamedTuple, Generic[V]):
    """A phrase found: its value, how many words it has, and whether a prefix was stripped."""

    value: V
    length: int
    is_prefixed: bool


class PhraseTable(Generic[V]):
    """Values by phrase; a later phrase does not replace an earlier one."""

    def __init__(self, entries: Iterable[tuple[str, V]]) -> None:
        self._values: dict[tuple[str, ...], V] = {}
        self._longest = 0
        for phrase, value in entries:
            key = tuple(word.folded for word in split_words(normalise(phrase)))
            if key:
                self._values.setdefault(key, value)
                self._longest = max(self._longest, len(key))

    def find(self, words: Sequence[Word], position: int) -> Hit[V] | None:
        """Return the longest phrase that starts at ``position``, or ``None``."""
        for length in range(min(self._longest, len(words) - position), 0, -1):
            tail = tuple(word.folded for word in words[position + 1 : position + length])
            forms = variants(words[position].folded)
            for rank, form in enumerate(forms):
                found = self._values.get((form, *tail))
                if found is not None:
                    return Hit(found, length, rank > 0)
        return None

    def find_before(self, words: Sequence[Word], position: int) -> Hit[V] | None:
        """Return the longest phrase that ends just before ``position``, or ``None``."""
        for length in range(min(self._longest, position), 0, -1):
            hit = self.find(words, position - length)
            if hit is not None and hit.length == length:
                return hit
        return None
