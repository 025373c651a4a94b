"""Finding in a visitor's words how to reach him.

Owns what reads as an e-mail address or a phone number; whether it is true nobody can tell.
"""

from __future__ import annotations

import re
import unicodedata

MAX_LENGTH = 500

_EMAIL = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_PHONE = re.compile(r"(?<![\w.:/-])\+?\(?\d[\d\s().-]{5,20}\d(?![\w:/])")
_LEAST_DIGITS = 9
_LEAST_DIGITS_ASKED = 7
_MOST_DIGITS = 15


def find_contact(text: str, *, is_asked: bool) -> str | None:
    """Return the e-mail addresses and phone numbers in ``text``, as written, or ``None``.

    Args:
        text: What the visitor said.
        is_asked: He was asked for it; otherwise only a number that begins as one of a phone is
            taken for one, for it may be that of an order.
    """
    plain = unicodedata.normalize("NFKC", text)
    found = _EMAIL.findall(plain)
    for number in _PHONE.findall(_EMAIL.sub(" ", plain)):
        digits = re.sub(r"\D", "", number)
        is_phone = number.lstrip("(").startswith(("+", "0"))
        least = _LEAST_DIGITS_ASKED if is_asked else _LEAST_DIGITS
        if least <= len(digits) <= _MOST_DIGITS and (is_asked or is_phone):
            found.append(number.strip())
    return ", ".join(dict.fromkeys(found))[:MAX_LENGTH] or None
