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
from appliance.providers.builtin.mentions import (
    Mention,
    MentionKind,
    ReadingContext,
    hide,
    merge,
    word_mention,
)
from appliance.providers.builtin.numbers import load_number_words, number_at, small_number
from appliance.providers.builtin.phrase_table import PhraseTable
from appliance.providers.builtin.phrasebook import Phrasebook, load_phrasebooks
from appliance.providers.builtin.words import Word

_FREE = r"(?<![\d./])(?<![A-Za-z\d]-)"
"""A hyphen before a day is that of a Hebrew prefix, never one within a code or a phone number."""
_ISO = re.compile(_FREE + r"((?:19|20|21)\d\d)([./-])(\d{1,2})\2(\d{1,2})(?![\d/]|[.-]\d)")
_DAY = r"(\d{1,2})([./-])(\d{1,2})(?:\2((?:19|20|21)?\d{2}))?(?![\d/:]|\.\d)"
_IN_RANGE = r"(?:(?<=\b\d-)|(?<=\b\d\d-))(?=\d{1,2}/)"
_DIGITS = re.compile(f"(?:{_FREE}|{_IN_RANGE})" + _DAY)
_RANGE_END = re.compile("-" + _DAY)
_ARTICLES = frozenset({"ה", "the"})
_MEASURES = ("~price", "~night", "~day_count")
_MONEY = re.compile(r"[$€£₪]")
_WEEK_DAYS = 7
_LONGEST_MONTH = 31
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
    since: PhraseTable[bool]
    until: PhraseTable[bool]


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
        since=_flags(lang.from_ for lang in languages),
        until=_flags(
            [*book.dates.range_words, *book.times.and_] for book in load_phrasebooks().values()
        ),
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


def find_calendar_days(reading: Reading, context: ReadingContext) -> Iterator[Mention]:
    """Yield the days of the text that have a number in the month, those all in digits first.

    A day that no calendar has, "31/2" or "31 February", is yielded as unreadable.
    """
    today = context.now.date()
    tables = _load_tables()
    in_digits = list(_find_digits(reading, context, today))
    in_words = list(_find_month_days(hide(reading, in_digits), tables, today))
    days = merge(in_digits, in_words)
    yield from days
    rest = hide(reading, days)
    for day in days:
        if day.kind == "date":
            yield from _find_first_of_range(rest, day, tables)


def _find_month_days(reading: Reading, tables: _Tables, today: date) -> Iterator[Mention]:
    position = 0
    while position < len(reading.words):
        found = _month_date(reading, position, tables, today)
        if found is None:
            position += 1
            continue
        day, length = found
        kind: MentionKind = "unreadable" if day is None else "date"
        last = position + length - 1
        yield word_mention(kind, day, reading.words, position, last)
        position += length


def _find_first_of_range(reading: Reading, last: Mention, tables: _Tables) -> Iterator[Mention]:
    """Yield the bare day before ``last``: the 3rd of "3-5 May" or "מה-3 עד ה-5/5"."""
    words = reading.words
    place = sum(1 for word in words if word.end <= last.start) - 1
    if place < 0:
        return
    if (
        reading.text[words[place].end : last.start].strip() != "-"
        or not words[place].folded.isdigit()
    ):
        place -= words[place].folded in _ARTICLES
        until = tables.until.find_before(words, place + 1)
        place -= until.length if until else 0
        if until is None or tables.since.find_before(words, place) is None:
            return
    number = _day_number(words[place])
    if number is None:
        return
    month = last.value if number < last.value.day else last.value.replace(day=1) - timedelta(days=1)
    day = _build(month.year, month.month, number)
    if day is not None:
        yield word_mention("date", day, words, place, place)


def find_relative_days(reading: Reading, context: ReadingContext) -> Iterator[Mention]:
    """Yield the days that are told from today: "tomorrow", "in three days", "next Friday"."""
    today = context.now.date()
    words, tables = reading.words, _load_tables()
    position = 0
    while position < len(words):
        found = _relative(words, position, tables, today) or _weekday(
            words, position, tables, today, context.language
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


def _find_digits(reading: Reading, context: ReadingContext, today: date) -> Iterator[Mention]:
    text = reading.text
    for iso in _ISO.finditer(text):
        yield _mention(_build(int(iso[1]), int(iso[3]), int(iso[4])), iso)
    match: re.Match[str] | None = _DIGITS.search(text)
    while match is not None:
        day = _day_in_digits(match, context, today)
        is_short = match[4] is None
        is_range = match[2] == "-" and is_short  # "10-12" is a range more often than a date
        is_decimal = match[2] == "." and is_short and (day is None or _is_amount(reading, match))
        if not is_range and not is_decimal:
            yield _mention(day, match)
        match = _RANGE_END.match(text, match.end()) or _DIGITS.search(text, match.end())


def _mention(day: date | None, match: re.Match[str]) -> Mention:
    kind: MentionKind = "unreadable" if day is None else "date"
    return Mention(kind=kind, value=day, start=match.start(1), end=match.end())


def _day_in_digits(match: re.Match[str], context: ReadingContext, today: date) -> date | None:
    first, second = int(match[1]), int(match[3])
    pairs = [(second, first), (first, second)]
    if not is_day_first(context):
        pairs.reverse()
    days = (_with_year(match[4], month, number, today) for month, number in pairs)
    return next((day for day in days if day is not None), None)


def _is_amount(reading: Reading, match: re.Match[str]) -> bool:
    """Say whether "7.10" is money or a measure rather than a day."""
    before = reading.text[: match.start()].rstrip()[-1:]
    after = reading.text[match.end() :].lstrip()[:1]
    if _MONEY.search(before + after):
        return True
    follower = sum(1 for word in reading.words if word.start < match.end())
    return any(
        known.first == follower == known.last and known.name in _MEASURES
        for known in reading.matches
    )


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
    reading: Reading, position: int, tables: _Tables, today: date
) -> tuple[date | None, int] | None:
    """Read "5 May", "5th of May 2026", "May 5", "May 5-7" or "ה-5 למאי" at ``position``.

    Of a range it is the first day; there is no day where the month is shorter.
    """
    words = reading.words
    number = _day_number(words[position])
    if number is not None:
        month_at = _behind_joints(words, position + 1, tables)
        month = tables.months.find(words, month_at)
        end = month_at + month.length if month else 0
    else:
        month = tables.months.find(words, position)
        day_at = _behind_joints(words, position + month.length, tables) if month else 0
        number = _day_number(words[day_at]) if month and day_at < len(words) else None
        end = _range_end(reading, day_at) + 1
    if month is None or number is None or not 0 < number <= _LONGEST_MONTH:
        return None
    year = words[end].folded if end < len(words) else ""
    has_year = re.fullmatch("20\\d\\d", year) is not None
    day = _with_year(year if has_year else None, month.value, number, today)
    return day, end + has_year - position


def _behind_joints(words: Sequence[Word], position: int, tables: _Tables) -> int:
    while position < len(words) and tables.joints.find(words, position):
        position += 1
    return position


def _range_end(reading: Reading, position: int) -> int:
    """Return the position of the last day of a range such as "3-5", or ``position``."""
    words, follower = reading.words, position + 1
    if follower >= len(words) or _day_number(words[follower]) is None:
        return position
    gap = reading.text[words[position].end : words[follower].start]
    return follower if gap.strip() == "-" else position


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
