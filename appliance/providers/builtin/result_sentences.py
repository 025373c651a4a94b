"""Tool results in the words that the tool itself brings along, in the visitor's language.

Owns reading a tool's ``x-results``; results of tools without one are left to ``result_rendering``.
What a tool returns stays data: names and codes, which the same words tell in every language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.providers.builtin.phrasebook import DEFAULT_LANGUAGE, Phrasebook
from appliance.providers.builtin.result_values import (
    PRICE_KEYS,
    is_object_list,
    render_amount,
    render_inline,
)
from appliance.wording import base_tag, name_parameter

_MAX_ITEMS = 10
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_PLACE = re.compile(r"\{(\w+)\}")
_ANY_VALUE = "*"


def tell_result(value: JsonValue, words: JsonObject, book: Phrasebook) -> str | None:
    """Return a result as the tool's own sentence, with its lists below; ``None`` without one.

    The sentence is that of the result's ``error``, of its ``outcome``, or of ``success``.
    ``{name}`` stands for a field; what is in brackets is left out where one of its fields is empty.

    Args:
        value: The result, unwrapped.
        words: The tool's ``x-results``: ``sentences`` by code and language, and ``fields`` with
            ``title``, ``x-titles``, ``x-values`` (texts by code and language; ``*`` for any
            other, which it names as ``{value}``), ``x-money`` and ``x-hidden``. ``asks``, the
            parameter that an error asks for anew, is minded by the dialogue.
        book: In whose language.
    """
    sentences = words.get("sentences")
    if not isinstance(value, Mapping) or not isinstance(sentences, Mapping):
        return None
    codes = (value.get("error"), value.get("outcome"), "success")
    stated = next(
        (sentences[code] for code in codes if isinstance(code, str) and code in sentences), None
    )
    teller = _Teller(words, book)
    sentence = teller.fill(_choose(stated, book.language), value)
    if not sentence:
        return None
    return "\n".join([sentence, *teller.list_all(value)])


class _Teller:
    """Writes the fields of one tool's results."""

    def __init__(self, words: JsonObject, book: Phrasebook) -> None:
        found = words.get("fields")
        self._fields: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
        self._book = book

    def fill(self, template: str, value: Mapping[str, JsonValue]) -> str:
        """Return the template with its fields, or nothing where one it needs is empty."""
        is_lacking = False

        def put(place: re.Match[str]) -> str:
            nonlocal is_lacking
            text = self._write(place[1], value)
            is_lacking = is_lacking or not text
            return text

        def put_optional(part: re.Match[str]) -> str:
            names = _PLACE.findall(part[1])
            return part[1] if all(self._write(name, value) for name in names) else ""

        filled = _PLACE.sub(put, _OPTIONAL.sub(put_optional, template)).strip()
        return "" if is_lacking else filled

    def list_all(self, value: Mapping[str, JsonValue]) -> list[str]:
        """Return a line for each object in a list of the result, behind an empty line."""
        lines = []
        for key, part in value.items():
            if is_object_list(part) and not self._has(key, "x-hidden"):
                lines += [f"- {self._write_item(item)}" for item in part[:_MAX_ITEMS]]
                if len(part) > _MAX_ITEMS:
                    lines.append(self._book.say("result_more", count=len(part) - _MAX_ITEMS))
        return ["", *lines] if lines else []

    def _write_item(self, item: Mapping[str, JsonValue]) -> str:
        shown = [
            name
            for name in item
            if name in self._fields or name == "name" or PRICE_KEYS.search(name)
            if not self._has(name, "x-hidden") and self._write(name, item)
        ]
        title, *rest = shown or [""]
        details = ", ".join(self._write_detail(name, item) for name in rest)
        return (
            f"**{self._write(title, item)}** – {details}"
            if details
            else f"**{self._write(title, item)}**"
        )

    def _write_detail(self, name: str, item: Mapping[str, JsonValue]) -> str:
        text = self._write(name, item)
        if self._has(name, "x-values") or self._is_money(name):
            return text
        return f"{name_parameter(name, self._fields.get(name), self._book.language)}: {text}"

    def _write(self, name: str, owner: Mapping[str, JsonValue]) -> str:
        """Return a field as a visitor reads it, nothing for an empty one."""
        value = owner.get(name)
        if value in (None, "", [], {}):
            return ""
        texts = self._mark(name, "x-values")
        if isinstance(texts, Mapping) and isinstance(value, str):
            text = _choose(texts.get(value, texts.get(_ANY_VALUE)), self._book.language)
            if text:
                return text.replace("{value}", render_inline(value, self._book))
        if self._is_money(name):
            return render_amount(value, owner, self._book)
        return render_inline(value, self._book)

    def _is_money(self, name: str) -> bool:
        return self._has(name, "x-money") or PRICE_KEYS.search(name) is not None

    def _has(self, name: str, mark: str) -> bool:
        return bool(self._mark(name, mark))

    def _mark(self, name: str, mark: str) -> object:
        field = self._fields.get(name)
        return field.get(mark) if isinstance(field, Mapping) else None


def _choose(texts: object, language: str) -> str:
    """Return the text in a language, its base, or English; nothing where there is none."""
    if not isinstance(texts, Mapping):
        return ""
    for tag in (language, base_tag(language), DEFAULT_LANGUAGE):
        text = texts.get(tag)
        if isinstance(text, str) and text.strip():
            return text
    return ""
