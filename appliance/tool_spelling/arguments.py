"""Arguments as the tool's schema wants them, from arguments as the model wrote them.

Owns the conversions, all without loss: the text ``2`` for an integer, the number 12345 for a text.
Whether the result fits is judged by ``appliance.agent.policy``. A value that cannot be converted
stays as it is, so that the model hears what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.tool_spelling.lenient_json import MAX_DEPTH, Positional, TooDeep, Word, parse_value
from appliance.tool_spelling.tool_names import match_name

INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,17})", re.ASCII)
NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d{1,17})?(?:[eE][+-]?\d{1,2})?", re.ASCII)
CONSTANTS = {"true": True, "false": False, "null": None, "none": None, "undefined": None, "": None}
TYPE_NAMES = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
MAX_DECODINGS = 3


def read_arguments(value: JsonValue, schema: JsonObject) -> JsonObject | None:
    """Return ``value`` as the arguments of a tool with this schema; ``None`` if it is nothing such.

    Takes an object, JSON text of an object however often encoded, and values without names in the
    order of the schema's properties.
    """
    for _ in range(MAX_DECODINGS):
        if isinstance(value, str) and natural_value(Word(value.strip())) is None:
            value = None
        if not isinstance(value, str):
            break
        value = decode_text(value)
        if value is None:
            return None
    if value is None:
        value = {}
    if isinstance(value, list):
        value = _name_values(value, schema)
    if not isinstance(value, dict):
        return None
    return _fit_object(value, schema)


def decode_text(text: str) -> JsonValue:
    """Return the object, list or quoted text that ``text`` encodes, ``None`` when it is none."""
    stripped = text.strip()
    if stripped[:1] not in ("{", "[", '"', "'"):
        return None
    try:
        parsed = parse_value(stripped)
    except TooDeep:
        return None
    return None if parsed.missing == "value" or parsed.end < len(stripped) else parsed.value


def natural_value(value: JsonValue) -> JsonValue:
    """Return a bare word as JSON means it: a number, a constant, else text; all else as it is."""
    if not isinstance(value, Word):
        return value
    if value.lower() in CONSTANTS:
        return CONSTANTS[value.lower()]
    if INTEGER.fullmatch(value):
        return int(value)
    if NUMBER.fullmatch(value):
        return float(value)
    return str(value)


def is_schema(value: JsonValue) -> bool:
    """Say whether a model repeated a tool's declaration instead of calling it."""
    return isinstance(value, dict) and isinstance(value.get("properties"), dict)


def _name_values(values: list[JsonValue], schema: JsonObject) -> JsonValue:
    if len(values) == 1 and isinstance(values[0], dict):
        return values[0]
    names = list(_properties(schema))
    if not isinstance(values, Positional) or len(values) > len(names):
        return None
    return dict(zip(names, values, strict=False))


def _fit_object(value: Mapping[str, JsonValue], schema: JsonObject, depth: int = 0) -> JsonObject:
    properties = _properties(schema)
    required = schema.get("required") or []
    fitted: JsonObject = {}
    for written, member in value.items():
        name = written
        if written not in properties:
            alike = match_name(written, properties)
            name = alike if alike and alike not in value else written
        wanted = properties.get(name)
        fit = _fit(member, wanted if isinstance(wanted, dict) else {}, depth + 1)
        # Models write "null" for what they leave out.
        is_left_out = fit is None and name in properties and name not in required
        if not is_left_out or "null" in _types(properties[name]):
            fitted[name] = fit
    return fitted


def _fit(value: JsonValue, schema: JsonObject, depth: int) -> JsonValue:
    if depth > 2 * MAX_DEPTH:
        return value
    if isinstance(value, dict):
        return _fit_object(value, schema, depth)
    if isinstance(value, list):
        items = schema.get("items")
        wanted = items if isinstance(items, dict) else {}
        return [_fit(member, wanted, depth + 1) for member in value]
    types = _types(schema)
    natural = natural_value(value)
    if not types or _is_of(natural, types):
        return natural
    if not isinstance(value, str):
        return _fit_number(value, types)
    if isinstance(value, Word) and "string" in types and natural is not None:
        return str(value)
    meant = natural_value(Word(value.strip()))
    if meant is not None and not isinstance(meant, str) and _is_of(meant, types):
        return meant
    decoded = decode_text(value)
    if isinstance(decoded, dict | list) and _is_of(decoded, types):
        return _fit(decoded, schema, depth + 1)
    return natural


def _fit_number(value: JsonValue, types: frozenset[str]) -> JsonValue:
    """Convert a number that came as one, from native calls: only whole ones have one spelling."""
    if isinstance(value, int) and not isinstance(value, bool) and "string" in types:
        return str(value)
    return value


def _is_of(value: JsonValue, types: frozenset[str]) -> bool:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number" in types or ("integer" in types and float(value).is_integer())
    return TYPE_NAMES.get(type(value)) in types


def _types(schema: JsonValue) -> frozenset[str]:
    """Return the types that ``schema`` lets through as far as it says so plainly."""
    if not isinstance(schema, dict):
        return frozenset()
    declared = schema.get("type")
    if isinstance(declared, str):
        return frozenset((declared,))
    if isinstance(declared, list):
        return frozenset(name for name in declared if isinstance(name, str))
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(values, list):
        return frozenset(
            TYPE_NAMES.get(type(value), "number" if isinstance(value, float) else "integer")
            for value in values
        )
    branches = schema.get("anyOf") or schema.get("oneOf") or []
    if not isinstance(branches, list):
        return frozenset()
    found = [_types(branch) for branch in branches]
    return frozenset().union(*found) if all(found) else frozenset()


def _properties(schema: JsonObject) -> JsonObject:
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}
