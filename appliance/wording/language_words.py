"""The words of one language for days and for what parameters commonly mean.

Owns the shape of ``texts/*.toml``, reading it once, writing a date, and which text is of a
language; which name a parameter gets is left to ``labels``.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date
from functools import lru_cache
from importlib.resources import files

import msgspec
from msgspec import Struct

FALLBACK_LANGUAGE = "en"
_MARKS = "\"'.,:;!?()…–-"


class LanguageWords(Struct, frozen=True, kw_only=True):
    """One language; weekdays are in order from Monday, ``letters`` is a range for a regex.

    ``roles`` has for each common meaning of a parameter its label and what else it is called.
    """

    language: str
    letters: str
    weekday_names: list[str]
    month_names: list[str]
    day: str
    labels: dict[str, str]
    roles: dict[str, list[str]]

    def can_read(self, text: str) -> bool:
        """Say whether ``text`` has a letter of this language, or no letter at all."""
        has_own = re.search(f"[{self.letters}]", text, re.IGNORECASE) is not None
        return has_own or not any(character.isalpha() for character in text)


def base_tag(language: str) -> str:
    """Return the first subtag: ``he`` for ``he-IL``; ``iw`` is the old code of Hebrew."""
    base = language.replace("_", "-").split("-", 1)[0].lower()
    return "he" if base == "iw" else base


def tells_language(text: str) -> bool:
    """Say whether ``text`` has a word; codes, addresses and numbers are of no language."""
    return any(word.strip(_MARKS).isalpha() for word in text.split())


@lru_cache(maxsize=1)
def load_all() -> dict[str, LanguageWords]:
    """Return every language there is a file for, by its tag."""
    found = {}
    for entry in files("appliance.wording").joinpath("texts").iterdir():
        if entry.name.endswith(".toml"):
            data = tomllib.loads(entry.read_text(encoding="utf-8"))
            words = msgspec.convert(data, LanguageWords)
            found[words.language] = words
    return found


def load_words(language: str) -> LanguageWords:
    """Return the words of ``language``, a BCP 47 tag; English ones where there is no file."""
    languages = load_all()
    return languages.get(base_tag(language), languages[FALLBACK_LANGUAGE])


def write_day(day: date, words: LanguageWords, *, has_year: bool = True) -> str:
    """Return a day as "Friday, 9 May 2025", without the year if ``has_year`` is false."""
    text = words.day
    for name, value in (
        ("weekday", words.weekday_names[day.weekday()]),
        ("month", words.month_names[day.month - 1]),
        ("day", day.day),
    ):
        text = text.replace("{" + name + "}", str(value))
    return f"{text} {day.year}" if has_year else text
