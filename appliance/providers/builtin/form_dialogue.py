"""The course of a form: opened by a message, filled turn by turn, corrected, handed over.

Owns what is asked next and when a tool is called; whether a message is for the form at all is
decided in ``dialogue``. Confirming a write is the agent loop's part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time

import msgspec

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.tool import ToolSpec
from appliance.providers.builtin.answers import Answer, Form, join_paragraphs
from appliance.providers.builtin.form_questions import ask_for, note, nothing_found, offer_for
from appliance.providers.builtin.message import Message
from appliance.providers.builtin.opening_hours import WeekHours
from appliance.providers.builtin.phrasebook import Phrasebook
from appliance.providers.builtin.slot_checks import Objection, check_value, find_misfit
from appliance.providers.builtin.slot_filling import Extracted, SlotReader, is_bare_number
from appliance.providers.builtin.slot_values import write_datetime, write_time
from appliance.providers.builtin.slots import Slot

MAX_FAILURES = 2
_CLOCK = re.compile(r"\d{2}:\d{2}")
_HALF_DAY = 12 * 60
_EARLIEST_UNMARKED = 7 * 60


class FormFiller:
    """Fills in one tool in one language at one moment."""

    def __init__(
        self,
        tool: ToolSpec,
        slots: Sequence[Slot],
        book: Phrasebook,
        now: datetime,
        week: WeekHours,
    ) -> None:
        self._tool = tool
        self._slots = slots
        self._by_key = {slot.key: slot for slot in slots}
        self._book = book
        self._now = now
        self._week = week

    def open(self, message: Message, values: JsonObject | None = None) -> Answer:
        """Start the form with what the message says, and with ``values`` known already."""
        form = Form(tool=self._tool.name, values=dict(values or {}))
        found = self._reader(message, form).read_all(is_opening=True)
        form, objections = self._take(form, found)
        lead = note(self._slots, form.values, self._book) or self._book.say("form_start")
        return self._advance(form, lead, objections)

    def reads(self, form: Form, message: Message) -> bool:
        """Say whether the message has a value, other than free text, for the form."""
        asked = self._by_key.get(form.asked or "")
        reader = self._reader(message, form)
        is_loose = self._is_correction(form, message) or _fits_elsewhere(asked, message)
        everything = reader.read_all(is_opening=False, are_numbers_loose=is_loose)
        found = self._relevant(form, asked, message, everything)
        if found.values or found.partial or self._moment(form, message, asked):
            return True
        if self._moved(form, message, found).values:
            return True
        return (
            asked is not None
            and asked.kind not in ("text", "person_name", "code")
            and reader.read_answer(asked) is not None
        )

    def answer(self, form: Form, message: Message) -> Answer:
        """Take the message as the answer to what was asked, or as a correction."""
        asked = self._by_key.get(form.asked or "")
        reader = self._reader(message, form)
        is_loose = (
            self._is_correction(form, message)
            or _fits_elsewhere(asked, message)
            or (asked is not None and asked.kind == "number")
        )
        everything = reader.read_all(is_opening=False, are_numbers_loose=is_loose)
        found = self._relevant(form, asked, message, everything)
        moment = self._moment(form, message, asked)
        if moment and asked:
            found.values[asked.key] = moment
        found = self._moved(form, message, found)
        if asked is not None and asked.key not in found.values and not found.values:
            value = reader.read_answer(asked)
            if value is not None:
                found.values[asked.key] = value
        unasked = [key for key in found.values if key in form.values or key != form.asked]
        updated, objections = self._take(form, found)
        if not found.values and asked is not None and asked.key not in found.partial:
            objections = [nothing_found(asked)]
        lead = ""
        if unasked and not objections:
            told: JsonObject = {key: updated.values[key] for key in found.values}
            lead = note(self._slots, told, self._book)
        return self._advance(updated, lead, objections)

    def search_again(self, form: Form, wanted: str) -> Answer | None:
        """Call a tool that only searches once more, for something else."""
        required = [slot for slot in self._slots if slot.is_required]
        if len(required) != 1 or required[0].kind != "text":
            return None
        form = msgspec.structs.replace(form, values={**form.values, required[0].key: wanted})
        return self._advance(form, "", [])

    def ask_again(self, form: Form, lead: str) -> Answer:
        """Repeat the open question after ``lead``, for example behind an answer to another one."""
        return self._advance(form, lead, [], is_retry=True)

    def hold_again(self, form: Form, text: str) -> Answer:
        """Ask once more for the call that waits for the visitor's yes, behind ``text``."""
        return msgspec.structs.replace(self._call(form, failures=form.failures), text=text)

    def takes_any_text(self, form: Form) -> bool:
        """Say whether what is asked for is free text, so that any words may be the answer."""
        asked = self._by_key.get(form.asked or "")
        return asked is not None and asked.kind == "text"

    def asks_name(self, form: Form) -> bool:
        """Say whether somebody's name is asked for, which may be a common word."""
        asked = self._by_key.get(form.asked or "")
        return asked is not None and asked.kind == "person_name"

    def name_asked(self, form: Form) -> str:
        """Return what the form asks for, or an empty string."""
        asked = self._by_key.get(form.asked or "")
        return asked.name_in(self._book.language) if asked else ""

    def _relevant(
        self, form: Form, asked: Slot | None, message: Message, found: Extracted
    ) -> Extracted:
        """Return what may be taken: free-text answers are whole, corrections need a sign."""
        is_correction = self._is_correction(form, message)
        values: JsonObject = {}
        for key, value in found.values.items():
            slot = self._by_key[key]
            is_known = key in form.values
            if (
                asked is not None
                and asked.kind == "text"
                and key != asked.key
                and not is_correction
            ):
                continue
            if is_known and not is_correction and self._is_for_the_asked(asked, slot, message):
                continue
            same_kind = asked is not None and key != asked.key and slot.kind == asked.kind
            is_named = any(cue.last > cue.first for cue in message.reading.spans("cue.name"))
            is_vague_name = slot.kind == "person_name" and not (is_correction or is_named)
            if is_known and (same_kind or is_vague_name):
                continue
            values[key] = value
        return Extracted(values, found.partial)

    def _is_for_the_asked(self, asked: Slot | None, slot: Slot, message: Message) -> bool:
        """Say whether a word read as a known slot's value may rather answer what was asked."""
        if slot.kind == "number":
            return _fits_elsewhere(asked, message)
        is_word = len(message.reading.words) == 1 and not re.search(r"\d", message.reading.text)
        is_name_asked = asked is not None and asked.kind == "person_name"
        return slot.kind == "date" and is_name_asked and is_word  # a Hebrew name, "שני"

    def _is_correction(self, form: Form, message: Message) -> bool:
        return message.reading.has("intent.correction") or form.status != "asking"

    def _moment(self, form: Form, message: Message, asked: Slot | None) -> str | None:
        """Return a moment whose day was said before and whose time this message says."""
        if asked is None or asked.kind != "datetime" or asked.key not in form.partial:
            return None
        day = date.fromisoformat(form.partial[asked.key])
        as_time = msgspec.structs.replace(asked, kind="time", schema={})
        minutes = self._reader(message, form).read_answer(as_time)
        if not isinstance(minutes, str) or message.of_kind("date"):
            return None
        return write_datetime(asked, day, _minutes(minutes), self._now)

    def _moved(self, form: Form, message: Message, found: Extracted) -> Extracted:
        """Return what was found, with a moment that is known moved to another day or hour."""
        values, partial = dict(found.values), dict(found.partial)
        is_unread = not values and is_bare_number(message)
        for slot in self._slots:
            known = form.values.get(slot.key)
            if slot.kind not in ("time", "datetime") or not isinstance(known, str):
                continue
            as_time = msgspec.structs.replace(slot, kind="time", schema={})
            reader = self._reader(message, form)
            said = message.of_kind("time") or (is_unread and self._is_correction(form, message))
            hour = reader.read_answer(as_time) if said else None
            day = partial.pop(slot.key, None)
            if slot.kind == "time" and isinstance(hour, str) and is_unread:
                values[slot.key] = write_time(slot, _minutes(hour))
            elif slot.kind == "datetime" and slot.key not in values and (day or hour):
                was = _read_moment(known)
                if was is not None:
                    minutes = _minutes(hour) if isinstance(hour, str) else _minutes(known[11:16])
                    on = date.fromisoformat(day) if day else was.date()
                    values[slot.key] = write_datetime(slot, on, minutes, self._now)
        return Extracted(values, partial)

    def _reader(self, message: Message, form: Form) -> SlotReader:
        known_day = next(self._known_days(form), None)
        known_time = next(self._known_times(form), None)

        def choose_hour(minutes: int, day: date | None) -> int:
            return choose_half(minutes, day or known_day, self._week, self._now, near=known_time)

        return SlotReader(message, self._slots, self._now, choose_hour)

    def _known_days(self, form: Form) -> Iterator[date]:
        for slot in self._slots:
            value = form.partial.get(slot.key) or form.values.get(slot.key)
            if slot.kind in ("date", "datetime") and isinstance(value, str):
                try:
                    yield date.fromisoformat(value[:10])
                except ValueError:
                    continue

    def _known_times(self, form: Form) -> Iterator[int]:
        for slot in self._slots:
            value = form.values.get(slot.key)
            clock = _CLOCK.search(value) if isinstance(value, str) else None
            if slot.kind in ("time", "datetime") and clock is not None:
                yield _minutes(clock.group())

    def _take(self, form: Form, found: Extracted) -> tuple[Form, list[Objection]]:
        values, objections = dict(form.values), []
        for key, value in found.values.items():
            objection = check_value(self._by_key[key], value)
            if objection is None:
                values[key] = value
            else:
                values.pop(key, None)
                objections.append(objection)
        partial = {**form.partial, **found.partial}
        partial = {key: day for key, day in partial.items() if key not in values}
        return msgspec.structs.replace(form, values=values, partial=partial), objections

    def _advance(
        self, form: Form, lead: str, objections: list[Objection], *, is_retry: bool = False
    ) -> Answer:
        missing = next((s for s in self._slots if s.is_required and s.key not in form.values), None)
        if missing is None and not objections:
            missing = self._refused(form)
            if missing is None:
                return self._call(form)
            objections = [Objection("invalid_any", {})]
            form = msgspec.structs.replace(form, values=_without(form.values, missing.key))
        if missing is None:
            return self._stay(form, objections)
        has_failed = bool(objections) and form.asked == missing.key
        failures = form.failures + 1 if has_failed else form.failures if is_retry else 0
        form = msgspec.structs.replace(form, asked=missing.key, failures=failures, status="asking")
        reasons = " ".join(dict.fromkeys(objection.say(self._book) for objection in objections))
        return Answer(
            intent="form",
            text=join_paragraphs(lead, reasons, ask_for(missing, form, self._book)),
            arguments=build_arguments(self._slots, form.values),
            form=form,
            quick_replies=offer_for(missing, self._book),
        )

    def _stay(self, form: Form, objections: list[Objection]) -> Answer:
        """Say why an optional value does not do; nothing required is missing."""
        reasons = " ".join(dict.fromkeys(objection.say(self._book) for objection in objections))
        form = msgspec.structs.replace(form, asked=None, status="asking")
        return Answer(intent="form", text=reasons, form=form)

    def _refused(self, form: Form) -> Slot | None:
        path = find_misfit(self._tool.parameters_schema, build_arguments(self._slots, form.values))
        if path is None:
            return None
        return next((slot for slot in self._slots if slot.path == path and slot.is_required), None)

    def _call(self, form: Form, *, failures: int = 0) -> Answer:
        form = msgspec.structs.replace(form, asked=None, failures=failures, status="called")
        return Answer(
            intent="tool",
            call_tool=self._tool.name,
            arguments=build_arguments(self._slots, form.values),
            form=form,
        )


