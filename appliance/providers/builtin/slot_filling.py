"""Values for slots out of what a visitor says.

Owns which mention or words a slot takes, unasked and as the answer to a question; whether they fit
is left to ``slot_checks``, the course of a form to ``form_dialogue``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime

from msgspec import Struct

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.providers.builtin.contact_values import find_name, is_phone
from appliance.providers.builtin.dates import bare_weekday
from appliance.providers.builtin.free_text import (
    label_position,
    place_text,
    reason_text,
    search_text,
    text_after_label,
    trim_filler,
)
from appliance.providers.builtin.lexicon import Reading
from appliance.providers.builtin.mentions import Mention, MentionKind
from appliance.providers.builtin.message import Message
from appliance.providers.builtin.number_roles import assign_numbers, find_moved_hour
from appliance.providers.builtin.numbers import end_of_range, load_dependent_words
from appliance.providers.builtin.slot_values import (
    combine,
    find_choices,
    spell_code,
    write_code,
    write_date,
    write_number,
    write_time,
)
from appliance.providers.builtin.slots import Slot
from appliance.providers.builtin.times import bare_time

HourChoice = Callable[[int, date | None], int]
"""Settles an ambiguous time: minutes and the day in question to minutes."""

_PAUSE = re.compile(r"[,.;!?]")
_MIN_CODE_DIGITS = 3
_MAX_NAME_WORDS = 5
_NO_NAMES = tuple(
    f"intent.{name}" for name in ("yes", "no", "skip", "thanks", "greeting", "cancel")
)


_SEARCHED = frozenset(("search_text", "~product", "described.~product"))
"""Roles of what a tool looks for by words."""
_NO_TEXT = tuple(f"intent.{name}" for name in ("yes", "thanks", "greeting"))


class Extracted(Struct, frozen=True):
    """Values by slot key, and days of moments whose time is still unknown."""

    values: JsonObject
    partial: dict[str, str]


class SlotReader:
    """Reads one message for the slots of one tool."""

    def __init__(
        self, message: Message, slots: Sequence[Slot], now: datetime, choose_hour: HourChoice
    ) -> None:
        self._message = message
        self._slots = slots
        self._now = now
        self._choose_hour = choose_hour

    def read_all(self, *, is_opening: bool, are_numbers_loose: bool = True) -> Extracted:
        """Return every value the message has for any slot.

        Args:
            is_opening: The message asks for the tool, so what is left of it may be what the tool
                is to search for; never so in the middle of a form.
            are_numbers_loose: A bare number may be meant for any slot, not only for one it names.
        """
        values: JsonObject = {}
        partial: dict[str, str] = {}
        numbers = assign_numbers(self._message, self._slots, are_loose=are_numbers_loose)
        dates = self._meant("date")
        times = self._times(dates)
        moments = [slot for slot in self._slots if slot.kind == "datetime"]
        for slot in self._slots:
            found: JsonValue = None
            if slot.kind == "date" and dates and not (moments and len(dates) == 1):
                found = write_date(slot, dates.pop(0).value)
            elif slot.kind == "time" and times and not moments:
                found = write_time(slot, times.pop(0))
            elif slot.kind == "datetime":
                found = combine(slot, dates, times, self._now)
                if found is None and dates:
                    partial[slot.key] = dates[0].value.isoformat()
                dates, times = dates[1:], times[1:]
            elif slot.kind == "number":
                mention = numbers.get(slot.key)
                found = None if mention is None else write_number(slot, mention.value)
            else:
                found = self._read_other(slot, is_opening)
            if found is not None:
                values[slot.key] = (
                    [found] if slot.is_list and not isinstance(found, list) else found
                )
        self._leave_out_false_names(values)
        return Extracted(values, partial)

    def _leave_out_false_names(self, values: JsonObject) -> None:
        """Take out a name that is the beginning of what another slot searches for."""
        named = [slot.key for slot in self._slots if slot.kind == "person_name"]
        searched = [slot.key for slot in self._slots if slot.roles & _SEARCHED]
        wanted = [values.get(key) for key in searched if key not in named]
        for key in named:
            name = values.get(key, "")
            if name and any(str(text).startswith(str(name)) for text in wanted):
                del values[key]

    def _times(self, dates: Sequence[Mention]) -> list[int]:
        day: date | None = dates[0].value if dates else None
        hour = find_moved_hour(self._message, self._slots)
        said = self._meant("time") if hour is None else [hour]
        return [self._settle(mention, day) for mention in said]

    def _meant(self, kind: MentionKind) -> list[Mention]:
        """Return the mentions of a kind without those denied: "not tomorrow, Friday"."""
        mentions = self._message.of_kind(kind)
        denied = denied_words(self._message)
        meant = [m for m in mentions if denied.isdisjoint(self._message.words_in(m.start, m.end))]
        return meant or mentions

    def _settle(self, mention: Mention, day: date | None) -> int:
        minutes: int = mention.value
        return self._choose_hour(minutes, day) if mention.is_ambiguous else minutes

    def _read_other(self, slot: Slot, is_opening: bool) -> JsonValue:
        reading = self._message.reading
        if slot.kind == "choice":
            found = find_choices(slot.choices, reading, denied_words(self._message))
            if slot.is_list:
                return [choice.value for choice in found] or None
            return found[0].value if found else None
        if slot.kind == "boolean":
            return self._labelled_boolean(slot)
        if slot.kind in ("email", "phone", "url"):
            mentions = [
                m
                for m in self._message.mentions
                if m.kind == slot.kind and not self._is_shaped_code(str(m.value))
            ]
            return self._fit_phone(slot, str(mentions[0].value)) if mentions else None
        if slot.kind == "code":
            return self._code(slot)
        if slot.kind == "person_name":
            name = find_name(reading, self._message.value_words())
            return name[0] if name else None
        return self._free_text(slot, is_opening)

    def _fit_phone(self, slot: Slot, text: str) -> JsonValue:
        """Return a phone as written, or without its separators where only that fits."""
        pattern = slot.pattern
        plain = "".join(c for c in text if c.isdigit() or c == "+")
        if pattern and not pattern.search(text) and pattern.search(plain):
            return plain
        return text

    def _free_text(self, slot: Slot, is_opening: bool) -> JsonValue:
        if "reason" in slot.roles:
            return reason_text(self._message)
        if "place" in slot.roles:
            return text_after_label(self._message, slot) or place_text(self._message)
        if is_opening and slot.roles & _SEARCHED and slot.is_required:
            return search_text(self._message)
        return text_after_label(self._message, slot)

    def _labelled_boolean(self, slot: Slot) -> bool | None:
        reading = self._message.reading
        label = label_position(self._message, slot)
        if label is None:
            return None
        denials = reading.covered(("intent.no",))
        return not any(position in denials for position in (label - 1, label - 2))

    def _code(self, slot: Slot) -> JsonValue:
        pattern = slot.pattern
        phones = self._message.of_kind("phone")
        for mention in self._message.codes:
            text = str(mention.value)
            digits = sum(character.isdigit() for character in text)
            is_phone_too = any(p.start <= mention.start < p.end for p in phones)
            has_phone = any(other.kind == "phone" for other in self._slots)
            if is_phone_too and has_phone and not self._is_shaped(slot, text):
                continue
            if (
                pattern is None
                and digits < _MIN_CODE_DIGITS
                and not self._is_labelled(mention, slot)
                and not self._is_whole(mention)
            ):
                continue
            found = write_code(slot, text)
            if found is None:
                found = write_code(slot, spell_code(self._message, mention))
            if found is not None:
                return found
        return None

    def _is_shaped_code(self, text: str) -> bool:
        """Say whether digits are rather the code that a slot beside the phone wants."""
        return any(self._is_shaped(slot, text) for slot in self._slots if slot.kind == "code")

    def _is_shaped(self, slot: Slot, text: str) -> bool:
        is_dialled = text[:1] in "0+("
        return not is_dialled and slot.pattern is not None and bool(slot.pattern.search(text))

    def _is_labelled(self, mention: Mention, slot: Slot) -> bool:
        if self._message.reading.text[mention.start] == "#":
            return True
        position = min(self._message.words_in(mention.start, mention.end), default=0)
        reading = self._message.reading
        near = reading.covered(("slot.identifier", *(r for r in slot.roles if r[0] == "~")))
        return bool({position - 1, position - 2} & near)

    def _is_whole(self, mention: Mention) -> bool:
        """Say whether the message is this code of letters and digits, and nothing else."""
        words = self._message.words_in(mention.start, mention.end)
        has_letter = any(character.isalpha() for character in str(mention.value))
        return has_letter and _only_says(self._message, ("cue.filler", "intent.correction"), words)

    def read_answer(self, slot: Slot) -> JsonValue:
        """Return the value that the message gives when it answers a question for ``slot``.

        Returns:
            The value, fitting or not, or ``None`` when nothing of its kind is there.
        """
        found = self._answer(slot)
        if found is not None and slot.is_list and not isinstance(found, list):
            return [found]
        return found

    def _answer(self, slot: Slot) -> JsonValue:
        reading = self._message.reading
        dates = self._message.of_kind("date")
        if slot.kind == "date":
            day = dates[0].value if dates else bare_weekday(reading, self._now.date())
            return write_date(slot, day) if day else None
        if slot.kind == "time":
            times = self._times(dates)
            hour = bare_time(self._message.rest)
            if not times and hour is not None:
                times = [self._settle(hour, None)]
            return write_time(slot, times[0]) if times else None
        if slot.kind == "datetime":
            return combine(slot, dates, self._times(dates), self._now)
        if slot.kind == "number":
            numbers = self._message.of_kind("number")
            return write_number(slot, end_of_range(reading, numbers).value) if numbers else None
        if slot.kind == "boolean":
            return answer_boolean(self._message)
        if slot.kind == "choice":
            return self._answer_choice(slot)
        if slot.kind == "code":
            return self._code(slot) or self._single_code(slot)
        if slot.kind in ("email", "url", "phone"):
            return self._read_other(slot, False) or self._phone_like(slot)
        if slot.kind == "person_name":
            name = find_name(reading, self._message.value_words())
            return name[0] if name else self._bare_name()
        if _only_says(self._message, _NO_TEXT):
            return None
        return reason_text(self._message) or self._message.reading.text.strip() or None

    def _bare_name(self) -> str | None:
        """Return the whole answer as a name, unless it is a question, a sentence or has digits."""
        text = trim_filler(self._message)
        if is_bare_number(self._message) or _only_says(self._message, _NO_NAMES):
            return None
        is_name = 0 < len(text.split()) <= _MAX_NAME_WORDS and text[0].isalpha()
        is_asking = "?" in self._message.reading.text
        return text if is_name and not is_asking and not re.search(r"\d", text) else None

    def _phone_like(self, slot: Slot) -> JsonValue:
        text = self._message.reading.text.strip()
        return text if slot.kind == "phone" and is_phone(text) else None

    def _single_code(self, slot: Slot) -> JsonValue:
        for mention in self._message.codes:
            found = write_code(slot, str(mention.value))
            if found is not None:
                return found
        text = trim_filler(self._message)
        if len(text.split()) == 1 and not _only_says(self._message, _NO_NAMES):
            return write_code(slot, text) or text
        return str(self._message.codes[0].value) if self._message.codes else None

    def _answer_choice(self, slot: Slot) -> JsonValue:
        found = self._read_other(slot, False)
        if found:
            return found
        numbers = self._message.of_kind("number")
        text = self._message.reading.text.strip().rstrip(".)")
        if numbers and text.isdigit() and 0 < numbers[0].value <= len(slot.choices):
            return slot.choices[numbers[0].value - 1].value
        return None


def denied_words(message: Message) -> frozenset[int]:
    """Return the positions of words right behind a "not", as in "not phone, laptop"."""
    reading = message.reading
    denied: set[int] = set()
    for match in reading.spans("intent.deny"):
        follower = match.last + 1
        gap = reading.text[reading.words[match.last].end : _end_of(reading, follower)]
        if follower < len(reading.words) and not _PAUSE.search(gap):
            denied.add(follower)
    return frozenset(denied)


def _end_of(reading: Reading, position: int) -> int:
    return reading.words[position].start if position < len(reading.words) else len(reading.text)


def is_bare_number(message: Message) -> bool:
    """Say whether a message is a number, in digits or in words, and nothing else."""
    words = {
        position
        for mention in message.of_kind("number")
        for position in message.words_in(mention.start, mention.end)
    }
    if any(message.reading.words[i].folded in load_dependent_words() for i in words):
        return False
    return bool(words) and _only_says(message, ("cue.filler", "intent.correction"), words)


def _only_says(message: Message, names: Sequence[str], known: Collection[int] = ()) -> bool:
    """Say whether phrases of ``names`` and the ``known`` words are all there is."""
    count = len(message.reading.words)
    return 0 < count == len(message.reading.covered(names) | frozenset(known))


def answer_boolean(message: Message) -> bool | None:
    """Return the yes or no a message says, or ``None`` when it says neither."""
    if message.reading.has("intent.no"):
        return False
    return True if message.reading.has("intent.yes") else None
