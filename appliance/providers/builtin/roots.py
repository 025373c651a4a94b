"""The root of a word, by which "assembly" is found by "assemble" and "השקיה" by "משקים".

Owns taking words apart further than a stem does; a root is a hint only, weaker than a word itself.
"""

from __future__ import annotations

from functools import lru_cache

from appliance.providers.builtin.phrasebook import load_phrasebooks
from appliance.providers.builtin.words import FINALS, is_hebrew, stem, variants

_ENDINGS = (
    "ization", "isation", "abiliti", "ation", "ment", "ness", "ship", "abl", "ibl", "anc", "enc",
    "ful", "iv", "ion", "eri", "ag", "er", "or", "al", "at", "i",
)  # fmt: skip
_SHORT_ROOT, _ROOT = 3, 4
_HEBREW_ROOT = 3
_VERB_PREFIXES = ("", "הת", "מת", "ית", "תת", "נת", "מ", "ת", "נ", "י", "א", "ה")
_VERB_ENDINGS = ("", "יתי", "תי", "ינו", "נו", "תמ", "ימ", "ות", "יה", "ית", "ה", "ת", "י", "ו")
_AFTER_SILENT = ("יתי", "ינו", "ימ", "ות", "יה", "ית")
_VOWELS = str.maketrans("", "", "וי")
_MOST = 8


@lru_cache(maxsize=20_000)
def roots(folded: str) -> tuple[str, ...]:
    """Return the roots that a folded word may have, none for short words and names of things."""
    if not folded.isalpha() or len(folded) < _SHORT_ROOT:
        return ()
    if is_hebrew(folded):
        return _hebrew_roots(folded)
    return (_english_root(folded),) if folded.isascii() and len(folded) >= _ROOT else ()


@lru_cache(maxsize=1)
def _load_irregular() -> dict[str, str]:
    """Return forms that no rule leads back to their word, such as "broke", of all languages."""
    return {
        form: word for book in load_phrasebooks().values() for form, word in book.irregular.items()
    }


def _english_root(folded: str) -> str:
    root, is_cut = stem(_load_irregular().get(folded, folded)), True
    while is_cut:
        is_cut = False
        for ending in _ENDINGS:
            shorter = root.removesuffix(ending)
            least = _SHORT_ROOT if len(ending) > _SHORT_ROOT else _ROOT
            if shorter != root and len(shorter) >= least:
                root, is_cut = shorter, True
                break
    return root[:-1] if len(root) > _ROOT and root[-1] == root[-2] else root


def _hebrew_roots(folded: str) -> tuple[str, ...]:
    """Return the three letters left when prefixes, endings and vowel letters are taken away."""
    found: dict[str, None] = {}
    for form in variants(folded):
        plain = form.translate(FINALS)
        for prefix in _VERB_PREFIXES:
            if not plain.startswith(prefix):
                continue
            for ending in _VERB_ENDINGS:
                if not plain.endswith(ending):
                    continue
                middle = plain[len(prefix) : len(plain) - len(ending)]
                root = middle[:1] + middle[1:].translate(_VOWELS)
                if len(root) == _HEBREW_ROOT - 1 and ending in _AFTER_SILENT:
                    root += "ה"  # the third letter of "לקנות" and "קונים" is silent
                if len(root) == _HEBREW_ROOT and root[0] not in "וי":
                    found[root] = None
    return tuple(found)[:_MOST]
