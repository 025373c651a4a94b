"""Times of day in a text: "19:00", "7pm", "half past seven", "בשבע בערב".

Owns reading clock times as minutes after midnight; whether "at seven" means morning or evening is
settled by who knows the opening hours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from msgspec import Struct, structs

from appliance.providers.builtin.dates import load_months
from appliance.providers.builtin.lexicon import Reading
from appliance.providers.builtin.mentions import Mention, hide, word_mention
from appliance.providers.builtin.numbers import load_between_words, number_at, small_number
from appliance.providers.builtin.phrase_table import PhraseTable
from appliance.providers.builtin.phrasebook import load_phrasebooks
from appliance.providers.builtin.words import Word

_HALF = r"(a\.?m\b\.?|p\.?m\b\.?)"
_CLOCK = re.compile(
    rf"(?<![\d:.])(\d{{1,2}})([:.])(\d{{2}})(?::\d{{2}})?(?![\d:]|\.\d)\s*{_HALF}?", re.I
)
_HOUR_HALF = re.compile(rf"(?<![\d:./])(?:(\d{{1,2}})\s?-\s?)?(\d{{1,2}})\s*{_HALF}", re.I)
_HOUR = 60
_NOON = 12 * _HOUR
_DAY = 24 * _HOUR
_LAST_HOUR = 23
_MONTHS = 12


class _Tables(Struct, frozen=True):
    at: PhraseTable[bool]
    clock: PhraseTable[bool]
    until: PhraseTable[bool]
    and_: PhraseTable[bool]
    half: PhraseTable[int]
    fixed: PhraseTable[int]
    before_hour: PhraseTable[int]
    after_hour: PhraseTable[int]


@lru_cache(maxsize=1)
def _load_tables() -> _Tables:
    languages = [book.times for book in load_phrasebooks().values()]

    def words(field: str) -> PhraseTable[bool]:
        return PhraseTable((phrase, True) for lang in languages for phrase in getattr(lang, field))

    def table(*pairs: tuple[str, int]) -> PhraseTable[int]:
        return PhraseTable(
            (phrase, value)
            for lang in languages
            for field, value in pairs
            for phrase in getattr(lang, field)
        )

    return _Tables(
        at=words("at"),
        clock=words("clock"),
        until=words("until"),
        and_=words("and_"),
        half=table(("morning", 0), ("evening", _NOON)),
        fixed=table(("noon", _NOON), ("midnight", 0)),
        before_hour=table(("half_past", 30), ("quarter_past", 15), ("quarter_to", -15)),
        after_hour=table(("and_half", 30), ("and_quarter", 15), ("oclock", 0)),
    )


def find_times(reading: Reading) -> Iterator[Mention]:
    """Yield the times of the text, those in digits first."""
    clocks = list(find_clocks(reading))
    yield from clocks
    yield from find_spoken_times(hide(reading, clocks))


def find_spoken_times(reading: Reading) -> Iterator[Mention]:
    """Yield the times whose hour is a word or bare digits: "half past seven", "at 7", "noon"."""
    words, tables = reading.words, _load_tables()
    position = 0
    while position < len(words):
        found = _spelled(reading, position, tables)
        if found is None:
            fixed = tables.fixed.find(words, position)
            half = tables.half.find(words, position)
            if fixed is not None and (half is None or fixed.length >= half.length):
                last = position + fixed.length - 1
                yield word_mention("time", fixed.value, words, position, last)
                position += fixed.length
            else:
                position += half.length if half is not None else 1
            continue
        minutes, length, is_ambiguous = found
        last = position + length - 1
        yield word_mention("time", minutes, words, position, last, is_ambiguous=is_ambiguous)
        position += length
        until = _range_end(reading, position, tables)
        if until is not None:
            hour, first, last = until
            yield word_mention("time", hour * _HOUR, words, first, last, is_ambiguous=hour <= 12)
            position = last + 1


def _range_end(reading: Reading, end: int, tables: _Tables) -> tuple[int, int, int] | None:
    """Return the later hour of "3-5", "3 to 5" or "between 3 and 5", behind the earlier one.

    Returns:
        The hour, and the positions of its first and last word.
    """
    words = reading.words
    if end >= len(words):
        return None
    until = tables.until.find(words, end)
    is_joined = reading.text[words[end - 1].end : words[end].start] == "-"
    is_between = load_between_words().find_before(words, end - 1) is not None
    if until is None and is_between:
        until = tables.and_.find(words, end)
    first = end + until.length if until else end
    found = _hour(words, first)
    is_prefixed = is_between and words[end].folded.startswith("ל")  # "בין שלוש לחמש"
    if found is None or not (until or is_joined or is_prefixed):
        return None
    return found[0], first, first + found[1] - 1


def find_clocks(reading: Reading) -> Iterator[Mention]:
    """Yield the times in digits with minutes, "am" or "pm"; "25:00" is yielded as unreadable."""
    for match in _CLOCK.finditer(reading.text):
        if match[2] == "." and match[4] is None and not _is_clock(reading, match):
            continue
        yield _build(reading, match, int(match[1]), int(match[3]), match[4])
    for match in _HOUR_HALF.finditer(reading.text):
        if match[1] is not None:
            first = _build(reading, match, int(match[1]), 0, match[3])
            yield structs.replace(first, end=match.end(1))
        last = _build(reading, match, int(match[2]), 0, match[3])
        yield structs.replace(last, start=match.start(2))


def _is_clock(reading: Reading, match: re.Match[str]) -> bool:
    """Say whether "7.30" is a time rather than a price or, like "at 7.10", a day."""
    before = sum(1 for word in reading.words if word.end <= match.start())
    tables = _load_tables()
    if int(match[1]) > _LAST_HOUR or int(match[3]) >= _HOUR or not before:
        return False
    if tables.clock.find_before(reading.words, before) is not None:
        return True
    may_be_day = match[1] != "0" and 0 < int(match[3]) <= _MONTHS
    return not may_be_day and tables.at.find_before(reading.words, before) is not None


def _build(
    reading: Reading, match: re.Match[str], hour: int, minute: int, half: str | None
) -> Mention:
    end = match.end() if half else len(match.group().rstrip()) + match.start()
    minutes = hour * _HOUR + minute
    is_afternoon = half and half[0] in "pP" and match.re is _CLOCK  # "15:00 pm"
    is_half_wrong = half and hour > (_LAST_HOUR if is_afternoon else 12)
    if minutes > _DAY or minute >= _HOUR or is_half_wrong:
        return Mention(kind="unreadable", value=None, start=match.start(), end=end)
    follower = sum(1 for word in reading.words if word.start < end)
    part = None if half else _load_tables().half.find(reading.words, follower)
    is_ambiguous = False
    if half or part:
        offset = _NOON if (half and half.lower().startswith("p")) or (part and part.value) else 0
        minutes = _in_half(minutes, offset)
        if part:
            end = reading.words[follower + part.length - 1].end
    else:
        is_ambiguous = 0 < hour <= 12 and not match[1].startswith("0")
    return Mention(
        kind="time", value=minutes % _DAY, start=match.start(), end=end, is_ambiguous=is_ambiguous
    )


def _in_half(minutes: int, offset: int) -> int:
    """Return ``minutes`` in the half of the day that begins at ``offset``."""
    return minutes % _NOON + offset if minutes < _NOON + _HOUR else minutes


def _spelled(reading: Reading, position: int, tables: _Tables) -> tuple[int, int, bool] | None:
    """Read a time whose hour is a word or bare digits; needs a sign that it is a time at all."""
    words = reading.words
    lead = tables.half.find(words, position)
    before = tables.before_hour.find(words, position + (lead.length if lead else 0))
    hour_at = position + (lead.length if lead else 0) + (before.length if before else 0)
    if lead and _hour(words, hour_at) is None and tables.at.find(words, hour_at):
        hour_at += 1  # "in the evening at seven"
    found = _hour(words, hour_at)
    if found is None:
        return None
    hour, length = found
    end = hour_at + length
    after = tables.after_hour.find(words, end)
    end += after.length if after else 0
    half = lead or tables.half.find(words, end)
    end += half.length if half and half is not lead else 0
    if half and half is not lead and tables.at.find(words, end) and _hour(words, end + 1):
        return None  # the hour comes later: "for 2 tonight at 8"
    until = _range_end(reading, end, tables)
    is_count = _counts_something(reading, until[2] + 1 if until else end)
    between = load_between_words().find_before(words, hour_at)
    has_cue = (
        tables.at.find_before(words, hour_at) is not None
        or _says_at(words[hour_at])
        or (until is not None and between is not None)
    )
    if until and between and between.length == hour_at and until[2] + 1 == len(words):
        return None  # "between 3 and 5" alone answers what was asked, a number of people too
    if not (before or after or half or (has_cue and not is_count)):
        return None
    if load_months().find(words, end) or load_months().find_before(words, position):
        return None  # "from 12 June" is a day
    minutes = hour * _HOUR + (before.value if before else 0) + (after.value if after else 0)
    if half:
        return _in_half(minutes, half.value) % _DAY, end - position, False
    return minutes % _DAY, end - position, 0 < hour <= 12


def _says_at(word: Word) -> bool:
    """Say whether a Hebrew number word has "at" in front, as in "בחמש"."""
    return word.folded.startswith("ב")


def _counts_something(reading: Reading, position: int) -> bool:
    """Say whether the word after a number makes it a count, as in "for about 4 people"."""
    counted = reading.covered(("~people", "~night", "~day_count", "~quantity", "~price"))
    return position in counted


def _hour(words: Sequence[Word], position: int) -> tuple[int, int] | None:
    if position >= len(words):
        return None
    digits = small_number(words[position])
    if digits is not None:
        return (digits, 1) if digits <= 23 else None
    spelled = number_at(words, position)
    if spelled is None or not 0 < spelled.value <= 23:
        return None
    return spelled.value, spelled.length


def bare_time(reading: Reading) -> Mention | None:
    """Read a text that is only an hour, such as "7" or "שבע", as a time, or return ``None``."""
    for position in range(len(reading.words)):
        found = _hour(reading.words, position)
        if found is not None:
            hour, length = found
            return word_mention(
                "time",
                hour * _HOUR,
                reading.words,
                position,
                position + length - 1,
                is_ambiguous=0 < hour <= 12,
            )
    return None


def format_time(minutes: int) -> str:
    """Return minutes after midnight as "19:05"."""
    return f"{minutes // _HOUR % 24:02d}:{minutes % _HOUR:02d}"
