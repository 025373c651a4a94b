"""How many tokens a text takes, for where no provider says it.

Owns the one estimate; what is done with it is left to the callers. A model's own tokenizer would
have to be downloaded.
"""

from __future__ import annotations

LATIN_CHARS_PER_TOKEN = 3.5
OTHER_BYTES_PER_TOKEN = 4


def estimate_tokens(text: str) -> int:
    """Return about how many tokens ``text`` takes.

    3.5 characters make a token in Latin script, two in Hebrew, Arabic or Cyrillic, about one in
    Chinese or Japanese: outside ASCII that is four bytes of UTF-8.
    """
    ascii_chars = len(text.encode("ascii", "ignore"))
    other_bytes = len(text.encode(errors="replace")) - ascii_chars
    return int(ascii_chars / LATIN_CHARS_PER_TOKEN + other_bytes / OTHER_BYTES_PER_TOKEN) + 1
