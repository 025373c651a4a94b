"""Search over short documents by words, concepts and how rare they are.

Owns the index and the score of a document; what the documents say is left to ``knowledge`` and
``tool_matching``. A score is the idf-weighted part of the query that a document explains, so that
"I do not know" falls out of a rare word that nothing explains (BM25's idf, with coverage in place
of unbounded sums).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct

from appliance.providers.builtin.lexicon import (
    CARRIERS,
    COMMON,
    CONCEPT_FACTOR,
    CONCEPT_MARK,
    HINT_MARKS,
    Reading,
)
from appliance.providers.builtin.message import Message

_SMALLEST_COLLECTION = 12
"""Idf of fewer documents than this would make every word common."""
_SPECIFICITY = 0.25
"""How much of the score is the part of the document's own key words that the query has."""
_POLITE = ("intent.greeting", "intent.thanks", "intent.goodbye", "intent.pause")
CANCELLATION = "~cancellation"
RESCHEDULING = "~rescheduling"
_GIVING_UP = (CANCELLATION, "~missed", "~change_mind", "~refund", "~return", "intent.cancel")
_MOVING = (RESCHEDULING, "~moving", "~change_order", "~missed", "cue.change")
RETURNING = "~return"
_GIVING_BACK = (RETURNING, "~refund", "~change_mind", "~complaint", "~damage", "~repair")
_SAYING = {CANCELLATION: _GIVING_UP, RESCHEDULING: _MOVING, RETURNING: _GIVING_BACK}
"""Without any of these a message is never about cancelling, moving or giving back: who books or
orders says the same nouns."""
ATTRIBUTES = frozenset({"~price", "~duration"})
MISSED_PHRASE = 0.45
"""How much a known phrase weighs for a document without it."""
_LIGHT, _MEANT = 0.2, 0.5
"""How much a common word weighs beside a telling one."""


class Term(Struct, frozen=True):
    """One thing a query says: keys it may be listed under, each with its certainty."""

    keys: tuple[tuple[str, float], ...]
    is_bonus: bool = False
    """A phrase, such as "where are you", that counts only for documents that have it."""
    weight: float = 1.0
    is_own: bool = False
    """A word of the shop's own name, which tells nothing by itself."""


class Found(Struct, frozen=True):
    """A document's number with its coverage of the query, 0 to 1, and its overall score."""

    document: int
    coverage: float
    score: float
    specificity: float = 1.0
    """How much of the document's own key words the query has, 0 to 1."""
    is_telling: bool = True
    """Whether more than common words, such as the shop's own trade, is explained."""


def query_terms(message: Message, ignored: Collection[int] = ()) -> list[Term]:
    """Return the terms of a message: its words that carry a topic, then known phrases."""
    reading = message.reading
    polite = reading.covered(_POLITE) | _leading(reading)
    meant = reading.covered(
        {m.name for m in reading.matches if m.name[0] == CONCEPT_MARK} - CARRIERS - COMMON
    )
    terms = [
        Term(
            reading.keys(position),
            weight=_weight(position, message, meant),
            is_own=position in message.own,
        )
        for position in range(len(reading.words))
        if position not in reading.stop and position not in ignored and position not in polite
    ]
    bonus = {
        match.name
        for match in reading.matches
        if match.name.startswith(CONCEPT_MARK)
        and (match.last > match.first or match.first in reading.stop)
    }
    terms.extend(
        Term(((name, CONCEPT_FACTOR),), True, _LIGHT if name in CARRIERS else 1.0)
        for name in sorted(bonus)
    )
    return terms


def _leading(reading: Reading) -> frozenset[int]:
    """Return the positions of words such as "great, …" before anything is said."""
    filler = reading.covered(("intent.filler",))
    end = next((i for i in range(len(reading.words)) if i not in filler), len(reading.words))
    return frozenset(range(end))


def calls_off(message: Message) -> bool:
    """Say whether a message has anything of giving up what was agreed."""
    return CANCELLATION not in find_unsaid(message)


def find_unsaid(message: Message) -> frozenset[str]:
    """Return which changes to what was agreed a message says nothing of."""
    return frozenset(key for key, names in _SAYING.items() if not message.reading.covered(names))


def _weight(position: int, message: Message, meant: frozenset[int]) -> float:
    if position not in message.light:
        return 1.0
    return _MEANT if position in meant else _LIGHT


