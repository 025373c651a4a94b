"""What words and phrases stand for, in all languages at once.

Owns matching of phrases, stopwords and concepts over a text; the lists themselves are data in
``texts/``, what a visitor wants with them is decided in ``intents`` and ``dialogue``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from msgspec import Struct, structs

from appliance.providers.builtin.phrasebook import Phrasebook, load_phrasebooks
from appliance.providers.builtin.roots import roots
from appliance.providers.builtin.words import (
    Word,
    fold,
    normalise,
    split_words,
    stem,
    stems,
    variants,
)

CONCEPT_MARK = "~"
CONCEPT_FACTOR = 0.85
ROOT_MARK = "√"
ROOT_FACTOR = 0.7
HINT_MARKS = CONCEPT_MARK + ROOT_MARK
"""How keys begin that are no words themselves."""
_VARIANT_PENALTY = 0.04
CARRIERS = frozenset({"~availability", "~search"})
"""Phrases such as "do you have", which say little of what is asked about."""
COMMON = frozenset({"~business", "~hours", "~people", "~day_count", "~quantity"})
"""Concepts that are no more telling than the common words they are said with."""
_ANY = "*"
"""Stands for any one word of a phrase: "send * back"."""
_NO_KEYS = frozenset({"~business"})
"""Concepts whose words do not stand for each other: a gym is no hotel."""


class PhraseMatch(Struct, frozen=True):
    """A known phrase and the words it spans, both ends included."""

    name: str
    first: int
    last: int


class Reading(Struct, frozen=True):
    """A text as words, with what is known of them."""

    text: str
    words: tuple[Word, ...]
    matches: tuple[PhraseMatch, ...]
    stop: frozenset[int]
    """Positions of words that carry no topic."""
    light: frozenset[int]
    """Positions of common words that carry little of a topic."""
    concepts: Mapping[int, Sequence[str]] = {}
    """The concepts that a word may be looked up under, by its position."""

    def spans(self, name: str) -> Iterator[PhraseMatch]:
        """Yield the places of the phrases called ``name``."""
        return (match for match in self.matches if match.name == name)

    def has(self, name: str) -> bool:
        """Say whether a phrase called ``name`` occurs."""
        return any(match.name == name for match in self.matches)

    def covered(self, names: Iterable[str]) -> frozenset[int]:
        """Return the positions of words within phrases of these names."""
        wanted = frozenset(names)
        return frozenset(
            position
            for match in self.matches
            if match.name in wanted
            for position in range(match.first, match.last + 1)
        )

    def keys(self, position: int) -> tuple[tuple[str, float], ...]:
        """Return what a word may be looked up under, with a factor for how sure that is."""
        found = {
            key: 1.0 - _VARIANT_PENALTY * rank
            for rank, key in enumerate(stems(self.words[position].folded))
        }
        found.update(dict.fromkeys(self.concepts.get(position, ()), CONCEPT_FACTOR))
        for root in roots(self.words[position].folded):
            found[ROOT_MARK + root] = ROOT_FACTOR
        return tuple(found.items())


def _find_concepts(matches: Iterable[PhraseMatch]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for match in matches:
        if match.name in _NO_KEYS or not match.name.startswith(CONCEPT_MARK):
            continue
        if match.name in CARRIERS and match.last > match.first:
            continue  # "do you sell" as a whole says little, and its words nothing
        for position in range(match.first, match.last + 1):
            found.setdefault(position, []).append(match.name)
    return found


def _name_days(book: Phrasebook) -> dict[str, list[str]]:
    """Return the names of the days of the week as values to choose from."""
    return {f"day_{number}": names for number, names in enumerate(book.dates.weekdays)}


class Lexicon:
    """All phrases of all languages, ready to be found in a text."""

    def __init__(self) -> None:
        self._phrases: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        self._stopwords: set[str] = set()
        self._light: set[str] = set()
        self._spellings: dict[str, str] = {}
        for book in load_phrasebooks().values():
            self._stopwords.update(fold(word) for word in normalise(book.stopwords).split())
            self._spellings.update(book.spellings)
            self._light.update(stem(fold(word)) for word in normalise(book.light_words).split())
            for mark, group in (
                ("intent.", book.phrases.intent),
                (CONCEPT_MARK, book.phrases.concept),
                ("cue.", book.phrases.cue),
                ("value.", book.phrases.value | _name_days(book)),
                ("slot.", book.slot_kinds),
            ):
                for name, phrases in group.items():
                    self._add(mark + name, phrases)

    def _add(self, name: str, phrases: Iterable[str]) -> None:
        for phrase in phrases:
            parts = normalise(phrase).replace(_ANY, f" {_ANY} ").split()
            key = tuple(
                form
                for part in parts
                for form in (
                    [_ANY] if part == _ANY else [stem(w.folded) for w in split_words(part)]
                )
            )
            if key:
                self._phrases.setdefault(key[0], []).append((key, name))

    def read(self, text: str) -> Reading:
        """Return ``text`` as words with every phrase found in it."""
        normalised = normalise(text)
        return self._read(normalised, tuple(split_words(normalised)))

    def reread(self, reading: Reading, folded: Mapping[int, str]) -> Reading:
        """Return the reading with the words at some positions taken for others."""
        words = tuple(
            structs.replace(word, folded=folded[i]) if i in folded else word
            for i, word in enumerate(reading.words)
        )
        return self._read(reading.text, words)

    def spelling(self, folded: str) -> str | None:
        """Return the word that is meant by one typed in haste, such as "pls", or ``None``."""
        return self._spellings.get(folded)

    def _read(self, normalised: str, words: tuple[Word, ...]) -> Reading:
        stop = frozenset(i for i, word in enumerate(words) if self.is_stopword(word.folded))
        light = frozenset(
            i for i, word in enumerate(words) if not self._light.isdisjoint(stems(word.folded))
        )
        matches = tuple(self._matches(words))
        return Reading(normalised, words, matches, stop, light, _find_concepts(matches))

    def is_stopword(self, folded: str) -> bool:
        """Say whether a folded word carries no topic."""
        return (
            len(folded) == 1
            or folded in self._stopwords
            or any(form in self._stopwords for form in variants(folded) if len(form) >= 3)
        )

    def _matches(self, words: tuple[Word, ...]) -> Iterator[PhraseMatch]:
        forms = [stems(word.folded) for word in words]
        seen: set[PhraseMatch] = set()
        for first, starts in enumerate(forms):
            for start in starts:
                for key, name in self._phrases.get(start, ()):
                    last = first + len(key) - 1
                    if last < len(forms) and all(
                        part == _ANY or part in forms[first + offset]
                        for offset, part in enumerate(key)
                    ):
                        match = PhraseMatch(name, first, last)
                        if match not in seen:
                            seen.add(match)
                            yield match


@lru_cache(maxsize=1)
def load_lexicon() -> Lexicon:
    """Return the lexicon of all languages, built at the first call."""
    return Lexicon()


@lru_cache(maxsize=1_024)
def read_text(text: str) -> Reading:
    """Return the reading of ``text``; recent ones are remembered."""
    return load_lexicon().read(text)
