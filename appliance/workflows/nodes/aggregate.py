"""The Aggregate node: gathers all items into one, by fields or whole.

Owns nothing else.
"""

from __future__ import annotations

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import Rejected
from appliance.workflows.field_paths import MISSING, read_path, set_path
from appliance.workflows.items import Branches, Item, Origin
from appliance.workflows.node_context import NodeContext
from appliance.workflows.parameter_rules import ignored, read
from appliance.workflows.parameters import Parameters
from appliance.workflows.registry import NodeKind

_WAYS = ("aggregateIndividualFields", "aggregateAllItemData")
_INCLUDES = ("allFields", "specifiedFields", "allFieldsExcept")


async def _run(context: NodeContext) -> Branches:
    values = await context.parameters_once()
    how = values.choice("aggregate", _WAYS, "aggregateIndividualFields")
    if how == "aggregateAllItemData":
        gathered = await context.work_out(_whole, context.items, values)
    else:
        gathered = await context.work_out(_fields, context.items, values)
    origins = tuple(Origin(index) for index in range(len(context.items)))
    return [[Item(json=gathered, origins=origins)]]


def _whole(items: list[Item], values: Parameters) -> JsonObject:
    include = values.choice("include", _INCLUDES, "allFields")
    chosen = set(values.names("fieldsToInclude"))
    dropped = set(values.names("fieldsToExclude"))
    rows = []
    for item in items:
        row = item.json
        if include == "specifiedFields":
            row = {key: value for key, value in row.items() if key in chosen}
        elif include == "allFieldsExcept":
            row = {key: value for key, value in row.items() if key not in dropped}
        if row:
            rows.append(row)
    return {values.text("destinationFieldName") or "data": rows}


def _fields(items: list[Item], values: Parameters) -> JsonObject:
    options = values.group("options")
    is_nested = not options.flag("disableDotNotation")
    gathered: JsonObject = {}
    fields = values.groups("fieldsToAggregate", "fieldToAggregate")
    if not fields:
        raise Rejected("no field to aggregate is given")
    for field in fields:
        name = field.text("fieldToAggregate")
        if not name:
            raise Rejected("a field to aggregate has no name")
        found: list[JsonValue] = []
        for item in items:
            value = read_path(item.json, name, is_nested=is_nested)
            if value is MISSING or value is None:
                if options.flag("keepMissing"):
                    found.append(None)
            elif isinstance(value, list) and options.flag("mergeLists"):
                found += value
            else:
                found.append(value)
        renamed = field.text("outputFieldName") if field.flag("renameField") else ""
        plain = name.rpartition(".")[2] if is_nested else name
        set_path(gathered, renamed or plain, found, is_nested=is_nested)
    return gathered


KIND = NodeKind(
    type="n8n-nodes-base.aggregate",
    min_version=1,
    max_version=1,
    run=_run,
    parameters=read(
        "aggregate", "fieldsToAggregate", "destinationFieldName", "include", "fieldsToInclude",
        "fieldsToExclude", "options.disableDotNotation", "options.mergeLists",
        "options.keepMissing",
    ) | ignored("options.includeBinaries"),
)  # fmt: skip
