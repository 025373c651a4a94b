"""Whether a value fits its slot, with the reason to tell the visitor.

Owns the light checks made while a form is filled and the last one of the whole form by
``jsonschema``; the words of the reasons are data in ``texts/``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

from msgspec import Struct

from appliance.domain.argument_checks import find_excess, find_misfits
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.providers.builtin.contact_values import EMAIL, URL, is_phone
from appliance.providers.builtin.phrasebook import Phrasebook
from appliance.providers.builtin.slots import Slot

_MAX_CHOICES_TOLD = 8
_LIMITS: tuple[tuple[str, str, Callable[[float, float], bool]], ...] = (
    ("minimum", "invalid_minimum", operator.lt),
    ("exclusiveMinimum", "invalid_above", operator.le),
    ("maximum", "invalid_maximum", operator.gt),
    ("exclusiveMaximum", "invalid_below", operator.ge),
)
"""Keywords of JSON Schema with what is true of a value that breaks them."""


class Objection(Struct, frozen=True):
    """Why a value does not fit: a sentence name of ``texts/`` and what fills it."""

    sentence: str
    values: dict[str, str]

    def say(self, book: Phrasebook) -> str:
        """Return the reason in the language of ``book``."""
        return book.say(self.sentence, **self.values)


def _object(sentence: str, **values: object) -> Objection:
    return Objection(sentence, {name: str(value) for name, value in values.items()})


def check_value(slot: Slot, value: JsonValue) -> Objection | None:
    """Return why ``value`` does not fit ``slot``, or ``None`` when it does."""
    if slot.is_list:
        if not isinstance(value, list):
            return _object("invalid_any")
        return next((found for item in value if (found := _check_item(slot, item))), None)
    return _check_item(slot, value)


def _check_item(slot: Slot, value: JsonValue) -> Objection | None:
    if slot.choices:
        if any(value == choice.value for choice in slot.choices):
            return None
        told = ", ".join(choice.label for choice in slot.choices[:_MAX_CHOICES_TOLD])
        return _object("invalid_enum", choices=told)
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _check_number(slot.schema, value)
    if isinstance(value, str):
        return _check_text(slot, value)
    return None


def _check_number(schema: JsonObject, value: float) -> Objection | None:
    if schema.get("type") == "integer" and isinstance(value, float) and not value.is_integer():
        return _object("invalid_integer")
    for keyword, sentence, is_broken in _LIMITS:
        limit = schema.get(keyword)
        if (
            isinstance(limit, int | float)
            and not isinstance(limit, bool)
            and is_broken(value, limit)
        ):
            return _object(sentence, limit=limit)
    return None


def _check_text(slot: Slot, value: str) -> Objection | None:
    shortest, longest = slot.schema.get("minLength"), slot.schema.get("maxLength")
    if not value or (isinstance(shortest, int) and len(value) < shortest):
        return _object("invalid_min_length")
    if isinstance(longest, int) and len(value) > longest:
        return _object("invalid_max_length")
    pattern = slot.pattern
    if pattern is not None and not pattern.search(value):
        if slot.example:
            return _object("invalid_pattern_example", example=slot.example)
        return _object("invalid_pattern")
    if slot.kind == "email" and not EMAIL.fullmatch(value):
        return _object("invalid_email")
    if slot.kind == "phone" and pattern is None and not is_phone(value):
        return _object("invalid_phone")
    if slot.kind == "url" and not URL.fullmatch(value):
        return _object("invalid_url")
    return None


def find_misfit(schema: JsonObject, arguments: JsonObject) -> tuple[str, ...] | None:
    """Return the path of the first argument that the whole schema refuses, or ``None``.

    A schema that cannot be used, or has a pattern that is not run, refuses nothing here: the caller
    of the tool validates again and reports it to the operator.
    """
    misfits = [] if find_excess(arguments) else find_misfits(arguments, schema)
    if not misfits or isinstance(misfits, str):
        return None
    return tuple(part for part in misfits[0].absolute_path if isinstance(part, str))
