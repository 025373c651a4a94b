"""What a tool or a parameter is called before a visitor.

Owns the choice between the operator's own names (``x-titles``, ``title``), our word for a common
meaning, and the field's name taken apart. A ``description`` is for models and is never a name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from appliance.wording.language_words import base_tag, load_all, load_words

_MAX_NAME_LENGTH = 200


def humanise(name: str) -> str:
    """Return a field name in words: ``orderNumber`` and ``order_number`` become "Order number"."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    words = re.sub(r"[_\-.\s]+", " ", spaced).strip()
    if words.isascii():
        words = " ".join(w if w.isupper() and len(w) > 1 else w.lower() for w in words.split(" "))
    return words[:1].upper() + words[1:] if words else name


def find_role(name: str) -> str | None:
    """Return the common meaning that a name or title has as a whole, such as ``date``."""
    return _load_roles().get(_plain(humanise(name)))


def name_role(role: str, language: str) -> str:
    """Return our word for a role that ``find_role`` knows, in ``language``."""
    return load_words(language).labels[role]


def name_parameter(name: str, schema: object, language: str) -> str:
    """Return what the parameter ``name`` with this JSON Schema is called in ``language``.

    In this order: its ``x-titles`` entry; its ``title``, or its name in words, where these are in
    the language's letters; our word for its common meaning; the title or name in any letters.
    """
    stated = find_x_title(schema, language)
    if stated:
        return stated
    given = find_title(schema) or humanise(name)
    role = None if load_words(language).can_read(given) else find_role(given)
    return given if role is None else name_role(role, language)


def name_tool(name: str, schema: object, language: str) -> str:
    """Return what a tool is called, by the ``x-titles`` and ``title`` at its schema's root."""
    return find_x_title(schema, language) or find_title(schema) or humanise(name)


def find_x_title(schema: object, language: str) -> str:
    """Return the ``x-titles`` entry for a language or its base, or an empty string."""
    titles = schema.get("x-titles") if isinstance(schema, Mapping) else None
    if not isinstance(titles, Mapping):
        return ""
    return _clean(titles.get(language)) or _clean(titles.get(base_tag(language)))


def list_titles(schema: object) -> tuple[str, ...]:
    """Return every name the operator gave, in all languages, without repeats."""
    titles = schema.get("x-titles") if isinstance(schema, Mapping) else None
    stated = titles.values() if isinstance(titles, Mapping) else ()
    names = dict.fromkeys([find_title(schema), *(_clean(value) for value in stated)])
    return tuple(name for name in names if name)


def find_title(schema: object) -> str:
    """Return the ``title``, or an empty string."""
    return _clean(schema.get("title")) if isinstance(schema, Mapping) else ""


def _clean(text: object) -> str:
    return text.strip()[:_MAX_NAME_LENGTH] if isinstance(text, str) else ""


def _plain(text: str) -> str:
    return re.sub(r"[^\w]+", " ", text.replace('"', "").replace("״", "")).strip().casefold()


@lru_cache(maxsize=1)
def _load_roles() -> dict[str, str]:
    return {
        _plain(humanise(phrase)): role
        for words in load_all().values()
        for role, phrases in words.roles.items()
        for phrase in (words.labels[role], *phrases)
    }
