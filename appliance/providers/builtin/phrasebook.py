"""Languages as data: the words a language has for dates, times and numbers, and our sentences.

Owns the shape of ``texts/*.toml`` and reading it once; matching phrases is left to ``lexicon``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources

import msgspec
from msgspec import Struct

DEFAULT_LANGUAGE = "en"


class DateWords(Struct, frozen=True, kw_only=True):
    """How a language names days; weekdays are numbered from Monday, 0."""

    relative: dict[str, int]
    weekdays: list[list[str]]
    weekday_letters: dict[str, int]
    months: list[list[str]]
    next: list[str]
    this: list[str]
    in_: list[str] = msgspec.field(name="in")
    day: list[str]
    week: list[str]
    weekend: list[str]
    day_groups: dict[str, list[int]]
    range_words: list[str]
    from_: list[str] = msgspec.field(name="from")
    """Words in front of the first day of a range."""
    ordinals: list[str]
    of: list[str]
    the: list[str]


class TimeWords(Struct, frozen=True, kw_only=True):
    """How a language names times of day."""

    at: list[str]
    clock: list[str]
    """Those of ``at`` that stand before no day: "at 7.10" is a time, "by 7.10" a day."""
    until: list[str]
    between: list[str]
    """Words in front of a range of hours."""
    and_: list[str] = msgspec.field(name="and")
    """Words between two hours behind ``between``."""
    morning: list[str]
    evening: list[str]
    noon: list[str]
    midnight: list[str]
    half_past: list[str]
    quarter_past: list[str]
    quarter_to: list[str]
    and_half: list[str]
    and_quarter: list[str]
    oclock: list[str]
    closed: list[str]
    always: list[str]
    now: list[str]


class NumberWords(Struct, frozen=True, kw_only=True):
    """How a language writes numbers as words."""

    words: dict[str, int]
    articles: list[str]
    before_nouns: list[str]


class Phrases(Struct, frozen=True, kw_only=True):
    """Phrases by what they show: the visitor's intent, a concept, or a cue for a value."""

    intent: dict[str, list[str]]
    concept: dict[str, list[str]]
    cue: dict[str, list[str]]
    value: dict[str, list[str]]
    """Words for the same thing on a list to choose from: colours, sizes, languages."""


class Phrasebook(Struct, frozen=True, kw_only=True):
    """Everything this provider knows of one language."""

    language: str
    letters: str
    week_starts_on: int
    is_day_first: bool
    month_first_zones: list[str]
    stopwords: str
    light_words: str
    spellings: dict[str, str]
    """One word as it is typed in haste, with the word that is meant."""
    irregular: dict[str, str] = {}
    """Forms of words that no rule takes back to them, such as "broke"."""
    phrases: Phrases
    slot_kinds: dict[str, list[str]]
    dates: DateWords
    times: TimeWords
    numbers: NumberWords
    sentences: dict[str, str]

    def say(self, sentence: str, **values: object) -> str:
        """Return our sentence of that name with its placeholders filled."""
        text = self.sentences[sentence]
        for name, value in values.items():
            text = text.replace("{" + name + "}", str(value))
        return text

    def list_words(self) -> Iterator[str]:
        """Yield the words and phrases of the language, other than our sentences."""
        for text in (self.stopwords, self.light_words):
            yield from text.split()
        phrases = self.phrases
        for group in (phrases.intent, phrases.concept, phrases.cue, self.slot_kinds):
            for listed in group.values():
                yield from listed
        yield from (*self.dates.relative, *self.dates.day_groups, *self.numbers.words)
        for names in (*self.dates.weekdays, *self.dates.months):
            yield from names
        for struct in (self.dates, self.times):
            for field in struct.__struct_fields__:
                value = getattr(struct, field)
                if isinstance(value, list) and value and isinstance(value[0], str):
                    yield from value

    def count_words(self, text: str) -> int:
        """Return how many words of ``text`` are written in this language's letters."""
        return len(re.findall(f"[{self.letters}]{{2,}}", text, re.IGNORECASE))


@lru_cache(maxsize=1)
def load_phrasebooks() -> dict[str, Phrasebook]:
    """Return every language of ``texts/``, by its tag; read from disk at the first call only."""
    folder = resources.files(__package__).joinpath("texts")
    books: dict[str, Phrasebook] = {}
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".toml"):
            data = tomllib.loads(entry.read_text(encoding="utf-8"))
            book = msgspec.convert(data, Phrasebook)
            books[book.language] = book
    return books


def choose_phrasebook(language: str, text: str = "", *, min_words: int = 1) -> Phrasebook:
    """Return the language to answer in.

    ``text`` wins over ``language`` when it has at least ``min_words`` words of another language's
    letters and none of the stated one's.
    """
    books = load_phrasebooks()
    tag = language.lower().replace("_", "-").split("-")[0]
    stated = books.get(tag, books[DEFAULT_LANGUAGE])
    if stated.count_words(text) == 0:
        for book in books.values():
            if book is not stated and book.count_words(text) >= min_words:
                return book
    return stated
