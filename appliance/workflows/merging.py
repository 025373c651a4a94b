"""Bringing fields of several items together where they clash, and comparing values loosely.

Owns n8n's rules for both; which items belong together is left to the Merge node.
"""

from __future__ import annotations

from msgspec import Struct

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import Rejected
from appliance.workflows.conversions import CannotConvert, encode_json, parse_json, to_number
from appliance.workflows.field_paths import MISSING
from appliance.workflows.parameters import Parameters

_CLASHES = ("preferLast", "preferInput1", "preferInput2", "addSuffix")


class ClashRules(Struct, frozen=True, kw_only=True):
    """Whose field stays. Later ones win; ``first_wins`` turns that round.

    ``is_deep`` merges objects and lists within, ``keeps_filled`` lets no null and no empty text
    take the place of something else, ``has_suffixes`` keeps all, with the input's number behind the
    name.
    """

    first_wins: bool = False
    is_deep: bool = True
    keeps_filled: bool = False
    has_suffixes: bool = False


def read_clash_rules(values: Parameters, *, first_wins: bool = False) -> ClashRules:
    """Return the rules of a Merge node; ``first_wins`` where it does not say."""
    given = values.group("options", "clashHandling", "values")
    how = given.choice("resolveClash", _CLASHES, "preferInput1" if first_wins else "preferLast")
    if how == "preferLast" and first_wins:
        how = "preferInput1"
    return ClashRules(
        first_wins=how == "preferInput1",
        is_deep=given.choice("mergeMode", ("deepMerge", "shallowMerge"), "deepMerge")
        == "deepMerge",
        keeps_filled=given.flag("overrideEmpty"),
        has_suffixes=how == "addSuffix",
    )


def merge_fields(objects: list[JsonObject], rules: ClashRules) -> JsonObject:
    """Return the fields of all ``objects``, which stay as they are."""
    merged: JsonObject = {}
    for fields in reversed(objects) if rules.first_wins else objects:
        _merge_into(merged, fields, rules)
    return merged


def _merge_into(target: JsonObject, source: JsonObject, rules: ClashRules) -> None:
    for key, value in source.items():
        if key in target and rules.keeps_filled and value in (None, ""):
            continue
        target[key] = _merged(target.get(key), value, rules) if rules.is_deep else value


def _merged(before: JsonValue, value: JsonValue, rules: ClashRules) -> JsonValue:
    """Return ``value`` over what stood in its place, objects by field and lists by position."""
    if isinstance(value, dict):
        kept = before if isinstance(before, dict) else {}
        _merge_into(kept, value, rules)
        return kept
    if isinstance(value, list):
        by_place = dict(enumerate(before if isinstance(before, list) else []))
        merged = {
            place: _merged(by_place.get(place), entry, rules)
            for place, entry in enumerate(value)
            if not (place in by_place and rules.keeps_filled and entry in (None, ""))
        }
        return list((by_place | merged).values())
    return value


def is_loosely_same(one: JsonValue, other: JsonValue) -> bool:
    """Say whether two values are the same but for their type.

    ``"1"``, ``1`` and ``true`` are; so are null, an empty text, an empty list and nothing at all;
    JSON as text is what it says.
    """
    if _is_empty(one) and _is_empty(other):
        return True
    kinds = {type(one), type(other)}
    if bool in kinds and len(kinds) == 2:
        return _as_flag(one) is not None and _as_flag(one) == _as_flag(other)
    if str in kinds and not kinds.isdisjoint((int, float)):
        try:
            return bool(to_number(one) == to_number(other)) and "" not in (one, other)
        except CannotConvert:
            return False
    if str in kinds and not kinds.isdisjoint((dict, list)):
        one, other = _parsed(one), _parsed(other)
    return one is not MISSING and other is not MISSING and encode_json(one) == encode_json(other)


def _is_empty(value: JsonValue) -> bool:
    return value is MISSING or value in (None, "", [])


def _as_flag(value: JsonValue) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.lower())
    if isinstance(value, int | float):
        return {1: True, 0: False}.get(int(value)) if value == int(value) else None
    return None


def _parsed(value: JsonValue) -> JsonValue:
    try:
        return parse_json(value, "value") if isinstance(value, str) else value
    except Rejected:
        return value
