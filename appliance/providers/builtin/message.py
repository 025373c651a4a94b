"""One visitor message, read once: its words, phrases and the values it mentions.

Owns the order in which kinds of values claim their text; what the message asks for is decided in
``dialogue``.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import attrgetter

import msgspec
from msgspec import Struct

from appliance.providers.builtin.contact_values import (
    find_addresses,
    find_codes,
    find_marked_codes,
    find_phones,
)
from appliance.providers.builtin.dates import find_calendar_days, find_relative_days
from appliance.providers.builtin.lexicon import PhraseMatch, Reading, read_text
from appliance.providers.builtin.mentions import (
    Mention,
    MentionKind,
    ReadingContext,
    hide,
    merge,
)
from appliance.providers.builtin.numbers import find_negatives, find_numbers
from appliance.providers.builtin.spelling import Spelling
from appliance.providers.builtin.times import find_clocks, find_spoken_times
from appliance.providers.builtin.words import stems


class Message(Struct, frozen=True):
    """A read message."""

    reading: Reading
    rest: Reading
    """The reading without its values, whose digits and words are nothing else; numbers stay."""
    mentions: tuple[Mention, ...]
    """Values that overlap nothing, by place."""
    codes: tuple[Mention, ...]
    """Codes and numbers as written, which overlap the numbers among ``mentions``."""
    light: frozenset[int]
    """Positions of words that carry little of a topic, the shop's own name among them."""
    own: frozenset[int]
    """Positions of words of the shop's own name."""

    def of_kind(self, kind: MentionKind) -> list[Mention]:
        """Return the mentions of one kind, by place."""
        return [mention for mention in self.mentions if mention.kind == kind]

    def words_in(self, start: int, end: int) -> frozenset[int]:
        """Return the positions of the words that touch ``start``..``end`` of the text."""
        words = self.reading.words
        first = bisect_right(words, start, key=attrgetter("end"))
        behind = bisect_left(words, end, key=attrgetter("start"))
        return frozenset(range(first, behind))

    def value_words(self) -> frozenset[int]:
        """Return the positions of words that are part of a value with digits, a date or a time."""
        taken: set[int] = set()
        for mention in (*self.mentions, *self.codes):
            taken |= self.words_in(mention.start, mention.end)
        return frozenset(taken)


def read_message(text: str, context: ReadingContext, spelling: Spelling | None = None) -> Message:
    """Return ``text`` read against the shop's now, slips read as words ``spelling`` knows."""
    reading = read_text(text)
    if spelling is not None:
        reading = spelling.respell(reading)
    addresses = merge([], find_addresses(reading))
    marked = merge(addresses, find_marked_codes(reading))
    found = _find_in_turn(reading, marked, context)
    mentions = [mention for mention in found if mention.kind != "code"]
    rest = hide(reading, found)
    mentions = merge(mentions, find_numbers(rest))
    busy = [m for m in mentions if m.kind in ("email", "url", "date", "time")]
    codes = [code for code in merge(busy, find_codes(reading)) if code.kind == "code"]
    shop = {form for word in read_text(context.shop_name).words for form in stems(word.folded)}
    named = {i for i, word in enumerate(reading.words) if not shop.isdisjoint(stems(word.folded))}
    reading = _with_place(reading, frozenset(named))
    light = reading.light | named
    return Message(reading, rest, tuple(mentions), tuple(codes), light, frozenset(named))


def _find_in_turn(
    reading: Reading, claimed: Sequence[Mention], context: ReadingContext
) -> list[Mention]:
    """Return ``claimed`` and the values other than numbers, each read from what is left."""
    claimed = merge(claimed, find_clocks(hide(reading, claimed)))
    claimed = merge(claimed, find_calendar_days(hide(reading, claimed), context))
    claimed = merge(claimed, find_phones(hide(reading, claimed)))
    claimed = merge(claimed, find_negatives(hide(reading, claimed)))
    claimed = merge(claimed, find_spoken_times(hide(reading, claimed)))
    days = list(find_relative_days(reading, context))
    claimed = merge(claimed, days)
    if days and not any(mention.kind == "date" for mention in claimed):
        claimed = merge(claimed, [_beside(days[0], claimed)])  # the day of "at 8 tonight"
    return claimed


def _beside(date: Mention, mentions: list[Mention]) -> Mention:
    """Return a date whose words are part of a time as one that has no words of its own."""
    end = max(m.end for m in mentions if m.start < date.end and m.end > date.start)
    return msgspec.structs.replace(date, start=end, end=end)


def _with_place(reading: Reading, named: frozenset[int]) -> Reading:
    """Return the reading with "where is <the shop>" marked as a question for the address."""
    where = next(reading.spans("intent.where"), None)
    shop = named | reading.covered(("~business",)) | reading.stop
    asked = [i for i in range(len(reading.words)) if i not in reading.stop]
    if where is None or not asked or not shop.issuperset(asked):
        return reading
    match = PhraseMatch("~address", where.first, where.last)
    return msgspec.structs.replace(reading, matches=(*reading.matches, match))
