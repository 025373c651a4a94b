"""E-mail and web addresses, phone numbers and order codes in a text, and people's names.

Owns recognising them by form and by cue phrases; which field they are for is left to
``slot_filling``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache

from appliance.providers.builtin.lexicon import CONCEPT_MARK, PhraseMatch, Reading
from appliance.providers.builtin.mentions import Mention
from appliance.providers.builtin.phrasebook import load_phrasebooks
from appliance.providers.builtin.words import split_words

EMAIL = re.compile(r"[A-Za-z0-9][\w.+-]{0,63}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
URL = re.compile(r"(?:https?://|www\.)[^\s<>\"']+[^\s<>\"'.,;:!?)]")
PHONE = re.compile(r"(?<![\w.:])(?:\+|\(|00)?\d(?:[\d()]|[ -](?=[\d(])){5,18}\d(?![\w])")
_CODE = re.compile(r"#?\b(?=[A-Za-z0-9/_.-]*\d)[A-Za-z0-9]+(?:[-/_.][A-Za-z0-9]+)*\b")
_LETTERS = re.compile(r"[A-Za-z]+")
_MIN_PHONE_DIGITS = 7
_MAX_PHONE_DIGITS = 15
_MAX_NAME_WORDS = 4
_LIST_GAP = re.compile(r"[,;\n]")
_FAR_FROM_CUE = 2
_HEBREW_TO = "ל"


def find_addresses(reading: Reading) -> Iterator[Mention]:
    """Yield e-mail addresses and URLs."""
    for match in EMAIL.finditer(reading.text):
        yield Mention(kind="email", value=match.group(), start=match.start(), end=match.end())
    for match in URL.finditer(reading.text):
        yield Mention(kind="url", value=match.group(), start=match.start(), end=match.end())


def is_phone(text: str) -> bool:
    """Say whether ``text`` as a whole is a plausible phone number."""
    digits = sum(character.isdigit() for character in text)
    return (
        _MIN_PHONE_DIGITS <= digits <= _MAX_PHONE_DIGITS
        and re.fullmatch(r"[+(]?[\d() .-]+", text.strip()) is not None
    )


def find_phones(reading: Reading) -> Iterator[Mention]:
    """Yield numbers of seven to fifteen digits, as phones are written."""
    for match in PHONE.finditer(reading.text):
        text = match.group()
        if is_phone(text) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            yield Mention(kind="phone", value=text.strip(), start=match.start(), end=match.end())


def find_codes(reading: Reading) -> Iterator[Mention]:
    """Yield runs of letters and digits with a digit, such as "12345", "#77" or "R-1234"."""
    for match in _CODE.finditer(reading.text):
        value = match.group().lstrip("#")
        if re.fullmatch(r"\d{1,2}(st|nd|rd|th|am|pm)", value, re.I):
            continue
        yield Mention(kind="code", value=value, start=match.start(), end=match.end())


def find_marked_codes(reading: Reading) -> Iterator[Mention]:
    """Yield the codes that are nothing else: "NB-3/12" and "#12", but not "12" or "table4"."""
    for code in find_codes(reading):
        letters = _LETTERS.match(str(code.value))
        is_marked = reading.text[code.start] == "#"
        if is_marked or (letters and letters[0].casefold() not in _load_known_words()):
            yield code


@lru_cache(maxsize=1)
def _load_known_words() -> frozenset[str]:
    """Return the words that may be written close up to a number without naming it."""
    listed = (text for book in load_phrasebooks().values() for text in book.list_words())
    return frozenset(word.folded for text in listed for word in split_words(text))


def find_name(reading: Reading, blocked: Collection[int] = ()) -> tuple[str, int, int] | None:
    """Return the name after a cue such as "my name is", with the first and last word it spans.

    ``blocked`` are positions of words that are part of other values.
    """
    for cue in sorted(reading.spans("cue.name"), key=lambda match: match.first - match.last):
        if _is_within_phrase(reading, cue):
            continue  # "call me back" names nobody
        is_vague = cue.first == cue.last and reading.words[cue.first].folded in _vague_cues(reading)
        is_changed = any(
            0 < cue.first - change.last <= _FAR_FROM_CUE for change in reading.spans("cue.change")
        )
        start = cue.last + 1
        if is_changed and start in reading.covered(("cue.direction",)):
            start += 1  # "change the name to Tom"
        is_plain = PhraseMatch("cue.full_name", cue.first, cue.last) in reading.matches
        found = _name_after(reading, start, blocked, is_vague=is_vague, is_plain=is_plain)
        if found is not None:
            return _without_prefix(found) if is_changed else found
    return _listed_name(reading, blocked)


def _is_within_phrase(reading: Reading, cue: PhraseMatch) -> bool:
    return any(
        match.first <= cue.first and match.last > cue.last
        for match in reading.matches
        if match.name[0] == CONCEPT_MARK
    )


def _listed_name(reading: Reading, blocked: Collection[int]) -> tuple[str, int, int] | None:
    """Return a name that stands without a cue among other values: "… at 9, Tom Baker, 555 …"."""
    if not blocked:
        return None
    first = 0
    while first < len(reading.words):
        last = first
        while last + 1 < len(reading.words) and not _parts(reading, last + 1, blocked):
            last += 1
        if first > 0 and _is_name(reading, first, last, blocked):
            start, end = reading.words[first].start, reading.words[last].end
            return reading.text[start:end], first, last
        first = last + 1
    return None


def _parts(reading: Reading, position: int, blocked: Collection[int]) -> bool:
    """Say whether a list goes on to its next item in front of a word."""
    gap = reading.text[reading.words[position - 1].end : reading.words[position].start]
    return bool(_LIST_GAP.search(gap)) or (position in blocked) is not (position - 1 in blocked)


def _is_name(reading: Reading, first: int, last: int, blocked: Collection[int]) -> bool:
    if first in blocked or not 1 <= last - first < _MAX_NAME_WORDS - 1:
        return False
    known = reading.stop | reading.light | reading.covered(m.name for m in reading.matches)
    return all(reading.words[i].folded.isalpha() and i not in known for i in range(first, last + 1))


def _without_prefix(found: tuple[str, int, int]) -> tuple[str, int, int]:
    """Return a name without the Hebrew "to" that is written as part of it."""
    name, first, last = found
    is_prefixed = name.startswith(_HEBREW_TO) and len(name) > len(_HEBREW_TO) + 1
    return (name.removeprefix(_HEBREW_TO).lstrip("-"), first, last) if is_prefixed else found


def _vague_cues(reading: Reading) -> set[str]:
    return {reading.words[i].folded for i in reading.stop}


def _name_after(
    reading: Reading,
    position: int,
    blocked: Collection[int],
    *,
    is_vague: bool,
    is_plain: bool,
) -> tuple[str, int, int] | None:
    """Return the name at a place; behind a plain cue it may look like a common word or a day."""
    first = position
    while position < len(reading.words) and position - first < _MAX_NAME_WORDS:
        word = reading.words[position]
        gap = reading.text[reading.words[position - 1].end : word.start]
        is_name = (
            word.written[0].isalpha()
            and (is_plain or (position not in blocked and position not in reading.stop))
            and not (is_plain and position > first and position in reading.stop)
            and not (position > first and re.search(r"[,.;:!?\n(]", gap))
        )
        if is_vague and word.written[0].islower() and word.written.isascii():
            is_name = False  # "I'm looking…" is no name
        if not is_name:
            break
        position += 1
    if position == first:
        return None
    start, end = reading.words[first].start, reading.words[position - 1].end
    return reading.text[start:end], first, position - 1
