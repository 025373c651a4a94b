"""When a shop is open, read from whatever its operator wrote.

Owns understanding days and times of ``BusinessInfo.hours``; what cannot be understood is kept as
given, and the sentences about it are left to ``hours_answers``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from msgspec import Struct

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.providers.builtin.dates import load_weekdays
from appliance.providers.builtin.lexicon import Reading, read_text
from appliance.providers.builtin.mentions import Mention, merge
from appliance.providers.builtin.phrase_table import PhraseTable
from appliance.providers.builtin.phrasebook import load_phrasebooks
from appliance.providers.builtin.times import find_times
from appliance.providers.builtin.words import fold, normalise, split_words

_DAYS = 7
EVERY_DAY = tuple(range(_DAYS))
_DAY_MINUTES = 24 * 60
_BARE_RANGE = re.compile(r"(?<![\d:])(\d{1,2})\s*-\s*(\d{1,2})(?![\d:])")


class Span(Struct, frozen=True):
    """Open from ``start`` to ``end``, in minutes after midnight; tomorrow begins at 1440."""

    start: int
    end: int


class HoursEntry(Struct, frozen=True):
    """One line of the hours: as given, the days it speaks of, and when it is open then.

    No days means it is about something else ("Kitchen", "Holidays"); ``spans`` is ``None`` when the
    text is not understood and empty when it says "closed".
    """

    label: str
    text: str
    days: tuple[int, ...]
    spans: tuple[Span, ...] | None


class WeekHours(Struct, frozen=True):
    """All lines, in the operator's order."""

    entries: tuple[HoursEntry, ...]

    def on(self, weekday: int) -> HoursEntry | None:
        """Return the line that speaks of a weekday, the most specific one, or ``None``."""
        fitting = [entry for entry in self.entries if weekday in entry.days]
        return min(fitting, key=lambda entry: len(entry.days), default=None)

    def is_open_at(self, moment: datetime) -> bool | None:
        """Say whether it is open at ``moment``, or ``None`` where the hours do not tell."""
        minutes = moment.hour * 60 + moment.minute
        today, yesterday = self.on(moment.weekday()), self.on((moment.weekday() - 1) % _DAYS)
        late = yesterday.spans if yesterday and yesterday.spans else ()
        if any(span.start <= minutes + _DAY_MINUTES < span.end for span in late):
            return True
        if today is None or today.spans is None:
            return None
        return any(span.start <= minutes < span.end for span in today.spans)

    def closes_at(self, moment: datetime) -> int | None:
        """Return the minute after midnight at which the present opening ends, if it is open."""
        minutes = moment.hour * 60 + moment.minute
        for shift, back in ((0, 0), (_DAY_MINUTES, 1)):
            entry = self.on((moment.weekday() - back) % _DAYS)
            for span in (entry.spans or ()) if entry else ():
                if span.start <= minutes + shift < span.end:
                    return span.end - shift
        return None

    def next_opening(self, moment: datetime) -> tuple[datetime, int] | None:
        """Return the day and minute of the next opening after ``moment`` within a week."""
        minutes = moment.hour * 60 + moment.minute
        for ahead in range(_DAYS + 1):
            day = moment + timedelta(days=ahead)
            entry = self.on(day.weekday())
            starts = [
                span.start
                for span in ((entry.spans or ()) if entry else ())
                if ahead or span.start > minutes
            ]
            if starts:
                return day, min(starts)
        return None


@lru_cache(maxsize=1)
def _load_groups() -> PhraseTable[tuple[int, ...]]:
    return PhraseTable(
        (phrase, tuple(days))
        for book in load_phrasebooks().values()
        for phrase, days in book.dates.day_groups.items()
    )


@lru_cache(maxsize=1)
def _load_letters() -> dict[str, int]:
    return {
        letter: day
        for book in load_phrasebooks().values()
        for letter, day in book.dates.weekday_letters.items()
    }