def _asks_attribute(term: Term) -> bool:
    """Say whether a term asks after a side that everything has, such as its price."""
    return any(key in ATTRIBUTES for key, _ in term.keys)


def document_keys(reading: Reading) -> set[str]:
    """Return what a document's text is listed under."""
    keys = {
        key
        for position in range(len(reading.words))
        if position not in reading.stop
        for key, _ in reading.keys(position)
    }
    return keys | {match.name for match in reading.matches if match.name.startswith(CONCEPT_MARK)}


class SearchIndex:
    """Documents by key, each key with the weight of the field it stands in."""

    def __init__(self, documents: Sequence[dict[str, float]]) -> None:
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, keys in enumerate(documents):
            for key, weight in keys.items():
                self._postings[key].append((number, weight))
        self._weights = tuple(documents)
        self._size = max(len(documents), _SMALLEST_COLLECTION)
        self._idf = {key: self._rarity(len(found)) for key, found in self._postings.items()}
        self._idf_unknown = self._rarity(0)
        self._own = [self._own_weight(keys) for keys in documents]

    def _own_weight(self, keys: dict[str, float]) -> float:
        return sum(
            self.idf(key)
            for key, weight in keys.items()
            if weight >= 1 and key[0] not in HINT_MARKS
        )

    def idf(self, key: str) -> float:
        """Return how telling ``key`` is; highest for one that no document has."""
        return self._idf.get(key, self._idf_unknown)

    def _rarity(self, count: int) -> float:
        return math.log(1 + (self._size - count + 0.5) / (count + 0.5))

    def weigh(self, term: Term) -> float:
        """Return how telling a term is: by its commonest known key, or as unknown."""
        known = [self.idf(key) for key, _ in term.keys if key in self._postings]
        return term.weight * (min(known) if known else self.idf(""))

    def factor(self, term: Term, document: int) -> float:
        """Return how well a document explains a term, 0 when it does not."""
        return max(
            (factor * self._weights[document].get(key, 0.0) for key, factor in term.keys),
            default=0.0,
        )

    def has_key(self, document: int, key: str) -> bool:
        """Say whether a document is listed under ``key`` in its title or name."""
        return self._weights[document].get(key, 0.0) >= 1.0

    def search(self, terms: Iterable[Term], *, limit: int = 5) -> list[Found]:
        """Return the best documents for ``terms``, best first."""
        required = 0.0
        gained: dict[int, float] = defaultdict(float)
        bonus: dict[int, float] = defaultdict(float)
        own: dict[int, float] = defaultdict(float)
        telling: set[int] = set()
        terms = tuple(terms)
        has_subject = any(term.weight == 1 and not _asks_attribute(term) for term in terms)
        for term in terms:
            if term.is_bonus and term.keys[0][0] not in self._postings:
                continue
            weight = self.weigh(term)
            required += weight * (MISSED_PHRASE if term.is_bonus else 1.0)
            if not (has_subject and _asks_attribute(term)):
                telling |= self._told_by(term)
            for number, factor in self._best_by_document(term).items():
                gained[number] += weight * factor
                bonus[number] += weight * (1 - MISSED_PHRASE) * term.is_bonus
                own[number] += 0.0 if term.is_bonus else weight * (factor >= 0.8)
        found = []
        for number, weight in gained.items():
            coverage = weight / ((required + bonus[number]) or 1.0)
            specificity = min(1.0, own[number] / self._own[number]) if self._own[number] else 0.0
            score = coverage * (1 - _SPECIFICITY + _SPECIFICITY * specificity)
            found.append(Found(number, coverage, score, specificity, number in telling))
        return sorted(found, key=lambda one: (-one.score, one.document))[:limit]

    def _told_by(self, term: Term) -> set[int]:
        """Return the documents that a term tells of; the shop's own name tells by concepts only."""
        if term.is_bonus and term.weight < 1:
            return set()
        return {
            number
            for key, _ in term.keys
            if not term.is_own or key.startswith(CONCEPT_MARK)
            for number, _ in self._postings.get(key, ())
        }

    def _best_by_document(self, term: Term) -> dict[int, float]:
        best: dict[int, float] = {}
        for key, factor in term.keys:
            for number, weight in self._postings.get(key, ()):
                value = factor * weight
                if value > best.get(number, 0.0):
                    best[number] = value
        return best
