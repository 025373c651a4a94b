"""The Data Table node: reads and writes the tenant's own rows.

Owns the node's parameters; the rows are kept behind the ``DataTables`` port, always under the
tenant of the run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar, get_args

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import ApplianceError, InvalidInput, NotFound, Rejected
from appliance.ports.data_tables import Condition, MatchType, RowCondition, RowFilter, RowOrder
from appliance.workflows.conversions import encode_json
from appliance.workflows.items import Branches, Item, Origin
from appliance.workflows.node_context import NodeContext
from appliance.workflows.parameter_rules import ignored, one_of, read
from appliance.workflows.parameters import Parameters
from appliance.workflows.registry import NodeKind

Result = TypeVar("Result")

_DEFAULT_LIMIT = 50
_MAX_SHOWN = 200
_SYSTEM_COLUMNS = ("id", "createdAt", "updatedAt")
_OPERATIONS = ("get", "insert", "update", "upsert", "deleteRows", "rowExists", "rowNotExists")
_CONDITIONS: tuple[RowCondition, ...] = get_args(RowCondition)
_MATCHES: tuple[MatchType, ...] = get_args(MatchType)


async def _run(context: NodeContext) -> Branches:
    operation = context.node.given.text("operation") or "insert"
    if operation == "insert":
        return [await _insert(context)]
    work = _WORK[operation]

    async def do(item: Item, values: Parameters) -> list[Item]:
        return await _in_table(
            context, _table_name(values), lambda name: work(context, name, item, values)
        )

    return [await context.for_each_item(do)]


async def _in_table(
    context: NodeContext, name: str, work: Callable[[str], Awaitable[Result]]
) -> Result:
    """Do ``work`` in the table of this name: names differ in letter case only by accident.

    Raises:
        InvalidInput: A column or a value does not fit; the message names each.
    """
    try:
        return await _do_named(name, work)
    except NotFound:
        tables = await context.state.data_tables.list_tables(context.state.tenant_id)
        if name in tables:
            raise
        for known in tables:
            if known.lower() == name.lower():
                return await _do_named(known, work)
        raise NotFound(
            f"there is no data table {name!r}; the tenant has {sorted(tables)}"
        ) from None


async def _do_named(name: str, work: Callable[[str], Awaitable[Result]]) -> Result:
    try:
        return await work(name)
    except InvalidInput as exc:
        if not exc.errors:
            raise
        named = " ".join(
            f"{error.field[:_MAX_SHOWN]!r}: {error.message[:_MAX_SHOWN]}" for error in exc.errors
        )
        raise InvalidInput(f"{exc.message} {named}", errors=exc.errors, code=exc.code) from exc


def _table_name(values: Parameters) -> str:
    if isinstance(values.value("dataTableId"), dict):
        locator = values.group("dataTableId")
        listed = locator.text("cachedResultName") if locator.text("mode") == "list" else ""
        return listed or locator.text("value")
    return values.text("dataTableId")


async def _insert(context: NodeContext) -> list[Item]:
    """Insert the rows of all items, table by table, in one transaction each."""
    batches: dict[str, list[tuple[int, JsonObject]]] = {}
    made: list[Item] = []
    for index, values in enumerate(await context.parameters()):
        try:
            if isinstance(values, ApplianceError):
                raise values
            row = _row(context.items[index], values)
            batches.setdefault(_table_name(values), []).append((index, row))
        except ApplianceError as exc:
            made.append(_failed(context, exc, index))
    for table, rows in batches.items():
        try:
            stored = await _in_table(
                context, table, partial(_insert_rows, context, [row for _, row in rows])
            )
        except ApplianceError as exc:
            made += [_failed(context, exc, index) for index, _ in rows]
            continue
        made += [
            Item(json=row, origins=(Origin(index),))
            for (index, _), row in zip(rows, stored, strict=True)
        ]
    return sorted(made, key=lambda item: item.origins[0].item if item.origins else 0)


async def _insert_rows(
    context: NodeContext, rows: list[JsonObject], table: str
) -> list[JsonObject]:
    return await context.state.data_tables.insert_rows(context.state.tenant_id, table, rows)


def _failed(context: NodeContext, error: ApplianceError, index: int) -> Item:
    if not context.continues_on_failure:
        raise error
    return Item(json={"error": error.message}, error=error.message, origins=(Origin(index),))


async def _get(context: NodeContext, table: str, _item: Item, values: Parameters) -> list[Item]:
    order = None
    column = values.text("orderByColumn", "createdAt" if values.flag("orderBy") else "")
    if values.flag("orderBy") and column:
        direction = values.choice("orderByDirection", ("ASC", "DESC"), "DESC")
        order = RowOrder(column=column, is_descending=direction == "DESC")
    limit = None if values.flag("returnAll") else values.integer("limit", _DEFAULT_LIMIT, minimum=0)
    rows = await context.state.data_tables.get_rows(
        context.state.tenant_id, table, _filter(values), limit=limit, order=order
    )
    return [Item(json=row) for row in rows]


async def _update(context: NodeContext, table: str, item: Item, values: Parameters) -> list[Item]:
    rows = await context.state.data_tables.update_rows(
        context.state.tenant_id, table, _needed_filter(values), _row(item, values)
    )
    return [Item(json=row) for row in rows]


async def _upsert(context: NodeContext, table: str, item: Item, values: Parameters) -> list[Item]:
    rows = await context.state.data_tables.upsert_row(
        context.state.tenant_id, table, _needed_filter(values), _row(item, values)
    )
    return [Item(json=row) for row in rows]


async def _delete(context: NodeContext, table: str, _item: Item, values: Parameters) -> list[Item]:
    rows = await context.state.data_tables.delete_rows(
        context.state.tenant_id, table, _needed_filter(values)
    )
    return [Item(json=row) for row in rows]


async def _exists(context: NodeContext, table: str, item: Item, values: Parameters) -> list[Item]:
    rows = await context.state.data_tables.get_rows(
        context.state.tenant_id, table, _needed_filter(values), limit=1
    )
    is_wanted = context.node.given.text("operation") == "rowExists"
    return [Item(json=item.json)] if bool(rows) == is_wanted else []


_WORK: dict[str, Callable[[NodeContext, str, Item, Parameters], Awaitable[list[Item]]]] = {
    "get": _get,
    "update": _update,
    "upsert": _upsert,
    "deleteRows": _delete,
    "rowExists": _exists,
    "rowNotExists": _exists,
}


def _needed_filter(values: Parameters) -> RowFilter:
    where = _filter(values)
    if not where.conditions:
        raise Rejected("at least one condition is required")
    return where


def _filter(values: Parameters) -> RowFilter:
    """Return the node's conditions; n8n matches any of them unless told otherwise."""
    conditions = []
    for entry in values.groups("filters", "conditions"):
        name = entry.choice("condition", _CONDITIONS, "eq")
        value = entry.value("keyValue", "")
        if name in ("like", "ilike") and isinstance(value, str) and "%" not in value:
            value = f"%{value}%"
        column = entry.text("keyName", "id")
        conditions.append(Condition(column=column, condition=name, value=value))
    match = values.choice("matchType", _MATCHES, "anyCondition")
    return RowFilter(conditions=tuple(conditions), match=match)


def _row(item: Item, values: Parameters) -> JsonObject:
    columns = values.group("columns")
    if columns.text("mappingMode") == "autoMapInputData":
        row = {key: value for key, value in item.json.items() if key not in _SYSTEM_COLUMNS}
    else:
        row = columns.object("value")
    return {key: _cell(key, value) for key, value in row.items()}


def _cell(column: str, value: JsonValue) -> JsonValue:
    if isinstance(value, dict | list):
        shown = encode_json(value)[:100]
        raise Rejected(f"column {column!r} cannot hold an object or an array: {shown}")
    return value


KIND = NodeKind(
    type="n8n-nodes-base.dataTable",
    min_version=1,
    max_version=1.1,
    run=_run,
    parameters=one_of("resource", "row")
    | one_of("operation", *_OPERATIONS)
    | read(
        "dataTableId", "matchType", "filters", "columns", "returnAll", "limit", "orderBy",
        "orderByColumn", "orderByDirection",
    )
    | ignored(  # what operations on whole tables, which are refused, would read
        "tableName", "newName", "options.createIfNotExists", "options.filterName",
        "options.sortField", "options.sortDirection",
    ),
)  # fmt: skip
