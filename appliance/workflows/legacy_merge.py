"""The Merge node's first version: its modes and its comparing of keys.

Owns what that version does; the later ones are in ``appliance.workflows.nodes.merge``.
"""

from __future__ import annotations

from itertools import zip_longest

from appliance.domain.json_types import JsonValue
from appliance.errors import Rejected
from appliance.workflows.conversions import to_text
from appliance.workflows.field_paths import MISSING, read_path
from appliance.workflows.items import Item
from appliance.workflows.parameters import Parameters

MODES = (
    "append", "keepKeyMatches", "mergeByIndex", "mergeByKey", "multiplex", "passThrough",
    "removeKeyMatches", "wait",
)  # fmt: skip


def merge(left: list[Item], right: list[Item], values: Parameters) -> list[Item]:
    """Return what the node puts out for its two inputs."""
    mode = values.choice("mode", MODES, "append")
    match mode:
        case "append":
            return left + right
        case "wait":
            return [Item(json={}, origins=())]
        case "passThrough":
            return right if values.text("output") == "input2" else left
        case "multiplex":
            return [_joined(one, other) for one in left for other in right]
        case "mergeByIndex":
            return _by_index(left, right, values.text("join"))
        case "mergeByKey":
            return _by_key(left, right, values)
    _, name = _names(values)
    keys = {_key(item, name) for item in right} - {None}
    is_kept = mode == "keepKeyMatches"
    own = _names(values)[0]
    return [item for item in left if _may_match(item, own, keys) == is_kept]


def _names(values: Parameters) -> tuple[str, str]:
    names = values.text("propertyName1"), values.text("propertyName2")
    if not all(names):
        raise Rejected("no fields to match are given")
    return names


def _by_index(left: list[Item], right: list[Item], join: str) -> list[Item]:
    if join == "inner":
        return [_joined(one, other) for one, other in zip(left, right, strict=False)]
    rows = list(zip_longest(left, right))
    if join != "outer":
        rows = rows[: len(left)]
    return [
        _joined(one, other) if one and other else (one or other or Item(json={}))
        for one, other in rows
    ]


def _by_key(left: list[Item], right: list[Item], values: Parameters) -> list[Item]:
    own, name = _names(values)
    by_key = {key: item for item in right if (key := _key(item, name)) is not None}
    overwrite = values.text("overwrite") or "always"
    made = []
    for item in left:
        value = read_path(item.json, own)
        if value is MISSING or not _is_comparable(value):
            continue
        other = by_key.get(_key(item, own) or "")
        if value is None or other is None:
            made.append(item)
            continue
        fields = dict(item.json)
        for key, theirs in other.json.items():
            if key != name and _may_overwrite(fields.get(key, MISSING), overwrite):
                fields[key] = theirs
        made.append(Item(json=fields, origins=(*(item.origins or ()), *(other.origins or ()))))
    return made


def _may_match(item: Item, name: str, keys: set[str | None]) -> bool:
    return _is_comparable(read_path(item.json, name)) and _key(item, name) in keys


def _is_comparable(value: JsonValue) -> bool:
    """Say whether n8n looks for the value on the other side: a text or a number."""
    return not isinstance(value, bool | dict | list)


def _may_overwrite(mine: JsonValue, overwrite: str) -> bool:
    if overwrite == "undefined":
        return mine is MISSING
    return overwrite == "always" or mine is MISSING or mine is None or mine == ""


def _key(item: Item, name: str) -> str | None:
    value = read_path(item.json, name)
    if value is MISSING or value is None:
        return None
    if isinstance(value, list):
        return ",".join("" if entry is None else to_text(entry) for entry in value)
    return to_text(value)


def _joined(one: Item, other: Item) -> Item:
    return Item(
        json={**one.json, **other.json}, origins=(*(one.origins or ()), *(other.origins or ()))
    )
