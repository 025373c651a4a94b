"""Free text out of a message: what is searched for, a reason, a place, what follows a label.

Owns cutting such text out by cue phrases and by leaving away what is known to be something else;
which slot wants which cut is left to ``slot_filling``.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from appliance.providers.builtin.lexicon import Reading, read_text
from appliance.providers.builtin.message import Message
from appliance.providers.builtin.slots import Slot
from appliance.providers.builtin.words import stems

_CARRIERS = (
    "~availability", "~search", "~hours", "~price",
    "intent.request", "intent.greeting", "intent.thanks",
)  # fmt: skip
"""Phrases that carry a search without being what is searched for."""
_VERBS = ("~order", "~buy_from", "~booking")
"""Words in front of what is wanted, when more follows: "order a margherita pizza"."""
_PAUSE = re.compile(r"[,.;!?\n]")
_MAX_TEXT = 1_000


def _slice(reading: Reading, first: int, last: int) -> str:
    return reading.text[reading.words[first].start : reading.words[last].end][:_MAX_TEXT]


def search_text(message: Message) -> str | None:
    """Return what a message looks for: "pepperoni pizza" of "Do you have pepperoni pizza?"."""
    reading = message.reading
    carriers = reading.covered(_CARRIERS) | _mention_words(message)
    kept = [i for i in range(len(reading.words)) if i not in carriers and i not in reading.stop]
    if not kept:
        return None
    best: tuple[int, int] = (kept[0], kept[0])
    start = previous = kept[0]
    for position in kept[1:]:
        bridges = position - previous <= 2 and previous + 1 not in carriers
        gap = reading.text[reading.words[previous].end : reading.words[position].start]
        if not bridges or _PAUSE.search(gap):
            start = position
        previous = position
        if previous - start > best[1] - best[0]:
            best = (start, previous)
    return _without_prefix(reading, _behind_verb(reading, best)) or None


def _behind_verb(reading: Reading, span: tuple[int, int]) -> tuple[int, int]:
    first, last = span
    verbs = reading.covered(_VERBS)
    begin = first
    while begin < last and (begin in verbs or (begin > first and begin in reading.stop)):
        begin += 1
    return (first if begin in verbs or begin in reading.stop else begin), last


def _mention_words(message: Message) -> frozenset[int]:
    """Return words of values that are not part of a name: dates, times, addresses."""
    taken: set[int] = set()
    for mention in message.mentions:
        if mention.kind not in ("number", "unreadable"):
            taken |= message.words_in(mention.start, mention.end)
    return frozenset(taken)


def _without_prefix(reading: Reading, span: tuple[int, int]) -> str:
    """Return the text of a span, closed up to a code that directly follows it."""
    return _slice(reading, *span).strip()


def reason_text(message: Message) -> str | None:
    """Return what follows "because", "about", "בנושא": a reason or topic, or ``None``."""
    cue = min(
        message.reading.spans("cue.topic"), key=lambda m: (m.first, m.first - m.last), default=None
    )
    if cue is None or cue.last + 1 >= len(message.reading.words):
        return None
    start = message.reading.words[cue.last + 1].start
    return message.reading.text[start:].strip().rstrip(".!")[:_MAX_TEXT] or None


def place_text(message: Message) -> str | None:
    """Return the place after "to": "train station" of "a taxi to the train station at six"."""
    reading = message.reading
    taken = _mention_words(message)
    for cue in reversed(list(reading.spans("cue.direction"))):  # "I want to go to Springfield"
        position = cue.last + 1
        while position < len(reading.words) and position in reading.stop:
            position += 1
        first = position
        while (
            position < len(reading.words)
            and position not in taken
            and position not in reading.stop
            and (position == first or not _gap_pauses(reading, position))
        ):
            position += 1
        is_verb = bool({first, first - 1} & reading.covered(("~booking", "~availability")))
        is_verb |= cue.first - 1 in reading.covered(("intent.request",))  # "I want to choose"
        if position > first and not is_verb:
            return _slice(reading, first, position - 1)
    return None


def _gap_pauses(reading: Reading, position: int) -> bool:
    gap = reading.text[reading.words[position - 1].end : reading.words[position].start]
    return _PAUSE.search(gap) is not None


def label_position(message: Message, slot: Slot) -> int | None:
    """Return the position of the last word of the slot's label in the message, or ``None``."""
    reading = message.reading
    forms = {
        form
        for wanted in map(read_text, slot.names)
        for i, w in enumerate(wanted.words)
        if i not in wanted.stop
        for form in stems(w.folded)
    }
    hits = [
        i
        for i, w in enumerate(reading.words)
        if i not in reading.stop and forms & set(stems(w.folded))
    ]
    return hits[-1] if hits else None


def text_after_label(message: Message, slot: Slot) -> str | None:
    """Return what follows the slot's label and "is", "to", ":" or "=", or ``None``."""
    position = label_position(message, slot)
    if position is None:
        return None
    reading = message.reading
    rest = reading.text[reading.words[position].end :]
    fillers = reading.covered(("cue.filler",))
    follower = position + 1
    has_sign = re.match(r"\s*[:=]", rest) is not None
    while follower < len(reading.words) and follower in fillers:
        has_sign, follower = True, follower + 1
    if not has_sign or follower >= len(reading.words):
        return None
    return reading.text[reading.words[follower].start :].strip().rstrip(".!")[:_MAX_TEXT] or None


def trim_filler(message: Message, blocked: Collection[int] = ()) -> str:
    """Return the message without leading filler such as "it's" and without end punctuation."""
    reading = message.reading
    fillers = reading.covered(("cue.filler", "intent.greeting"))
    first = 0
    while first < len(reading.words) - 1 and (first in fillers or first in blocked):
        first += 1
    if not reading.words:
        return reading.text.strip()[:_MAX_TEXT]
    return reading.text[reading.words[first].start :].strip().rstrip(".!?,")[:_MAX_TEXT]
