"""The Aggregate node: gathers all items into one, by fields or whole.

Owns nothing else.
"""

from __future__ import annotations

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import Rejected
from appliance.workflows.field_paths import MISSING, read_path, set_path
from appliance.workflows.items import Branches, Item, Origin
from appliance.workflows.node_context import NodeContext
from appliance.workflows.registry import NodeKind


async def _run(context: NodeContext) -> Branches:
    values = await context.parameters_once(
        "aggregate", "fieldsToAggregate", "destinationFieldName", "include", "fieldsToInclude",
        "fieldsToExclude", "options",
    )  # fmt: skip
    if values.get("aggregate", "aggregateIndividualFields") == "aggregateAllItemData":
        gathered = _whole(context.items, values)
    else:
        gathered = _fields(context.items, values)
    origins = tuple(Origin(index) for index in range(len(context.items)))
    return [[Item(json=gathered, origins=origins)]]


def _whole(items: list[Item], values: JsonObject) -> JsonObject:
    include = values.get("include", "allFields")
    chosen = set(_names(values.get("fieldsToInclude")))
    dropped = set(_names(values.get("fieldsToExclude")))
    rows = []
    for item in items:
        row = item.json
        if include == "specifiedFields":
            row = {key: value for key, value in row.items() if key in chosen}
        elif include == "allFieldsExcept":
            row = {key: value for key, value in row.items() if key not in dropped}
        if row:
            rows.append(row)
    return {str(values.get("destinationFieldName") or "data"): rows}


def _names(text: JsonValue) -> list[str]:
    return [name.strip() for name in str(text or "").split(",") if name.strip()]


def _fields(items: list[Item], values: JsonObject) -> JsonObject:
    options = values.get("options") or {}
    is_nested = not options.get("disableDotNotation")
    gathered: JsonObject = {}
    fields = (values.get("fieldsToAggregate") or {}).get("fieldToAggregate") or []
    if not fields:
        raise Rejected("no field to aggregate is given")
    for field in fields:
        name = str(field.get("fieldToAggregate") or "")
        if not name:
            raise Rejected("a field to aggregate has no name")
        found: list[JsonValue] = []
        for item in items:
            value = read_path(item.json, name, is_nested=is_nested)
            if value is MISSING or value is None:
                if options.get("keepMissing"):
                    found.append(None)
            elif isinstance(value, list) and options.get("mergeLists"):
                found += value
            else:
                found.append(value)
        is_renamed = field.get("renameField") and field.get("outputFieldName")
        plain = name.rpartition(".")[2] if is_nested else name
        set_path(gathered, str(field["outputFieldName"]) if is_renamed else plain, found,
                 is_nested=is_nested)  # fmt: skip
    return gathered


KIND = NodeKind(type="n8n-nodes-base.aggregate", min_version=1, max_version=1, run=_run)
