"""Text from elsewhere, made of whole characters.

Owns what becomes of half a character (a lone surrogate). JSON can spell one and Python's ``str``
holds it, but no database, log or connection takes it: who reads foreign text replaces it at once.
"""

from __future__ import annotations


def join_halves(text: str) -> str:
    """Return ``text`` with halves of a character joined, and those that stand alone replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


class HalfJoiner:
    """Does the same for text that comes in pieces, which may part a character."""

    def __init__(self) -> None:
        self._first_half = ""

    def feed(self, text: str) -> str:
        """Take more text and return it, but for a first half at its end: the other may follow."""
        text = self._first_half + text
        whole = text[:-1] if "\ud800" <= text[-1:] <= "\udbff" else text
        self._first_half = text[len(whole) :]
        return join_halves(whole)

    def finish(self) -> str:
        """Return what stands for a first half that no other followed."""
        first_half, self._first_half = self._first_half, ""
        return join_halves(first_half)
