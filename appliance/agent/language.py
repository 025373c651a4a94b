"""Which language a visitor writes, and the agent's own sentences in it.

Owns detection by script and the texts under ``texts/``; a language is added by adding its file and
its script. A model's answers are left to the model.
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections import Counter
from functools import lru_cache
from importlib.resources import files

FALLBACK_LANGUAGE = "en"


def detect_language(text: str, *, default: str) -> str:
    """Return the language of ``text`` by its letters, or ``default`` when they do not tell.

    Hebrew letters mean Hebrew. Latin letters mean English only in a shop whose language is Hebrew;
    a French shop's visitors keep French.

    Args:
        text: What the visitor wrote.
        default: The tenant's language, a BCP 47 tag.
    """
    scripts = Counter(map(_find_script, text))
    hebrew, latin = scripts["HEBREW"], scripts["LATIN"]
    if hebrew and hebrew * 2 >= latin:  # a brand's Latin name inside a Hebrew sentence
        return default if base_language(default) == "he" else "he"
    if latin and base_language(default) == "he":
        return "en"
    return default


@lru_cache(maxsize=1_000)
def _find_script(letter: str) -> str:
    """Return the script of a letter, as its name in Unicode begins; of other signs, nothing."""
    return unicodedata.name(letter, "").split(" ")[0] if letter.isalpha() else ""


def base_language(tag: str) -> str:
    """Return the first subtag: ``he`` for ``he-IL``; ``iw`` is the old code of Hebrew."""
    base = tag.replace("_", "-").split("-", 1)[0].lower()
    return "he" if base == "iw" else base


def texts_for(language: str) -> dict[str, str]:
    """Return the agent's sentences in ``language``, in English where there is no file for it."""
    base = base_language(language)
    return _load(base) or _load(FALLBACK_LANGUAGE)


@lru_cache(maxsize=16)
def list_texts(name: str) -> tuple[str, ...]:
    """Return the agent's sentence of this name in every language there is a file for."""
    folder = files("appliance.agent").joinpath("texts")
    languages = (entry.name.removesuffix(".toml") for entry in folder.iterdir())
    return tuple(_load(base)[name] for base in sorted(languages))


@lru_cache(maxsize=16)
def _load(base: str) -> dict[str, str]:
    if not base.isalpha():
        return {}
    path = files("appliance.agent").joinpath("texts", f"{base}.toml")
    return dict(tomllib.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
