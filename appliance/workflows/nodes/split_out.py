"""The Split Out node: one item for each element of a list in a field.

Owns nothing else.
"""

from __future__ import annotations

import copy
from typing import Any

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import Rejected
from appliance.workflows.field_paths import MISSING, read_path, remove_path, set_path, split_path
from appliance.workflows.items import Branches, Item
from appliance.workflows.node_context import NodeContext
from appliance.workflows.parameter_rules import ignored, read
from appliance.workflows.parameters import Parameters
from appliance.workflows.registry import NodeKind

_INCLUDES = ("noOtherFields", "allOtherFields", "selectedOtherFields")


async def _run(context: NodeContext) -> Branches:
    return [await context.for_each_item(_split)]


async def _split(item: Item, values: Parameters) -> list[Item]:
    options = values.group("options")
    is_nested = not options.flag("disableDotNotation")
    names = values.names("fieldToSplitOut")
    if not names:
        raise Rejected("no field to split is given")
    targets = options.names("destinationFieldName")
    if targets and len(targets) != len(names):
        raise Rejected("there must be as many destination fields as fields to split")
    lists = {name: _elements(item.json, name, is_nested=is_nested) for name in names}
    include = values.choice("include", _INCLUDES, "noOtherFields")
    others = _base(item.json, values, include, names, is_nested=is_nested)
    made = []
    for index in range(max(len(elements) for elements in lists.values())):
        base = dict(others)
        for position, name in enumerate(names):
            if index >= len(lists[name]):
                continue
            element = copy.deepcopy(lists[name][index])
            is_alone = include == "noOtherFields" and len(names) == 1 and not targets
            if is_alone and isinstance(element, dict):
                base.update(element)
            else:
                place = targets[position] if targets else name
                _own_path(base, place, is_nested=is_nested)
                set_path(base, place, element, is_nested=is_nested)
        made.append(Item(json=base))
    return made


def _elements(source: JsonObject, name: str, *, is_nested: bool) -> list[JsonValue]:
    found = read_path(source, name, is_nested=is_nested)
    if found is MISSING or found is None:
        return []
    if isinstance(found, dict):
        return list(found.values())
    return found if isinstance(found, list) else [found]


def _base(
    source: JsonObject, values: Parameters, include: str, names: list[str], *, is_nested: bool
) -> JsonObject:
    """Return the other fields that each made item keeps; they share what is within."""
    if include == "allOtherFields":
        base = dict(source)
        for name in names:
            _own_path(base, name, is_nested=is_nested)
            remove_path(base, name, is_nested=is_nested)
        return base
    base = {}
    if include == "selectedOtherFields":
        for name in values.names("fieldsToInclude"):
            found = read_path(source, name, is_nested=is_nested)
            if found is not MISSING:
                set_path(base, name, found, is_nested=is_nested)
    return base


def _own_path(fields: JsonObject, name: str, *, is_nested: bool) -> None:
    """Copy what a path goes through, and nothing beside it, so that its end may be changed."""
    if name in fields:
        return
    current: Any = fields
    for part in split_path(name, is_nested=is_nested)[:-1]:
        place: Any = part if isinstance(current, dict) else int(part) if str(part).isdigit() else -1
        if isinstance(current, list) and not 0 <= place < len(current):
            return
        child = current.get(str(part)) if isinstance(current, dict) else current[place]
        if not isinstance(child, dict | list):
            return
        current[place if isinstance(current, list) else str(part)] = copied = copy.copy(child)
        current = copied


KIND = NodeKind(
    type="n8n-nodes-base.splitOut",
    min_version=1,
    max_version=1,
    run=_run,
    parameters=read(
        "fieldToSplitOut", "include", "fieldsToInclude", "options.disableDotNotation",
        "options.destinationFieldName",
    ) | ignored("options.includeBinary"),
)  # fmt: skip