@lru_cache(maxsize=1)
def _load_words() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    books = load_phrasebooks().values()
    joints = frozenset(fold(w) for book in books for w in book.dates.range_words)
    closed = frozenset(fold(w) for book in books for w in book.times.closed)
    always = frozenset(normalise(w).casefold() for book in books for w in book.times.always)
    return joints, closed, always


def build_week(hours: JsonObject) -> WeekHours:
    """Return a shop's hours understood as far as they can be."""
    return WeekHours(
        tuple(
            HoursEntry(str(label), describe(value), _parse_days(str(label)), _parse_spans(value))
            for label, value in hours.items()
        )
    )


def describe(value: JsonValue) -> str:
    """Return an hours value as one line of text."""
    if isinstance(value, Mapping):
        first, last = value.get("open"), value.get("close")
        if first is not None and last is not None and not isinstance(first, bool):
            return f"{first}–{last}"
        return ", ".join(f"{key}: {describe(part)}" for key, part in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(describe(part) for part in value)
    return "" if value is None else str(value)


def _parse_days(label: str) -> tuple[int, ...]:
    """Return the weekdays a label names, in week order; ``()`` when it has any other word."""
    reading = read_text(re.sub("[/&+]", " ", label.replace("_", "-")))  # "mon_fri" is a range
    joints, _, _ = _load_words()
    days: list[int] = []
    is_range = False
    position = 0
    while position < len(reading.words):
        found = _day_at(reading, position)
        if found is not None:
            named, length = found
            if is_range and days and len(named) == 1:
                start = days[-1]
                days.extend(
                    (start + step) % _DAYS for step in range(1, (named[0] - start) % _DAYS + 1)
                )
            else:
                days.extend(named)
            is_range = False
        elif reading.words[position].folded in joints:
            is_range, length = True, 1
        elif position in reading.stop or _is_day_word(reading, position):
            length = 1
        else:
            return ()
        position += length
        if position < len(reading.words):
            gap = reading.text[reading.words[position - 1].end : reading.words[position].start]
            is_range = is_range or "-" in gap
    return tuple(dict.fromkeys(days))


def _is_day_word(reading: Reading, position: int) -> bool:
    words = {fold(w) for book in load_phrasebooks().values() for w in book.dates.day}
    return reading.words[position].folded in words


def _day_at(reading: Reading, position: int) -> tuple[tuple[int, ...], int] | None:
    group = _load_groups().find(reading.words, position)
    if group is not None:
        return group.value, group.length
    day = load_weekdays().find(reading.words, position)
    if day is not None:
        return (day.value,), day.length
    letter = _load_letters().get(reading.words[position].folded)
    return None if letter is None else ((letter,), 1)


def _parse_spans(value: JsonValue) -> tuple[Span, ...] | None:
    if value is None or value is False:
        return ()
    if isinstance(value, Mapping):
        if value.get("closed") is True:
            return ()
        value = describe(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        parts = [_parse_spans(part) for part in value]
        if any(part is None for part in parts):
            return None
        return tuple(span for part in parts for span in part or ())
    return _parse_text(str(value))


def _parse_text(text: str) -> tuple[Span, ...] | None:
    normalised = normalise(text).casefold().strip()
    _, closed, always = _load_words()
    if any(phrase in normalised for phrase in always):
        return (Span(0, _DAY_MINUTES),)
    reading = read_text(_BARE_RANGE.sub(r"\1:00-\2:00", normalised))
    times = [found for found in merge([], find_times(reading)) if found.kind == "time"]
    if times and len(times) % 2 == 0:
        spans = []
        for first, last in zip(times[::2], times[1::2], strict=True):
            spans.append(Span(first.value, _end(first.value, last)))
        return tuple(spans)
    if not times and any(word.folded in closed for word in split_words(normalised)):
        return ()
    return None


def _end(start: int, last: Mention) -> int:
    """Return when an opening ends: "9:00-5:00" ends in the afternoon, "18:00-02:00" tomorrow."""
    end = int(last.value)
    if end <= start and last.is_ambiguous and end + _DAY_MINUTES // 2 > start:
        return end + _DAY_MINUTES // 2
    return end if end > start else end + _DAY_MINUTES
