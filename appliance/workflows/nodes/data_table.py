"""The Data Table node: reads and writes the tenant's own rows.

Owns the node's parameters; the rows are kept behind the ``DataTables`` port, always under the
tenant of the run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import get_args

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import ApplianceError, NotFound, Rejected
from appliance.ports.data_tables import Condition, RowCondition, RowFilter, RowOrder
from appliance.workflows.conversions import encode_json, to_text
from appliance.workflows.definition import Node
from appliance.workflows.items import Branches, Item, Origin
from appliance.workflows.node_context import NodeContext
from appliance.workflows.registry import NodeKind

_DEFAULT_LIMIT = 50
_SYSTEM_COLUMNS = ("id", "createdAt", "updatedAt")
_PARAMETERS = (
    "dataTableId", "matchType", "filters", "columns", "returnAll", "limit", "orderBy",
    "orderByColumn", "orderByDirection",
)  # fmt: skip
_OPERATIONS = ("get", "insert", "update", "upsert", "deleteRows", "rowExists", "rowNotExists")
_CONDITIONS = get_args(RowCondition)


def _check(node: Node) -> list[str]:
    problems = []
    resource = node.parameters.get("resource", "row")
    operation = node.parameters.get("operation", "insert")
    if resource != "row":
        problems.append(f"resource {resource!r}")
    elif operation not in _OPERATIONS:
        problems.append(f"operation {operation!r}")
    options = node.parameters.get("options") or {}
    problems += [f"option {name!r}" for name in ("dryRun", "optimizeBulk") if options.get(name)]
    return problems


async def _run(context: NodeContext) -> Branches:
    operation = str(context.literal("operation", "insert"))
    if operation == "insert":
        return [await _insert(context)]
    work = _WORK[operation]

    async def do(item: Item, values: JsonObject) -> list[Item]:
        return await work(context, await _table_name(context, values), item, values)

    return [await context.for_each_item(_PARAMETERS, do)]


async def _table_name(context: NodeContext, values: JsonObject) -> str:
    """Return the table's name as it is stored: names differ in letter case only by accident."""
    locator = values.get("dataTableId")
    if isinstance(locator, dict):
        listed_name = locator.get("cachedResultName") if locator.get("mode") == "list" else None
        name = to_text(listed_name or locator.get("value"))
    else:
        name = to_text(locator)
    tables = await context.state.data_tables.list_tables(context.state.tenant_id)
    if name in tables:
        return name
    for known in tables:
        if known.lower() == name.lower():
            return known
    raise NotFound(f"there is no data table {name!r}; the tenant has {sorted(tables)}")


async def _insert(context: NodeContext) -> list[Item]:
    """Insert the rows of all items, table by table, in one transaction each."""
    batches: dict[str, list[tuple[int, JsonObject]]] = {}
    made: list[Item] = []
    for index, values in enumerate(await context.parameters(*_PARAMETERS)):
        try:
            if isinstance(values, ApplianceError):
                raise values
            row = _row(context.items[index], values)
            batches.setdefault(await _table_name(context, values), []).append((index, row))
        except ApplianceError as exc:
            made.append(_failed(context, exc, index))
    for table, rows in batches.items():
        try:
            stored = await context.state.data_tables.insert_rows(
                context.state.tenant_id, table, [row for _, row in rows]
            )
        except ApplianceError as exc:
            made += [_failed(context, exc, index) for index, _ in rows]
            continue
        made += [
            Item(json=row, origins=(Origin(index),))
            for (index, _), row in zip(rows, stored, strict=True)
        ]
    return sorted(made, key=lambda item: item.origins[0].item if item.origins else 0)


def _failed(context: NodeContext, error: ApplianceError, index: int) -> Item:
    if not context.continues_on_failure:
        raise error
    return Item(json={"error": error.message}, error=error.message, origins=(Origin(index),))


async def _get(context: NodeContext, table: str, _item: Item, values: JsonObject) -> list[Item]:
    order = None
    if values.get("orderBy") and values.get("orderByColumn"):
        order = RowOrder(
            column=str(values["orderByColumn"]),
            is_descending=values.get("orderByDirection", "DESC") == "DESC",
        )
    limit = None if values.get("returnAll") else int(values.get("limit", _DEFAULT_LIMIT))
    rows = await context.state.data_tables.get_rows(
        context.state.tenant_id, table, _filter(values), limit=limit, order=order
    )
    return [Item(json=row) for row in rows]


async def _update(context: NodeContext, table: str, item: Item, values: JsonObject) -> list[Item]:
    rows = await context.state.data_tables.update_rows(
        context.state.tenant_id, table, _needed_filter(values), _row(item, values)
    )
    return [Item(json=row) for row in rows]


async def _upsert(context: NodeContext, table: str, item: Item, values: JsonObject) -> list[Item]:
    rows = await context.state.data_tables.upsert_row(
        context.state.tenant_id, table, _needed_filter(values), _row(item, values)
    )
    return [Item(json=row) for row in rows]


async def _delete(context: NodeContext, table: str, _item: Item, values: JsonObject) -> list[Item]:
    rows = await context.state.data_tables.delete_rows(
        context.state.tenant_id, table, _needed_filter(values)
    )
    return [Item(json=row) for row in rows]


async def _exists(context: NodeContext, table: str, item: Item, values: JsonObject) -> list[Item]:
    rows = await context.state.data_tables.get_rows(
        context.state.tenant_id, table, _needed_filter(values), limit=1
    )
    is_wanted = context.literal("operation") == "rowExists"
    return [Item(json=item.json)] if bool(rows) == is_wanted else []


_WORK: dict[str, Callable[[NodeContext, str, Item, JsonObject], Awaitable[list[Item]]]] = {
    "get": _get,
    "update": _update,
    "upsert": _upsert,
    "deleteRows": _delete,
    "rowExists": _exists,
    "rowNotExists": _exists,
}


def _needed_filter(values: JsonObject) -> RowFilter:
    where = _filter(values)
    if not where.conditions:
        raise Rejected("at least one condition is required")
    return where


def _filter(values: JsonObject) -> RowFilter:
    """Return the node's conditions; n8n matches any of them unless told otherwise."""
    conditions = []
    for entry in (values.get("filters") or {}).get("conditions") or []:
        name = entry.get("condition", "eq")
        if name not in _CONDITIONS:
            raise Rejected(f"the row condition {name!r} is not known here")
        value = entry.get("keyValue", "")
        if name in ("like", "ilike") and isinstance(value, str) and "%" not in value:
            value = f"%{value}%"
        column = str(entry.get("keyName", "id"))
        conditions.append(Condition(column=column, condition=name, value=value))
    is_any = values.get("matchType", "anyCondition") == "anyCondition"
    return RowFilter(
        conditions=tuple(conditions), match="anyCondition" if is_any else "allConditions"
    )


def _row(item: Item, values: JsonObject) -> JsonObject:
    columns = values.get("columns") or {}
    if columns.get("mappingMode") == "autoMapInputData":
        row = {key: value for key, value in item.json.items() if key not in _SYSTEM_COLUMNS}
    else:
        row = dict(columns.get("value") or {})
    return {key: _cell(key, value) for key, value in row.items()}


def _cell(column: str, value: JsonValue) -> JsonValue:
    if isinstance(value, dict | list):
        shown = encode_json(value)[:100]
        raise Rejected(f"column {column!r} cannot hold an object or an array: {shown}")
    return value


KIND = NodeKind(
    type="n8n-nodes-base.dataTable", min_version=1, max_version=1.1, run=_run, check=_check
)
