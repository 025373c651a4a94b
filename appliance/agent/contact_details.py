"""Finding in a visitor's words how to reach him.

Owns what reads as an e-mail address or a phone number, and what may be said around it
(``contact_details.toml``); whether it is true nobody can tell.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files

from appliance.agent.phrases import Part, Phrases, reach, split_words

MAX_LENGTH = 500

_EMAIL = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_PHONE = re.compile(r"(?<![\w.:/-])\+?\(?\d[\d\s().-]{5,20}\d(?![\w:/])")
_GROUPED = re.compile(r"\d+[\s().-]+\d+[\s().-]+\d+")
_LEAST_DIGITS = 9
_LEAST_DIGITS_ASKED = 7
_MOST_DIGITS = 15
_MAX_WORDS_AROUND = 20


def find_contact(text: str, *, is_asked: bool) -> str | None:
    """Return the e-mail addresses and phone numbers in ``text``, as written, or ``None``.

    Args:
        text: What the visitor said.
        is_asked: He was asked for it; otherwise only a number that begins as one of a phone is
            taken for one, for it may be that of an order.
    """
    return _list(_find(text, _has_least_digits if is_asked else _begins_as_phone))


def find_lone_contact(text: str) -> str | None:
    """Return the contact that ``text`` gives and does nothing else, or ``None``.

    "My number is 050-1234567" does; "cancel the order of 050-1234567" asks for something. Beside
    what begins as a phone number, one that is written in groups is taken for one.
    """
    plain = _normalise(text)
    found = _find(plain, lambda number: _begins_as_phone(number) or _is_grouped(number))
    if not found:
        return None
    for contact in found:
        plain = plain.replace(contact, " ")
    around = tuple(word for word in split_words(plain) if word[0].isalnum() or word in "?؟")
    if len(around) > _MAX_WORDS_AROUND:
        return None
    may_be = Part((_load_around(),), may_be_absent=True, may_repeat=True)
    return _list(found) if len(around) in reach(around, {0}, (may_be,)) else None


def _find(text: str, is_phone: Callable[[str], bool]) -> list[str]:
    plain = _normalise(text)
    numbers = (number.strip() for number in _PHONE.findall(_EMAIL.sub(" ", plain)))
    return [*_EMAIL.findall(plain), *(number for number in numbers if is_phone(number))]


def _list(found: list[str]) -> str | None:
    return ", ".join(dict.fromkeys(found))[:MAX_LENGTH] or None


def _normalise(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _count_digits(number: str) -> int:
    return len(re.sub(r"\D", "", number))


def _has_least_digits(number: str) -> bool:
    return _LEAST_DIGITS_ASKED <= _count_digits(number) <= _MOST_DIGITS


def _begins_as_phone(number: str) -> bool:
    is_long = _LEAST_DIGITS <= _count_digits(number) <= _MOST_DIGITS
    return is_long and number.lstrip("(").startswith(("+", "0"))


def _is_grouped(number: str) -> bool:
    is_long = _LEAST_DIGITS <= _count_digits(number) <= _MOST_DIGITS
    return is_long and _GROUPED.fullmatch(number.lstrip("(")) is not None


@lru_cache(maxsize=1)
def _load_around() -> Phrases:
    raw = files("appliance.agent").joinpath("contact_details.toml").read_text(encoding="utf-8")
    return Phrases(tomllib.loads(raw)["around"])
