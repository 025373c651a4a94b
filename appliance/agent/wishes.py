"""Reading a visitor's words as the wish for a person, or as the end of the conversation.

Owns the closed reading, in English and Hebrew; the phrases are data (``wishes.toml``). What is done
about it is left to ``appliance.services.handover``.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files

from msgspec import Struct

from appliance.agent.phrases import (
    Part,
    Phrases,
    Words,
    reach,
    split_clauses,
    split_words,
    without_breaks,
)

_MAX_WORDS = 60
_MAX_GOODBYE_WORDS = 20


class Goodbye(Struct, frozen=True):
    """The visitor is done; ``declines`` says that it begins with a no."""

    declines: bool


def wants_human(text: str) -> bool:
    """Say whether some clause of ``text`` asks for a person, and nothing else.

    "Let me talk to a person about my order" does; "are you a person?" and "a person's size" do not.
    """
    words = split_words(text)[-_MAX_WORDS:]
    group = _load()["human"]
    if not any(group[name].are_in(words) for name in ("person", "somebody", "alone")):
        return False
    topics = group["topic"]
    sentences = split_clauses(words)
    if any(_is_made_of(sentence, _alone(), topics) for sentence in sentences):
        return True
    clauses = [part for sentence in sentences for part in split_clauses(sentence, group["break"])]
    return any(_is_made_of(clause, form, topics) for clause in clauses for form in _forms())


def read_goodbye(text: str) -> Goodbye | None:
    """Return the goodbye that ``text`` is and nothing else, or ``None``.

    "Thanks, that's all" is one; "thanks" is not, for more may follow, nor is "bye-bye gift?".
    """
    words = without_breaks(split_words(text))
    if not words or len(words) > _MAX_GOODBYE_WORDS:
        return None
    group = _load()["goodbye"]
    if not any(group[name].are_in(words) for name in ("bye", "thanks")):
        return None
    if not any(_is_end(used) for used in _cut(words, group)):
        return None
    return Goodbye(declines=bool(group["no"].ends(words, 0)))


def _cut(words: Words, group: dict[str, Phrases]) -> set[frozenset[str]]:
    """Return for each way to cut all words into phrases which kinds of phrases it has."""
    reached: list[set[frozenset[str]]] = [{frozenset()}, *(set() for _ in words)]
    for start in range(len(words)):
        for name, phrases in group.items():
            for end in phrases.ends(words, start):
                reached[end].update(used | {name} for used in reached[start])
    return reached[-1]


def _is_end(used: frozenset[str]) -> bool:
    return "bye" in used or ("thanks" in used and not used.isdisjoint(("done", "hint")))


def _is_made_of(clause: Words, form: tuple[Part, ...], topics: Phrases) -> bool:
    ends = reach(clause, {0}, form)
    return any(end == len(clause) or topics.ends(clause, end) for end in ends)


@lru_cache(maxsize=1)
def _alone() -> tuple[Part, ...]:
    group = _load()["human"]
    lead, tail = (
        Part((group[name],), may_be_absent=True, may_repeat=True) for name in ("lead", "tail")
    )
    return (lead, Part((group["alone"],)), tail)


@lru_cache(maxsize=1)
def _forms() -> tuple[tuple[Part, ...], ...]:
    """Return what a clause that asks for a person may be made of; ``wishes.toml`` lists them."""
    group = _load()["human"]
    lead, _, tail = _alone()
    wish = Part((group["wish"],), may_repeat=True)
    contact, person = Part((group["contact"],)), Part((group["person"],))
    anybody = Part((group["person"], group["somebody"]))
    return (
        (lead, wish, person, tail),
        (lead, wish, contact, anybody, tail),
        (lead, contact, anybody, tail),
        (lead, Part((group["exists"],)), anybody, Part((group["reach"],)), tail),
    )


@lru_cache(maxsize=1)
def _load() -> dict[str, dict[str, Phrases]]:
    raw = files("appliance.agent").joinpath("wishes.toml").read_text(encoding="utf-8")
    return {
        wish: {name: Phrases(phrases) for name, phrases in group.items()}
        for wish, group in tomllib.loads(raw).items()
    }
