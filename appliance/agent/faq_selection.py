"""Which frequent questions a prompt has when there are too many for all of them.

Owns the choice by likeness, in letters, of what the visitor wrote; answering from them is left to
the model. The built-in answerer has a search of its own.
"""

from __future__ import annotations

import math
import unicodedata
from array import array
from collections.abc import Mapping, Sequence

from appliance.domain.tenant import Faq
from appliance.domain.tokens import estimate_tokens

_TELLING = 24
"""How many groups of letters are looked for: the rarest ones, for the others are everywhere."""
_GRAM = 3
"""Letters that are compared together: short enough for Hebrew's prefixes and for typos."""


class FaqIndex:
    """A shop's questions, indexed once for all that visitors will ask."""

    def __init__(self, faqs: Sequence[Faq]) -> None:
        self._faqs = faqs
        self._sizes = [estimate_tokens(faq.question) + estimate_tokens(faq.answer) for faq in faqs]
        self._in_question = _Side([faq.question for faq in faqs])
        self._in_all = _Side([f"{faq.question} {faq.answer}" for faq in faqs])

    def select(self, asked: str, *, max_tokens: int) -> list[Faq]:
        """Return those most like ``asked``, in the shop's order, within ``max_tokens``."""
        counts = {gram: self._in_all.count(gram) for gram in _grams(asked)}
        known = sorted((gram for gram in counts if counts[gram]), key=lambda g: (counts[g], g))
        weights = {gram: math.log(1 + len(self._faqs) / counts[gram]) for gram in known[:_TELLING]}
        scores: dict[int, float] = {}
        for side in (self._in_all, self._in_question):
            side.add_scores(weights, scores)
        chosen: list[int] = []
        left = max_tokens
        for number in sorted(scores, key=lambda n: (-scores[n], n)):
            if self._sizes[number] <= left:
                chosen.append(number)
                left -= self._sizes[number]
        return [self._faqs[number] for number in sorted(chosen)]


class _Side:
    """Which texts have which groups of letters; long texts count a little less."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._places: dict[str, array[int]] = {}
        self._lengths: list[float] = []
        for number, text in enumerate(texts):
            grams = _grams(text)
            self._lengths.append(math.sqrt(10 + len(grams)))
            for gram in grams:
                self._places.setdefault(gram, array("L")).append(number)

    def count(self, gram: str) -> int:
        return len(self._places.get(gram, ()))

    def add_scores(self, weights: Mapping[str, float], scores: dict[int, float]) -> None:
        for gram, weight in weights.items():
            for number in self._places.get(gram, ()):
                added = weight / self._lengths[number]
                scores[number] = scores.get(number, 0.0) + added


def _grams(text: str) -> frozenset[str]:
    plain = unicodedata.normalize("NFKC", text).casefold()
    letters = "".join(letter if letter.isalnum() else " " for letter in plain)
    found: set[str] = set()
    for word in letters.split():
        padded = f" {word} "
        found.update(padded[at : at + _GRAM] for at in range(len(padded) - _GRAM + 1))
    return frozenset(found)
