"""Reading a visitor's words as a decision on an action that waits.

Owns the closed yes/no reading, in English and Hebrew; the phrases are data (``decisions.toml``).
What is done with a decision is left to ``appliance.agent.loop``.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import lru_cache
from importlib.resources import files
from typing import Literal

Decision = Literal["yes", "no"]

_MAX_WORDS = 12
_WORD = re.compile(r"[\w']+|\S")
_KEPT_SIGNS = frozenset("?؟")
_NIQQUD = re.compile(r"[\u0591-\u05C7]")


def read_decision(text: str) -> Decision | None:
    """Return ``yes`` or ``no`` when ``text`` says nothing else, otherwise ``None``.

    "no, then what are your hours" is no decision, and neither is "yes, but at eight": an action is
    confirmed as it stands or not at all. A question decides nothing, and every emoji is a word.
    """
    words = _words(text)
    if not words or len(words) > _MAX_WORDS:
        return None
    phrases = _phrases()
    if _holds_one_of(words, phrases["ambiguous"]):
        return None
    for decision in ("no", "yes"):
        if _is_made_of(words, phrases[decision], phrases["filler"]):
            return "no" if decision == "no" else "yes"
    return None


def _words(text: str) -> tuple[str, ...]:
    plain = _NIQQUD.sub("", unicodedata.normalize("NFKC", text)).replace("’", "'").casefold()
    return tuple(word for word in _WORD.findall(plain) if _is_said(word))


def _is_said(word: str) -> bool:
    """Say whether ``word`` means something: letters, digits, an emoji or a question mark."""
    if len(word) == 1 and not word.isalnum():
        return word in _KEPT_SIGNS or unicodedata.category(word) == "So"
    return bool(word.strip("'"))


@lru_cache(maxsize=1)
def _phrases() -> dict[str, frozenset[tuple[str, ...]]]:
    raw = files("appliance.agent").joinpath("decisions.toml").read_text(encoding="utf-8")
    return {
        name: frozenset(_words(phrase) for phrase in phrases)
        for name, phrases in tomllib.loads(raw).items()
    }


def _holds_one_of(words: tuple[str, ...], phrases: frozenset[tuple[str, ...]]) -> bool:
    return any(
        words[start : start + len(phrase)] == phrase
        for phrase in phrases
        for start in range(len(words) - len(phrase) + 1)
    )


def _is_made_of(
    words: tuple[str, ...],
    phrases: frozenset[tuple[str, ...]],
    fillers: frozenset[tuple[str, ...]],
) -> bool:
    """Say whether ``words`` can be cut into fillers and at least one of ``phrases``."""
    # For each prefix: can it be cut at all, and can it be cut with a phrase in it.
    can_cut = [True] + [False] * len(words)
    has_phrase = [False] * (len(words) + 1)
    for end in range(1, len(words) + 1):
        for start in range(end):
            if not can_cut[start]:
                continue
            part = words[start:end]
            is_phrase = part in phrases
            if is_phrase or part in fillers:
                can_cut[end] = True
                has_phrase[end] = has_phrase[end] or has_phrase[start] or is_phrase
    return can_cut[-1] and has_phrase[-1]
