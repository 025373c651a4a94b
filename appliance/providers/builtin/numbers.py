"""Numbers in a text, as digits and as words.

Owns reading quantities; digits that are part of a date, time, phone or code were taken before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from appliance.providers.builtin.lexicon import Reading
from appliance.providers.builtin.mentions import HIDDEN, Mention, word_mention
from appliance.providers.builtin.phrase_table import Hit, PhraseTable
from appliance.providers.builtin.phrasebook import load_phrasebooks
from appliance.providers.builtin.words import Word, fold

_DIGITS = re.compile(r"(?<![\w.,])[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\w)|[-+]?\d+(?:\.\d+)?(?!\d)")
_JOINED = re.compile(rf"[^\W_]$|{HIDDEN}$|(?:^|[^א-ת])(?:[בלמהוש]|מה|עד) $")
_LONGEST_JOINT = 4
_HUNDRED = 100
_ENDS = 2


@lru_cache(maxsize=1)
def load_number_words() -> PhraseTable[int]:
    """Return the number words of all languages."""
    return PhraseTable(
        (phrase, value)
        for book in load_phrasebooks().values()
        for phrase, value in book.numbers.words.items()
    )


@lru_cache(maxsize=1)
def load_dependent_words() -> frozenset[str]:
    """Return the number words that stand only before a noun, folded."""
    return frozenset(
        fold(word) for book in load_phrasebooks().values() for word in book.numbers.before_nouns
    )


def find_numbers(reading: Reading) -> Iterator[Mention]:
    """Yield every number of the text, digits first."""
    for match in _DIGITS.finditer(reading.text):
        is_signed = not _is_joined(reading.text, match.start())
        digits = match.group() if is_signed else match.group().lstrip("+-")
        yield Mention(
            kind="number",
            value=_parse(digits.replace(",", "")),
            start=match.end() - len(digits),
            end=match.end(),
        )
    yield from _find_words(reading.words)


@lru_cache(maxsize=1)
def load_between_words() -> PhraseTable[bool]:
    """Return the words of all languages in front of a range: "between 3 and 5"."""
    return PhraseTable(
        (phrase, True) for book in load_phrasebooks().values() for phrase in book.times.between
    )


def end_of_range(reading: Reading, numbers: Sequence[Mention]) -> Mention:
    """Return the later number of "3-5" or "between 3 and 5", else the first of ``numbers``."""
    if len(numbers) != _ENDS:
        return numbers[0]
    first, last = numbers
    before = sum(1 for word in reading.words if word.end <= first.start)
    is_between = load_between_words().find_before(reading.words, before) is not None
    return last if is_between or reading.text[first.end : last.start] == "-" else first


def find_negatives(reading: Reading) -> Iterator[Mention]:
    """Yield the numbers below zero, which are no hour of a day."""
    return (mention for mention in find_numbers(reading) if mention.value < 0)


def _is_joined(text: str, place: int) -> bool:
    """Say whether a sign at ``place`` joins a number to what is before it: "3-5", "ל -5"."""
    return _JOINED.search(text[max(0, place - _LONGEST_JOINT) : place]) is not None


def _parse(digits: str) -> int | float:
    if len(digits) > 300:
        digits = digits[:300].rstrip(".")
    value = float(digits) if "." in digits else int(digits)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _find_words(words: Sequence[Word]) -> Iterator[Mention]:
    position = 0
    while position < len(words):
        hit = number_at(words, position)
        if hit is None:
            position += 1
            continue
        yield word_mention("number", hit.value, words, position, position + hit.length - 1)
        position += hit.length


def number_at(words: Sequence[Word], position: int) -> Hit[int] | None:
    """Return the number written in words at ``position``: "seven", "twenty five", or ``None``."""
    table = load_number_words()
    hit = table.find(words, position)
    if hit is None:
        return None
    follower = position + hit.length
    unit = table.find(words, follower) if follower < len(words) else None
    is_tens = 20 <= hit.value < _HUNDRED
    if unit is not None and is_tens and 0 < unit.value < 10:
        return Hit(hit.value + unit.value, hit.length + unit.length, hit.is_prefixed)
    if unit is not None and unit.value == _HUNDRED and 0 < hit.value < 10:
        return Hit(hit.value * _HUNDRED, hit.length + unit.length, hit.is_prefixed)
    return hit


def small_number(word: Word) -> int | None:
    """Return the value of one word of one or two digits, or ``None``."""
    return (
        int(word.folded)
        if word.folded.isascii() and word.folded.isdigit() and len(word.folded) <= 2
        else None
    )
