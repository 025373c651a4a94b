"""The Split Out node: one item for each element of a list in a field.

Owns nothing else.
"""

from __future__ import annotations

import copy

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import Rejected
from appliance.workflows.field_paths import MISSING, read_path, remove_path, set_path
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
    made = []
    for index in range(max(len(elements) for elements in lists.values())):
        base = _base(item.json, values, include, names, is_nested=is_nested)
        for position, name in enumerate(names):
            if index >= len(lists[name]):
                continue
            element = copy.deepcopy(lists[name][index])
            is_alone = include == "noOtherFields" and len(names) == 1 and not targets
            if is_alone and isinstance(element, dict):
                base.update(element)
            else:
                set_path(base, targets[position] if targets else name, element, is_nested=is_nested)
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
    """Return the other fields that each made item keeps."""
    if include == "allOtherFields":
        base = copy.deepcopy(source)
        for name in names:
            remove_path(base, name, is_nested=is_nested)
        return base
    base = {}
    if include == "selectedOtherFields":
        for name in values.names("fieldsToInclude"):
            found = read_path(source, name, is_nested=is_nested)
            if found is not MISSING:
                set_path(base, name, copy.deepcopy(found), is_nested=is_nested)
    return base


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
