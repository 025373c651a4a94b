"""Which frequent questions a prompt has when there are too many for all of them.

Owns the choice by likeness, in letters, of what the visitor wrote; answering from them is left to
the model. The built-in answerer has a search of its own.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Sequence

from appliance.domain.tenant import Faq
from appliance.domain.tokens import estimate_tokens

_GRAM = 3
"""Letters that are compared together: short enough for Hebrew's prefixes and for typos."""


def select_faqs(faqs: Sequence[Faq], asked: str, *, max_tokens: int) -> list[Faq]:
    """Return those that are most like ``asked``, in the shop's order, within ``max_tokens``."""
    wanted = _grams(asked)
    if not wanted:
        return []
    said = [_grams(f"{faq.question} {faq.answer}") for faq in faqs]
    counts = Counter(gram for grams in said for gram in grams)
    weights = {gram: math.log(1 + len(faqs) / counts[gram]) for gram in wanted if gram in counts}
    asked_in = [_grams(faq.question) for faq in faqs]
    scores = [
        _score(weights, grams) + _score(weights, questions)
        for grams, questions in zip(said, asked_in, strict=True)
    ]
    chosen: list[int] = []
    left = max_tokens
    for number in sorted(range(len(faqs)), key=lambda n: (-scores[n], n)):
        size = estimate_tokens(faqs[number].question) + estimate_tokens(faqs[number].answer)
        if scores[number] <= 0:
            break
        if size <= left:
            chosen.append(number)
            left -= size
    return [faqs[number] for number in sorted(chosen)]


def _score(weights: dict[str, float], grams: frozenset[str]) -> float:
    """Return how much of what was asked is in a text; long texts count a little less."""
    if not grams:
        return 0.0
    shared = sum(weight for gram, weight in weights.items() if gram in grams)
    return shared / math.sqrt(10 + len(grams))


def _grams(text: str) -> frozenset[str]:
    plain = unicodedata.normalize("NFKC", text).casefold()
    letters = "".join(letter if letter.isalnum() else " " for letter in plain)
    found: set[str] = set()
    for word in letters.split():
        padded = f" {word} "
        found.update(padded[at : at + _GRAM] for at in range(len(padded) - _GRAM + 1))
    return frozenset(found)
