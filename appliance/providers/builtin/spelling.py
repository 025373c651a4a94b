"""Misspelt words: which known word a visitor meant, or none.

Owns vocabularies and the judgement of one slip of the finger or the ear: a doubled, missing, extra
or swapped letter, a key beside the right one, letters that sound alike. Short words must be nearer
than long ones, and a word that could as well be two others is left as it is; what is known is data
and the shop's own texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from msgspec import Struct

from appliance.providers.builtin.lexicon import Reading, load_lexicon
from appliance.providers.builtin.phrasebook import load_phrasebooks
from appliance.providers.builtin.roots import roots
from appliance.providers.builtin.words import (
    FINALS,
    is_hebrew,
    normalise,
    split_words,
    stem,
    stems,
    variants,
)

_KEY_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "/'קראטוןםפ", "שדגכעיחלךף", "זסבהנמצתץ")
_SOUND_ALIKE = ("aeiouy", "ckq", "sz", "fv", "טת", "כק", "חכ", "אעה", "בו", "שס", "צס", "וב")
_SAME_LETTER_RUN = re.compile(r"(.)\1{2,}")
_SILENT = frozenset("וי")
"""Hebrew vowel letters, which are written or left out at will."""
_LONGEST = 24


class _Limits(Struct, frozen=True):
    """From how many letters on a slip is believed."""

    swap: int
    double: int
    letter: int
    sound: int
    neighbour: int
    other: int
    two: int


_ENGLISH = _Limits(swap=4, double=4, letter=5, sound=6, neighbour=5, other=7, two=8)
_HEBREW = _Limits(swap=4, double=3, letter=5, sound=3, neighbour=5, other=6, two=8)
_SHORTEST = 3


def _neighbours() -> frozenset[tuple[str, str]]:
    pairs: set[tuple[str, str]] = set()
    for rows in (_KEY_ROWS[:3], _KEY_ROWS[3:]):
        places = {key: (x, y) for y, row in enumerate(rows) for x, key in enumerate(row)}
        for one, (x, y) in places.items():
            for other, (u, v) in places.items():
                if one != other and abs(x - u) <= 1 and abs(y - v) <= 1:
                    pairs.add((one, other))
    return frozenset(pairs)


_NEIGHBOURS = _neighbours()
_ALIKE = frozenset((a, b) for group in _SOUND_ALIKE for a in group for b in group if a != b)


def slip_cost(written: str, known: str) -> float | None:
    """Return how great a slip makes ``written`` of ``known``, or ``None`` if none is believed."""
    limits = _HEBREW if is_hebrew(known) else _ENGLISH
    length = min(len(written), len(known))
    start = _shared(written, known)
    end = _shared(written[start:][::-1], known[start:][::-1])
    extra, missing = written[start : len(written) - end], known[start : len(known) - end]
    beside = written[max(0, start - 1) : start] + written[len(written) - end :][:1]
    if len(extra) + len(missing) == 1:
        if (extra or missing) in beside:
            return 1.0 if length >= limits.double else None
        if (extra or missing) in _SILENT and start:
            return 1.0 if length >= limits.double else None
        is_inside = bool(missing and start and end)
        return 1.2 if length >= limits.letter + (start == 0) - is_inside else None
    if len(extra) == len(missing) == 1:
        return _substitution_cost(extra, missing, length - (start == 0), limits)
    if len(extra) == 2 and extra == missing[::-1]:
        return 1.0 if length >= limits.swap else None
    return 2.5 if length >= limits.two and start and _is_near(extra, missing) else None


def _substitution_cost(extra: str, missing: str, length: int, limits: _Limits) -> float | None:
    if (extra, missing) in _ALIKE and length >= limits.sound:
        return 1.0
    if (extra, missing) in _NEIGHBOURS and length >= limits.neighbour:
        return 1.2
    return 1.5 if length >= limits.other else None


def _is_near(extra: str, missing: str) -> bool:
    """Say whether two pieces differ by two slips at most: few letters, most of them shared."""
    if max(len(extra), len(missing)) > 6 or abs(len(extra) - len(missing)) > 2:
        return False
    return _distance(extra, missing) <= 2


def _distance(one: str, other: str) -> int:
    previous = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        row = [i]
        for j, b in enumerate(other, start=1):
            row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (a != b)))
        previous = row
    return previous[-1]


def _shared(one: str, other: str) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _shortened(word: str) -> Iterator[str]:
    yield word
    for position in range(len(word)):
        yield word[:position] + word[position + 1 :]


class Vocabulary:
    """Words that somebody who writes to this shop may mean."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words: set[str] = set()
        self._stems: set[str] = set()
        self._roots: set[str] = set()
        self._near: dict[str, list[str]] = {}
        for word in dict.fromkeys(words):
            if not word.isalpha() or len(word) > _LONGEST:
                continue
            self._words.add(word)
            self._stems.add(stem(word))
            self._roots.update(roots(word))
            if len(word) >= _SHORTEST:
                for form in set(_shortened(word.translate(FINALS))):
                    self._near.setdefault(form, []).append(word)

    def knows(self, folded: str) -> bool:
        """Say whether a folded word, or one under its Hebrew prefixes, is known."""
        return folded in self._words or any(form in self._stems for form in stems(folded))

    def has_whole(self, folded: str) -> bool:
        """Say whether a folded word is known without taking a prefix away."""
        return folded in self._words or stem(folded) in self._stems

    def has_root(self, folded: str) -> bool:
        """Say whether a folded word is another form of a known one."""
        return any(root in self._roots for root in roots(folded))

    def near(self, folded: str) -> Iterator[tuple[float, str]]:
        """Yield the known words that ``folded`` may be a slip of, each with how great a slip."""
        written = folded.translate(FINALS)
        seen: set[str] = set()
        for form in _shortened(written):
            for word in self._near.get(form, ()):
                if word not in seen:
                    seen.add(word)
                    cost = slip_cost(written, word.translate(FINALS))
                    if cost is not None:
                        yield cost, word


