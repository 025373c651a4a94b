"""Times of day in a text: "19:00", "7pm", "half past seven", "בשבע בערב".

Owns reading clock times as minutes after midnight; whether "at seven" means morning or evening is
settled by who knows the opening hours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from msgspec import Struct

from appliance.providers.builtin.dates import load_months
from appliance.providers.builtin.lexicon import Reading
from appliance.providers.builtin.mentions import Mention, word_mention
from appliance.providers.builtin.numbers import number_at, small_number
from appliance.providers.builtin.phrase_table import PhraseTable
from appliance.providers.builtin.phrasebook import load_phrasebooks
from appliance.providers.builtin.words import Word

_CLOCK = re.compile(
    r"(?<![\d:.])(\d{1,2})[:.](\d{2})(?::\d{2})?(?![\d:]|\.\d)\s*(a\.?m\b\.?|p\.?m\b\.?)?", re.I
)
_HOUR_HALF = re.compile(r"(?<![\d:.])(\d{1,2})\s*(a\.?m\b\.?|p\.?m\b\.?)", re.I)
_HOUR = 60
_NOON = 12 * _HOUR
_DAY = 24 * _HOUR


class _Tables(Struct, frozen=True):
    at: PhraseTable[bool]
    half: PhraseTable[int]
    fixed: PhraseTable[int]
    before_hour: PhraseTable[int]
    after_hour: PhraseTable[int]


@lru_cache(maxsize=1)
def _load_tables() -> _Tables:
    languages = [book.times for book in load_phrasebooks().values()]

    def table(*pairs: tuple[str, int]) -> PhraseTable[int]:
        return PhraseTable(
            (phrase, value)
            for lang in languages
            for field, value in pairs
            for phrase in getattr(lang, field)
        )

    return _Tables(
        at=PhraseTable((phrase, True) for lang in languages for phrase in lang.at),
        half=table(("morning", 0), ("evening", _NOON)),
        fixed=table(("noon", _NOON), ("midnight", 0)),
        before_hour=table(("half_past", 30), ("quarter_past", 15), ("quarter_to", -15)),
        after_hour=table(("and_half", 30), ("and_quarter", 15), ("oclock", 0)),
    )


def find_times(reading: Reading) -> Iterator[Mention]:
    """Yield the times of the text, those in digits first."""
    yield from _find_digits(reading)
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


def _find_digits(reading: Reading) -> Iterator[Mention]:
    for match in _CLOCK.finditer(reading.text):
        if (
            "." in match.group()[:3]
            and match[3] is None
            and not _is_after_at(reading, match.start())
        ):
            continue  # "7.30" without "at" or "pm" may be a price or a date
        mention = _build(reading, match, int(match[2]), match[3])
        if mention is not None:
            yield mention
    for match in _HOUR_HALF.finditer(reading.text):
        mention = _build(reading, match, 0, match[2])
        if mention is not None:
            yield mention


def _is_after_at(reading: Reading, start: int) -> bool:
    before = [i for i, word in enumerate(reading.words) if word.end <= start]
    return bool(before) and _load_tables().at.find_before(reading.words, len(before)) is not None


def _build(reading: Reading, match: re.Match[str], minute: int, half: str | None) -> Mention | None:
    hour = int(match[1])
    if hour > 24 or minute > 59 or (half and hour > 12):
        return None
    end = (
        match.end()
        if half
        else match.end(2)
        if match.lastindex and match.lastindex >= 2
        else match.end()
    )
    follower = sum(1 for word in reading.words if word.start < end)
    part = None if half else _load_tables().half.find(reading.words, follower)
    minutes, is_ambiguous = hour * _HOUR + minute, False
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
    has_cue = tables.at.find_before(words, hour_at) is not None or _says_at(words[hour_at])
    if not (before or after or half or (has_cue and not _counts_something(reading, end))):
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
