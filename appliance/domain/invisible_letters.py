"""Letters that nobody sees and that change how a text is read.

Owns which these are; where they must go is left to the callers.
"""

from __future__ import annotations

from typing import Final
from unicodedata import category

JOINERS: Final = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""Those that belong to words in Persian and in scripts of India, and to emoji."""


def strip_invisible(text: str) -> str:
    """Return ``text`` without format characters: marks of direction, of no width and the like."""
    if text.isascii():
        return text
    return "".join(char for char in text if category(char) != "Cf" or char in JOINERS)
