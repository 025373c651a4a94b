"""Dates in a text: relative, by weekday, by month name and in digits.

Owns reading days against the shop's today; times are read in ``times``. "Friday" is the next one
from today on, "next Friday" the Friday of the coming week, and a day without a year the next such
day that is not past.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import lru_cache

from msgspec import Struct

from appliance.providers.builtin.lexicon import Reading
from appliance.providers.builtin.mentions import Mention, ReadingContext, word_mention
from appliance.providers.builtin.numbers import load_number_words, number_at, small_number
from appliance.providers.builtin.phrase_table import PhraseTable
from appliance.providers.builtin.phrasebook import Phrasebook, load_phrasebooks
from appliance.providers.builtin.words import Word

_ISO = re.compile(r"(?<!\d)(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)")
_DIGITS = re.compile(r"(?<![\d./-])(\d{1,2})([./-])(\d{1,2})(?:\2(\d{4}|\d{2}))?(?![\d/:]|\.\d)")
_WEEK_DAYS = 7
_MAX_DAYS_AHEAD = 3_660


class _Tables(Struct, frozen=True):
    relative: PhraseTable[int]
    weekdays: PhraseTable[int]
    months: PhraseTable[int]
    next: PhraseTable[bool]
    this: PhraseTable[bool]
    ahead: PhraseTable[bool]
    units: PhraseTable[int]
    day: PhraseTable[bool]
    weekend: PhraseTable[bool]
    joints: PhraseTable[bool]


def _flags(lists: Iterator[list[str]]) -> PhraseTable[bool]:
    return PhraseTable((phrase, True) for phrases in lists for phrase in phrases)


@lru_cache(maxsize=1)
def _load_tables() -> _Tables:
    languages = [book.dates for book in load_phrasebooks().values()]
    return _Tables(
        relative=PhraseTable((p, n) for lang in languages for p, n in lang.relative.items()),
        weekdays=load_weekdays(),
        months=load_months(),
        next=_flags(lang.next for lang in languages),
        this=_flags(lang.this for lang in languages),
        ahead=_flags(lang.in_ for lang in languages),
        units=PhraseTable(
            (phrase, days)
            for lang in languages
            for phrases, days in ((lang.day, 1), (lang.week, _WEEK_DAYS))
            for phrase in phrases
        ),
        day=_flags(lang.day for lang in languages),
        weekend=_flags(lang.weekend for lang in languages),
        joints=_flags([*lang.of, *lang.the, *lang.ordinals] for lang in languages),
    )


@lru_cache(maxsize=1)
def load_months() -> PhraseTable[int]:
    """Return month names of all languages, as 1 to 12."""
    return PhraseTable(
        (phrase, number)
        for book in load_phrasebooks().values()
        for number, phrases in enumerate(book.dates.months, start=1)
        for phrase in phrases
    )


@lru_cache(maxsize=1)
def load_weekdays() -> PhraseTable[int]:
    """Return weekday names of all languages, as 0 (Monday) to 6."""
    return PhraseTable(
        (phrase, number)
        for book in load_phrasebooks().values()
        for number, phrases in enumerate(book.dates.weekdays)
        for phrase in phrases
    )


def find_dates(reading: Reading, context: ReadingContext) -> Iterator[Mention]:
    """Yield the dates of the text, those in digits first."""
    today = context.now.date()
    yield from _find_digits(reading.text, context, today)
    words, tables = reading.words, _load_tables()
    position = 0
    while position < len(words):
        found = (
            _month_date(words, position, tables, today)
            or _relative(words, position, tables, today)
            or _weekday(words, position, tables, today, context.language)
        )
        if found is None:
            position += 1
            continue
        day, length = found
        yield word_mention("date", day, words, position, position + length - 1)
        position += length


def bare_weekday(reading: Reading, today: date) -> date | None:
    """Read a text that is only the name of a weekday, "שני" too, as the next such day."""
    hit = load_weekdays().find(reading.words, 0)
    if hit is None or hit.length != len(reading.words):
        return None
    return today + timedelta(days=(hit.value - today.weekday()) % _WEEK_DAYS)


def _find_digits(text: str, context: ReadingContext, today: date) -> Iterator[Mention]:
    for match in _ISO.finditer(text):
        day = _build(int(match[1]), int(match[2]), int(match[3]))
        if day is not None:
            yield Mention(kind="date", value=day, start=match.start(), end=match.end())
    for match in _DIGITS.finditer(text):
        if match[2] == "-" and match[4] is None:
            continue  # "10-12" is a range more often than a date
        first, second = int(match[1]), int(match[3])
        pairs = [(second, first), (first, second)]
        if not is_day_first(context):
            pairs.reverse()
        for month, number in pairs:
            day = _with_year(match[4], month, number, today)
            if day is not None:
                yield Mention(kind="date", value=day, start=match.start(), end=match.end())
                break


def is_day_first(context: ReadingContext) -> bool:
    """Say whether "12/5" is the twelfth of May for this visitor or shop."""
    books = load_phrasebooks()
    tag = context.language.lower().replace("_", "-")
    book = books.get(tag.split("-")[0])
    if book is None or not book.is_day_first:
        return book is None
    if tag.endswith("-us"):
        return False
    return not context.time_zone.startswith(tuple(book.month_first_zones) or ("\0",))


def _build(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _with_year(year: str | None, month: int, day: int, today: date) -> date | None:
    if year is not None:
        return _build(int(year) if len(year) == 4 else 2000 + int(year), month, day)
    for candidate in range(today.year, min(today.year + 5, 9_999)):
        found = _build(candidate, month, day)
        if found is not None and found >= today:
            return found
    return None


def _month_date(
    words: Sequence[Word], position: int, tables: _Tables, today: date
) -> tuple[date, int] | None:
    """Read "5 May", "5th of May 2026", "May 5" or "ה-5 למאי" at ``position``."""
    number = _day_number(words[position])
    follower = position + 1
    if number is not None:
        while follower < len(words) and tables.joints.find(words, follower):
            follower += 1
        month = tables.months.find(words, follower) if follower < len(words) else None
        if month is None:
            return None
        end = follower + month.length
    else:
        month = tables.months.find(words, position)
        if month is None:
            return None
        while follower < len(words) and tables.joints.find(words, follower):
            follower += 1
        number = _day_number(words[follower]) if follower < len(words) else None
        if number is None:
            return None
        end = follower + 1
    year = (
        words[end].folded
        if end < len(words) and re.fullmatch("20\\d\\d", words[end].folded)
        else None
    )
    day = _with_year(year, month.value, number, today)
    return None if day is None else (day, end + (year is not None) - position)


def _day_number(word: Word) -> int | None:
    match = re.fullmatch(r"(\d{1,2})(st|nd|rd|th)?", word.folded)
    return int(match[1]) if match else None


def _relative(
    words: Sequence[Word], position: int, tables: _Tables, today: date
) -> tuple[date, int] | None:
    """Read "tomorrow", "in three days", "next week" or "at the weekend" at ``position``."""
    hit = tables.relative.find(words, position)
    if hit is not None:
        return _shift(today, hit.value), hit.length
    ahead = tables.ahead.find(words, position)
    if ahead is not None:
        follower = position + ahead.length
        if follower >= len(words):
            return None
        digits = small_number(words[follower])
        spelled = number_at(words, follower)
        count = digits if digits is not None else spelled.value if spelled else None
        length = spelled.length if digits is None and spelled else 1
        unit_at = follower + (length if count is not None else 0)
        unit = tables.units.find(words, unit_at) if unit_at < len(words) else None
        if unit is not None:
            days = min((1 if count is None else count) * unit.value, _MAX_DAYS_AHEAD)
            return _shift(today, days), unit_at + unit.length - position
        return None
    return _week(words, position, tables, today)


def _week(
    words: Sequence[Word], position: int, tables: _Tables, today: date
) -> tuple[date, int] | None:
    lead = tables.next.find(words, position) or tables.this.find(words, position)
    start = position + (lead.length if lead else 0)
    if start >= len(words):
        return None
    is_next = tables.next.find(words, position) is not None
    weekend = tables.weekend.find(words, start)
    if weekend is not None:
        saturday = _shift(today, (5 - today.weekday()) % _WEEK_DAYS + _WEEK_DAYS * is_next)
        return saturday, start + weekend.length - position
    unit = tables.units.find(words, start)
    if unit is None or unit.value != _WEEK_DAYS:
        return None
    end = start + unit.length
    trailing = tables.next.find(words, end) if end < len(words) else None
    if not is_next and trailing is None:
        return None
    return _shift(today, _WEEK_DAYS), end + (trailing.length if trailing else 0) - position


def _weekday(
    words: Sequence[Word], position: int, tables: _Tables, today: date, language: str
) -> tuple[date, int] | None:
    """Read "Friday", "next Friday", "ביום שישי הבא" at ``position``."""
    is_next = tables.next.find(words, position) is not None
    lead = tables.next.find(words, position) or tables.this.find(words, position)
    start = position + (lead.length if lead else 0)
    has_day_word = start < len(words) and tables.day.find(words, start) is not None
    name_at = start + has_day_word
    hit = tables.weekdays.find(words, start) if start < len(words) else None
    if hit is not None and hit.length > 1:
        name_at, has_day_word = start, True
    elif name_at < len(words):
        hit = tables.weekdays.find(words, name_at)
    if hit is None:
        return None
    is_number_too = load_number_words().find(words, name_at) is not None
    if is_number_too and not has_day_word and not _says_on(words[name_at]):
        return None
    end = name_at + hit.length
    if end < len(words):
        trailing = tables.next.find(words, end) or tables.this.find(words, end)
        if trailing is not None and tables.weekdays.find(words, end + trailing.length) is None:
            is_next = is_next or tables.next.find(words, end) is not None
            end += trailing.length
    return _coming(today, hit.value, is_next, _week_start(language)), end - position


def _says_on(word: Word) -> bool:
    """Say whether a Hebrew word has "on" in front: "בשני" is a day, "לשני" is for two."""
    return word.folded.startswith("ב")


def _week_start(language: str) -> int:
    book: Phrasebook | None = load_phrasebooks().get(language.lower().split("-")[0])
    return book.week_starts_on if book else 0


def _coming(today: date, weekday: int, is_next: bool, week_start: int) -> date:
    if not is_next:
        return _shift(today, (weekday - today.weekday()) % _WEEK_DAYS)
    into_week = (today.weekday() - week_start) % _WEEK_DAYS
    return _shift(today, _WEEK_DAYS - into_week + (weekday - week_start) % _WEEK_DAYS)


def _shift(day: date, days: int) -> date:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return day
