"""How many tokens a text takes, for where no provider says it.

Owns the one estimate; what is done with it is left to the callers. A model's own tokenizer would
have to be downloaded.
"""

from __future__ import annotations

from typing import Final

LATIN_CHARS_PER_TOKEN = 3.5
OTHER_BYTES_PER_TOKEN = 4
_NOT_ASCII: Final = bytes(range(128, 256))


def estimate_tokens(text: str | bytes) -> int:
    """Return about how many tokens ``text`` takes; bytes are UTF-8.

    3.5 characters make a token in Latin script, two in Hebrew, Arabic or Cyrillic, about one in
    Chinese or Japanese: outside ASCII that is four bytes of UTF-8.
    """
    encoded = text.encode(errors="replace") if isinstance(text, str) else text
    ascii_chars = len(encoded) if encoded.isascii() else len(encoded.translate(None, _NOT_ASCII))
    other_bytes = len(encoded) - ascii_chars
    return int(ascii_chars / LATIN_CHARS_PER_TOKEN + other_bytes / OTHER_BYTES_PER_TOKEN) + 1


def most_tokens(size_bytes: int) -> int:
    """Return what ``estimate_tokens`` says at most of a text that takes so many bytes of UTF-8."""
    return int(size_bytes / LATIN_CHARS_PER_TOKEN) + 1
