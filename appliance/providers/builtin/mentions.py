"""Values a visitor's text mentions, each with its place.

Owns the shape of a mention and the rule that text is read as one value only; how each kind is
recognised is left to ``dates``, ``times``, ``numbers`` and ``contact_values``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct, structs

from appliance.domain.json_types import JsonValue
from appliance.providers.builtin.lexicon import Reading
from appliance.providers.builtin.words import Word

MentionKind = Literal[
    "date", "time", "number", "code", "email", "phone", "url", "datetime", "unreadable"
]
HIDDEN = "\ufffc"
"""Stands for each character that is part of a value already; neither word nor digit nor space."""


class Mention(Struct, frozen=True, kw_only=True):
    """A value at ``start``..``end`` of the normalised text.

    ``value`` is a ``date`` for dates, minutes after midnight for times, a number for numbers, a
    ``datetime`` for datetimes and a string for the rest. An ``is_ambiguous`` time may as well be
    twelve hours later. What has the form of a day or a time and is none, such as "25:00", is
    ``unreadable``: its digits are no other value either.
    """

    kind: MentionKind
    value: JsonValue
    start: int
    end: int
    is_ambiguous: bool = False


class ReadingContext(Struct, frozen=True, kw_only=True):
    """What the meaning of a date or time depends on besides the words."""

    now: datetime
    language: str = "en"
    time_zone: str = ""
    shop_name: str = ""


def word_mention(
    kind: MentionKind,
    value: JsonValue,
    words: Sequence[Word],
    first: int,
    last: int,
    *,
    is_ambiguous: bool = False,
) -> Mention:
    """Return a mention that spans the words ``first``..``last``, both included."""
    return Mention(
        kind=kind,
        value=value,
        start=words[first].start,
        end=words[last].end,
        is_ambiguous=is_ambiguous,
    )


def merge(kept: Sequence[Mention], found: Iterable[Mention]) -> list[Mention]:
    """Return ``kept`` and those of ``found`` that overlap nothing before them, by place."""
    merged = list(kept)
    for mention in found:
        if all(mention.end <= other.start or mention.start >= other.end for other in merged):
            merged.append(mention)
    return sorted(merged, key=lambda mention: mention.start)


def hide(reading: Reading, claimed: Iterable[Mention]) -> Reading:
    """Return the reading with the text of values blotted out, all else in its place."""
    characters = list(reading.text)
    for mention in claimed:
        characters[mention.start : mention.end] = HIDDEN * (mention.end - mention.start)
    text = "".join(characters)
    words = tuple(
        structs.replace(word, written=HIDDEN, folded=HIDDEN)
        if HIDDEN in text[word.start : word.end]
        else word
        for word in reading.words
    )
    return structs.replace(reading, text=text, words=words)
