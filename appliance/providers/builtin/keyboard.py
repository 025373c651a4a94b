"""Words typed with the keyboard in the other language: "akuo" for "שלום".

Owns the standard Hebrew layout and when a text is read by it; which words are known is told by
``spelling``.
"""

from __future__ import annotations

from appliance.providers.builtin.spelling import Spelling
from appliance.providers.builtin.words import is_hebrew, normalise, split_words

_LATIN = "qwertyuiopasdfghjkl;'zxcvbnm,./"
_HEBREW = "/'קראטוןםפשדגכעיחלךף,זסבהנמצתץ."
_TO_HEBREW = str.maketrans(_LATIN, _HEBREW)
_TO_LATIN = str.maketrans(_HEBREW, _LATIN)
_HARDLY, _MOSTLY = 0.34, 0.7
_LONGEST = 200
_FINAL_LETTERS = frozenset("ךםןףץ")


def read_layout(text: str, spelling: Spelling) -> str:
    """Return ``text``, or what the same keys say in the other layout if only that says a thing."""
    if len(text) > _LONGEST or _known_share(text, spelling) > _HARDLY:
        return text
    other = text.translate(_TO_LATIN) if is_hebrew(text) else text.casefold().translate(_TO_HEBREW)
    return other if _known_share(other, spelling) >= _MOSTLY else text


def _known_share(text: str, spelling: Spelling) -> float:
    """Return which part of a text's words of two letters or more is known; of none it is all."""
    said = (word.folded for word in split_words(normalise(text)))
    words = [word for word in said if len(word) > 1 and word.isalpha()]
    if not words:
        return 1.0
    if len(words) == 1:
        return float(_is_written(words[0]) and spelling.knows_whole(words[0]))
    return sum(_is_written(word) and spelling.knows(word) for word in words) / len(words)


def _is_written(word: str) -> bool:
    """Say whether final letters stand at the end of a word only, as they are written."""
    return not any(letter in _FINAL_LETTERS for letter in word[:-1])
