"""What visitors tell of themselves before a conversation: claims that nobody has checked.

Owns their shape and what is plausible; who a visitor really is is told by
``appliance.domain.identity`` alone.
"""

from __future__ import annotations

import re
from unicodedata import category

from msgspec import Struct

from appliance.domain.invisible_letters import JOINERS, strip_invisible
from appliance.errors import FieldError

MAX_NAME_LENGTH = 200
MAX_EMAIL_LENGTH = 254
MAX_PHONE_LENGTH = 40

_EMAIL = re.compile(r"[^\s@<>\"',;:]{1,64}@[^\s@<>\"',;:.]+(\.[^\s@<>\"',;:.]+)+")
_PHONE = re.compile(r"\+?[\d\s().*#/-]+")
_LEAST_DIGITS = 7
_MOST_DIGITS = 15


class VisitorDetails(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A visitor's own words on who they are and how to reach them."""

    name: str | None = None
    email: str | None = None
    phone: str | None = None

    @property
    def contact(self) -> str | None:
        """How the visitor says they can be reached."""
        return ", ".join(filter(None, (self.email, self.phone))) or None


def read_visitor(given: VisitorDetails) -> tuple[VisitorDetails | None, list[FieldError]]:
    """Return what was given, tidied, and what of it is not plausible.

    What is empty was not given; ``None`` when nothing was. Marks that nobody sees are dropped, as
    they come along when a name or a number is copied from a Hebrew text.
    """
    name, email, phone = (
        _tidy(value or "") or None for value in (given.name, given.email, given.phone)
    )
    problems: list[FieldError] = []
    if name is not None and not (_is_line(name) and len(name) <= MAX_NAME_LENGTH):
        problems.append(
            FieldError("visitor.name", f"Give a name of at most {MAX_NAME_LENGTH} letters.")
        )
    if email is not None and not _is_email(email):
        problems.append(
            FieldError("visitor.email", "Give an e-mail address such as dana@example.com.")
        )
    if phone is not None and not _is_phone(phone):
        problems.append(
            FieldError("visitor.phone", "Give a phone number such as +972 50 123 4567.")
        )
    told = VisitorDetails(name=name, email=email, phone=phone)
    return (None if told == VisitorDetails() else told), problems


def _tidy(text: str) -> str:
    """Return ``text`` with plain spaces, without blanks around it and marks in it."""
    spaced = "".join(" " if category(c) == "Zs" else c for c in text)
    return strip_invisible(spaced).strip()


def _is_line(text: str) -> bool:
    return all(c.isprintable() or c in JOINERS for c in text)


def _is_email(text: str) -> bool:
    return len(text) <= MAX_EMAIL_LENGTH and text.isprintable() and bool(_EMAIL.fullmatch(text))


def _is_phone(text: str) -> bool:
    digits = sum(character.isdigit() for character in text)
    is_plain = len(text) <= MAX_PHONE_LENGTH and text.isprintable()
    return is_plain and _LEAST_DIGITS <= digits <= _MOST_DIGITS and bool(_PHONE.fullmatch(text))
