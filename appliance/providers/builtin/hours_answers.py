"""Answers about opening hours: in general, now, on a day, at a time.

Owns choosing which of these was asked and the sentence for it; understanding the hours is left to
``opening_hours``.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise

from appliance.providers.builtin.message import Message
from appliance.providers.builtin.opening_hours import EVERY_DAY, HoursEntry, Span, WeekHours
from appliance.providers.builtin.phrase_table import PhraseTable
from appliance.providers.builtin.phrasebook import Phrasebook, load_phrasebooks
from appliance.providers.builtin.times import format_time
from appliance.providers.builtin.words import is_hebrew
from appliance.wording import load_words, write_day

_DAY_MINUTES = 24 * 60
_WEEK = 7


def answer_hours(week: WeekHours, message: Message, book: Phrasebook, now: datetime) -> str:
    """Return the answer to a question about opening hours."""
    dates = message.of_kind("date")
    times = message.of_kind("time")
    if dates or times:
        day: date = dates[0].value if dates else now.date()
        entry = week.on(day.weekday())
        if entry is not None:
            return _answer_day(entry, week, day, times[0].value if times else None, book, now)
    elif _asks_now(message) and week.is_open_at(now) is not None:
        return _answer_now(week, book, now)
    return list_hours(week, book)


def _asks_now(message: Message) -> bool:
    table = _load_now()
    return any(table.find(message.reading.words, i) for i in range(len(message.reading.words)))


@lru_cache(maxsize=1)
def _load_now() -> PhraseTable[bool]:
    return PhraseTable(
        (phrase, True) for book in load_phrasebooks().values() for phrase in book.times.now
    )


def list_hours(week: WeekHours, book: Phrasebook, entries: tuple[HoursEntry, ...] = ()) -> str:
    """Return all lines, or those given, as a Markdown list."""
    lines = [f"- {_label(entry, book)}: {_text(entry, book)}" for entry in entries or week.entries]
    return "\n".join([book.say("hours_all"), "", *lines])


def _label(entry: HoursEntry, book: Phrasebook) -> str:
    """Return the label as given, or our own day name where it is in the other script."""
    is_foreign = is_hebrew(entry.label) != (book.language == "he")
    if not is_foreign or not entry.days or entry.days == EVERY_DAY:
        return entry.label.replace("_", " ")
    names = load_words(book.language).weekday_names
    if len(entry.days) > 2 and _is_run(entry.days):
        return f"{names[entry.days[0]]} – {names[entry.days[-1]]}"
    return ", ".join(names[day] for day in entry.days)


def _is_run(days: tuple[int, ...]) -> bool:
    return all((b - a) % 7 == 1 for a, b in pairwise(days))


def _text(entry: HoursEntry, book: Phrasebook) -> str:
    if entry.spans == ():
        return book.say("closed")
    return entry.text


def _ranges(spans: tuple[Span, ...], book: Phrasebook) -> str:
    if spans == (Span(0, _DAY_MINUTES),):
        return book.say("always_open")
    return ", ".join(f"{format_time(span.start)}–{format_time(span.end)}" for span in spans)


def _answer_day(
    entry: HoursEntry,
    week: WeekHours,
    day: date,
    minutes: int | None,
    book: Phrasebook,
    now: datetime,
) -> str:
    name = name_day(day, book, now)
    if entry.spans is None:
        return _begin(book.say("hours_day_given", label=name, text=entry.text))
    if not entry.spans:
        return _begin(book.say("hours_day_closed", day=_lead(name)))
    ranges = _ranges(entry.spans, book)
    if minutes is None:
        return _begin(book.say("hours_day_open", day=_lead(name), ranges=ranges))
    moment = datetime.combine(day, time(minutes // 60, minutes % 60), now.tzinfo)
    sentence = "hours_at_open" if week.is_open_at(moment) else "hours_at_closed"
    return book.say(sentence, day=_lead(name), time=format_time(minutes), ranges=ranges)


def _lead(name: str) -> str:
    """Return a day's name as it stands before the rest of a sentence."""
    return f"{name}," if "," in name else name


def _begin(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _answer_now(week: WeekHours, book: Phrasebook, now: datetime) -> str:
    if week.is_open_at(now):
        until = week.closes_at(now)
        if until is None or (until >= _DAY_MINUTES and week.is_open_at(_midnight_after(now))):
            return book.say("hours_now_open_always")
        return book.say("hours_now_open", until=format_time(until))
    opening = week.next_opening(now)
    if opening is None:
        return book.say("hours_now_closed")
    day, minutes = opening
    return book.say(
        "hours_now_closed_next",
        day=_lead(name_day(day.date(), book, now)),
        time=format_time(minutes),
    )


def _midnight_after(now: datetime) -> datetime:
    return datetime.combine(now.date() + timedelta(days=1), time(), now.tzinfo)


def name_day(day: date, book: Phrasebook, now: datetime) -> str:
    """Return a day as "tomorrow, Thursday", "on Sunday" or, further away, "on Friday, 16 May"."""
    words = load_words(book.language)
    weekday = words.weekday_names[day.weekday()]
    ahead = (day - now.date()).days
    if ahead in (0, 1):
        return book.say("hours_today" if ahead == 0 else "hours_tomorrow", weekday=weekday)
    if 1 < ahead < _WEEK:
        return book.say("hours_other_day", day=weekday)
    return book.say("hours_other_day", day=write_day(day, words, has_year=day.year != now.year))