def _minutes(clock: str) -> int:
    hour, minute = (int(part) for part in clock.split(":")[:2])
    return hour * 60 + minute


def _read_moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _fits_elsewhere(asked: Slot | None, message: Message) -> bool:
    """Say whether the message is a number that cannot answer what was asked."""
    can_be_number = asked is None or asked.kind not in ("person_name", "email", "url", "boolean")
    return not can_be_number and is_bare_number(message)


def _without(values: JsonObject, key: str) -> JsonObject:
    return {name: value for name, value in values.items() if name != key}


def build_arguments(slots: Iterable[Slot], values: JsonObject) -> JsonObject:
    """Return the values as the tool's arguments, nested as the schema has them."""
    arguments: JsonObject = {}
    for slot in slots:
        if slot.key not in values:
            continue
        place = arguments
        for part in slot.path[:-1]:
            inner: JsonValue = place.setdefault(part, {})
            if not isinstance(inner, dict):
                break
            place = inner
        place[slot.path[-1]] = values[slot.key]
    return arguments


def choose_half(
    minutes: int, day: date | None, week: WeekHours, now: datetime, *, near: int | None = None
) -> int:
    """Return ``minutes`` or twelve hours later: whichever the shop is open at.

    Where the hours do not tell, it is the one nearer to ``near``, the time said before; without
    one, one to six o'clock are in the afternoon.
    """
    later = (minutes + _HALF_DAY) % (2 * _HALF_DAY)
    on = day or now.date()
    is_open = [
        week.is_open_at(datetime.combine(on, time(value // 60, value % 60), now.tzinfo))
        for value in (minutes, later)
    ]
    if is_open[0] is not is_open[1] and True in is_open:
        return minutes if is_open[0] else later
    if near is not None:
        return min(minutes, later, key=lambda value: abs(value - near))
    return later if 0 < minutes < _EARLIEST_UNMARKED else minutes
