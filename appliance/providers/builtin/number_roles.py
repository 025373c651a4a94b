"""Which number of a message belongs to which numeric slot.

Owns telling "for two", "3 nights" and "5 people" apart by the words around them and by the slots'
names; the numbers themselves are read in ``numbers``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from appliance.providers.builtin.lexicon import read_text
from appliance.providers.builtin.mentions import Mention
from appliance.providers.builtin.message import Message
from appliance.providers.builtin.slots import Slot
from appliance.providers.builtin.words import stems

_COUNTS = ("~people", "~night", "~day_count", "~price")
_NAMED, _ADJACENT, _LIKELY, _POSSIBLE = 4, 3, 2, 1
_RANGE = re.compile(r"\d{1,3}-\d{1,3}")
_CURRENCY_SIGNS = "$€£₪"
_MAX_PLAIN_COUNT = 1_000
_LAST_HOUR, _HOUR = 23, 60
_TO = "ל"
"""What "to" is in Hebrew, in front of the number: "ל-11"."""


def assign_numbers(
    message: Message, slots: Sequence[Slot], *, are_loose: bool = True
) -> dict[str, Mention]:
    """Return for each numeric slot the number meant for it: surely, or likely if ``are_loose``."""
    numeric = [slot for slot in slots if slot.kind == "number"]
    hour = find_moved_hour(message, slots)
    free = [m for m in _free_numbers(message, slots) if hour is None or m.start != hour.start]
    pairs = sorted(
        (
            (-_affinity(message, mention, slot, numeric), order, mention.start, slot.key)
            for order, slot in enumerate(numeric)
            for mention in free
        ),
    )
    by_start = {mention.start: mention for mention in free}
    assigned: dict[str, Mention] = {}
    used: set[int] = set()
    for negative, _, start, key in pairs:
        if (
            -negative >= (_POSSIBLE if are_loose else _ADJACENT)
            and key not in assigned
            and start not in used
        ):
            assigned[key] = by_start[start]
            used.add(start)
    return assigned


def find_moved_hour(message: Message, slots: Sequence[Slot]) -> Mention | None:
    """Return the hour that something is moved to, as in "move it to 11", as a time.

    A bare number is one where the tool must have a time and can do without any count, and where the
    message tells no time and does not say what the number counts.
    """
    is_timed = any(slot.kind in ("time", "datetime") and slot.is_required for slot in slots)
    numeric = [slot for slot in slots if slot.kind == "number"]
    if not is_timed or message.of_kind("time") or any(slot.is_required for slot in numeric):
        return None
    for mention in _free_numbers(message, slots):
        is_hour = isinstance(mention.value, int) and 0 <= mention.value <= _LAST_HOUR
        if not is_hour or not _is_led_to_alone(message, mention):
            continue
        if all(_affinity(message, mention, slot, numeric) < _ADJACENT for slot in numeric):
            hour = int(mention.value)
            return msgspec.structs.replace(
                mention, kind="time", value=hour * _HOUR, is_ambiguous=0 < hour <= 12
            )
    return None


def _is_led_to_alone(message: Message, mention: Mention) -> bool:
    """Say whether "to" is right before a number and nothing that it counts or names behind it."""
    reading = message.reading
    words = message.words_in(mention.start, mention.end)
    if not words:
        return False
    first, follower = min(words), max(words) + 1
    known = message.value_words() | reading.stop
    if follower < len(reading.words) and follower not in known:
        return False
    is_prefixed = reading.words[first].folded.startswith(_TO)
    before = reading.words[first - 1].folded if first else ""
    return is_prefixed or before == _TO or first - 1 in reading.covered(("cue.direction",))


def _free_numbers(message: Message, slots: Sequence[Slot]) -> list[Mention]:
    """Return the numbers that are no code and name no choice."""
    chosen = _chosen_words(message, slots)
    return [
        m
        for m in message.of_kind("number")
        if not _is_code(message, m, slots) and chosen.isdisjoint(message.words_in(m.start, m.end))
    ]


def _chosen_words(message: Message, slots: Sequence[Slot]) -> frozenset[int]:
    """Return the positions of words that name a choice, as "single" of "a single room" does."""
    names = {
        form
        for slot in slots
        for choice in slot.choices
        for word in read_text(choice.label).words
        if not word.folded.isdigit()
        for form in stems(word.folded)
    }
    words = message.reading.words
    return frozenset(i for i, w in enumerate(words) if not names.isdisjoint(stems(w.folded)))


def _is_code(message: Message, mention: Mention, slots: Sequence[Slot]) -> bool:
    """Say whether a number is part of a longer code, or the code that a slot wants."""
    for code in message.codes:
        if code.start <= mention.start and mention.end <= code.end:
            is_longer = (code.start, code.end) != (mention.start, mention.end)
            wants = any(slot.kind == "code" for slot in slots)
            follower = max(message.words_in(code.start, code.end)) + 1
            is_counted = not wants or bool(_concepts_at(message, {follower}))
            if is_counted and _RANGE.fullmatch(str(code.value)):
                continue
            if is_longer or (wants and len(str(code.value)) > 2):
                return True
    return False


def _affinity(message: Message, mention: Mention, slot: Slot, numeric: Sequence[Slot]) -> int:
    position = min(message.words_in(mention.start, mention.end), default=None)
    if position is None:
        return 0
    last = max(message.words_in(mention.start, mention.end))
    reading = message.reading
    before, after = {position - 1, position - 2}, {last + 1, last + 2}
    wanted = _count_of(slot)
    around = _concepts_at(message, after) or _concepts_at(message, {last + 1, position - 1})
    if _has_currency(message, mention):
        return _ADJACENT if wanted == "~price" else 0
    if wanted and wanted in _concepts_at(message, {last + 1, position}):
        return _NAMED
    if wanted and wanted in _concepts_at(message, after | before):
        return _ADJACENT
    label = {
        form for name in slot.names for word in read_text(name).words for form in stems(word.folded)
    }
    near = [reading.words[i] for i in before | after if 0 <= i < len(reading.words)]
    if any(label & set(stems(w.folded)) and not _is_stop(message, w.start) for w in near):
        return _ADJACENT
    if around - ({wanted} if wanted else set()):
        return 0  # it counts something else
    if abs(mention.value) > _MAX_PLAIN_COUNT:
        return 0
    if wanted == "~people":
        return _LIKELY
    if wanted is None and last + 1 < len(reading.words) and last + 1 not in reading.stop:
        return _POSSIBLE
    return _POSSIBLE if len(numeric) == 1 and wanted != "~price" else 0


def _is_stop(message: Message, start: int) -> bool:
    return any(message.reading.words[i].start == start for i in message.reading.stop)


def _count_of(slot: Slot) -> str | None:
    """Return what a slot counts, as a concept, by its name first and its description then."""
    for roles in (slot.roles, {role.removeprefix("described.") for role in slot.roles}):
        found = next((concept for concept in _COUNTS if concept in roles), None)
        if found:
            return found
    return None


def counts_people(slot: Slot) -> bool:
    """Say whether a numeric slot is for a number of people."""
    return _count_of(slot) == "~people"


def _concepts_at(message: Message, positions: set[int]) -> set[str]:
    return {
        match.name
        for match in message.reading.matches
        if match.name in _COUNTS and any(match.first <= p <= match.last for p in positions)
    }


def _has_currency(message: Message, mention: Mention) -> bool:
    text = message.reading.text
    beside = text[: mention.start].rstrip()[-1:] + text[mention.end :].lstrip()[:1]
    return any(sign in beside for sign in _CURRENCY_SIGNS)