@lru_cache(maxsize=1)
def load_vocabulary() -> Vocabulary:
    """Return the words of all languages, built at the first call."""
    return Vocabulary(
        word.folded
        for book in load_phrasebooks().values()
        for phrase in book.list_words()
        for word in split_words(normalise(phrase))
    )


def collect_words(texts: Iterable[str]) -> Vocabulary:
    """Return the vocabulary of a shop's own texts."""
    return Vocabulary(word.folded for text in texts for word in split_words(normalise(text)))


class Spelling:
    """What a shop and its languages know, the shop's own words first."""

    def __init__(self, vocabularies: Sequence[Vocabulary] = ()) -> None:
        self._vocabularies = (*vocabularies, load_vocabulary())

    def knows(self, folded: str) -> bool:
        """Say whether a folded word is known."""
        own = self._vocabularies[:-1]
        return any(vocabulary.knows(folded) for vocabulary in self._vocabularies) or any(
            vocabulary.has_root(folded) for vocabulary in own
        )

    def knows_whole(self, folded: str) -> bool:
        """Say whether a folded word is known as it is, none of its letters a prefix."""
        return any(vocabulary.has_whole(folded) for vocabulary in self._vocabularies)

    def correct(self, folded: str) -> str | None:
        """Return the known word that is meant by an unknown one, or ``None``."""
        if not _SHORTEST <= len(folded) <= _LONGEST or not folded.isalpha():
            return None
        for once in (r"\1", r"\1\1"):
            calm = _SAME_LETTER_RUN.sub(once, folded)
            if calm != folded and self.knows(calm):
                return calm
        for rank, form in enumerate(variants(folded)):
            found = self._nearest(form) if len(form) >= _SHORTEST else None
            if found is not None:
                return folded[: len(folded) - len(form)] + found if rank else found
        return None

    def _nearest(self, form: str) -> str | None:
        for vocabulary in self._vocabularies:
            near = sorted(vocabulary.near(form))
            best = [word for cost, word in near if cost == near[0][0]]
            if best:
                return best[0] if len({stem(word) for word in best}) == 1 else None
        return None

    def respell(self, reading: Reading) -> Reading:
        """Return the reading with misspelt words read as what was meant; its text stays."""
        lexicon = load_lexicon()
        is_shouted = reading.text.isupper()
        named = {cue.last + ahead for cue in reading.spans("cue.full_name") for ahead in (1, 2)}
        corrected: dict[int, str] = {}
        for position, word in enumerate(reading.words):
            plain = lexicon.spelling(word.folded)
            is_name = position in named or (
                position > 0 and word.written[0].isupper() and not is_shouted
            )
            if plain is None and not is_name and not self.knows(word.folded):
                plain = self.correct(word.folded)
            if plain is not None:
                corrected[position] = plain
        return lexicon.reread(reading, corrected) if corrected else reading
