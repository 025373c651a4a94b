"""Data tables in memory, behaving as the port says.

Owns nothing but dictionaries; judges values as the real tables do, and passes their contract suite.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from appliance.domain.data_table import (
    SYSTEM_COLUMNS,
    Column,
    ColumnType,
    check_columns,
    convert_cells,
    convert_value,
    write_date,
)
from appliance.domain.ids import TenantId
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import InvalidInput, NotFound
from appliance.ports.clock import Clock
from appliance.ports.data_tables import Condition, RowFilter, RowOrder


class _Table:
    def __init__(self) -> None:
        self.columns: dict[str, ColumnType] = {}
        self.rows: list[JsonObject] = []
        self.last_id = 0


class InMemoryDataTables:
    """Implements ``DataTables``; one instance is one database."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock
        self._tables: dict[tuple[TenantId, str], _Table] = {}

    async def ensure_table(self, tenant_id: TenantId, name: str, columns: Sequence[Column]) -> None:
        check_columns(columns)
        table = self._tables.get((tenant_id, name), _Table())
        if any(table.columns.get(column.name, column.type) != column.type for column in columns):
            raise InvalidInput(f"A column of {name!r} has another type.")
        self._tables[tenant_id, name] = table
        for column in columns:
            if column.name not in table.columns:
                table.columns[column.name] = column.type
                for row in table.rows:
                    row[column.name] = None

    async def list_tables(self, tenant_id: TenantId) -> dict[str, list[Column]]:
        return {
            name: [Column(name=column, type=kind) for column, kind in table.columns.items()]
            for (owner, name), table in sorted(self._tables.items())
            if owner == tenant_id
        }

    async def get_rows(
        self,
        tenant_id: TenantId,
        table: str,
        where: RowFilter,
        *,
        limit: int | None = None,
        order: RowOrder | None = None,
    ) -> list[JsonObject]:
        found = self._matching(self._table(tenant_id, table), where)
        if order is not None:
            self._check_column(self._table(tenant_id, table), order.column)
            column = order.column
            found.sort(key=lambda row: _sort_key(row[column]), reverse=order.is_descending)
        return [dict(row) for row in found[:limit]]

    async def insert_rows(
        self, tenant_id: TenantId, table: str, rows: Sequence[JsonObject]
    ) -> list[JsonObject]:
        target = self._table(tenant_id, table)
        checked = [self._checked(target, row) for row in rows]
        return [dict(self._insert(target, row)) for row in checked]

    async def update_rows(
        self, tenant_id: TenantId, table: str, where: RowFilter, values: JsonObject
    ) -> list[JsonObject]:
        target = self._table(tenant_id, table)
        checked = self._checked(target, values)
        found = self._matching(target, where)
        for row in found:
            row.update(checked, updatedAt=self._now())
        return [dict(row) for row in found]

    async def upsert_row(
        self, tenant_id: TenantId, table: str, where: RowFilter, values: JsonObject
    ) -> list[JsonObject]:
        updated = await self.update_rows(tenant_id, table, where, values)
        return updated or await self.insert_rows(tenant_id, table, [values])

    async def delete_rows(
        self, tenant_id: TenantId, table: str, where: RowFilter
    ) -> list[JsonObject]:
        target = self._table(tenant_id, table)
        found = self._matching(target, where)
        target.rows = [row for row in target.rows if row not in found]
        return [dict(row) for row in found]

    def _table(self, tenant_id: TenantId, name: str) -> _Table:
        found = self._tables.get((tenant_id, name))
        if found is None:
            raise NotFound(f"There is no data table {name!r}.")
        return found

    def _now(self) -> str:
        moment = self._clock.now() if self._clock else datetime(2026, 1, 1, tzinfo=UTC)
        return write_date(moment)

    def _insert(self, table: _Table, row: JsonObject) -> JsonObject:
        table.last_id += 1
        now = self._now()
        empty = dict.fromkeys(table.columns)
        stored = {"id": table.last_id, **empty, **row, "createdAt": now, "updatedAt": now}
        table.rows.append(stored)
        return stored

    def _checked(self, table: _Table, row: JsonObject) -> JsonObject:
        return convert_cells(table.columns, row)

    def _check_column(self, table: _Table, name: str) -> ColumnType:
        kind = table.columns.get(name) or SYSTEM_COLUMNS.get(name)
        if kind is None:
            raise InvalidInput(f"There is no column {name!r}.")
        return kind

    def _matching(self, table: _Table, where: RowFilter) -> list[JsonObject]:
        tests = []
        for condition in where.conditions:
            kind = self._check_column(table, condition.column)
            _check(condition, kind)
            tests.append((condition, kind))
        decide = any if where.match == "anyCondition" else all
        return [
            row
            for row in table.rows
            if not tests or decide(_holds(row, condition, kind) for condition, kind in tests)
        ]


def _holds(row: JsonObject, condition: Condition, kind: ColumnType) -> bool:
    actual = row[condition.column]
    name = condition.condition
    if name in ("isEmpty", "isNotEmpty"):
        return (actual is None or actual == "") == (name == "isEmpty")
    if name in ("isTrue", "isFalse"):
        return actual is (name == "isTrue")
    wanted = condition.value if name in ("like", "ilike") else _wanted(condition, kind)
    if name in ("eq", "neq"):
        return (actual == wanted) == (name == "eq")
    if actual is None:
        return False
    if name in ("like", "ilike"):
        return _like(str(actual), str(wanted), is_lenient=name == "ilike")
    return {
        "gt": actual > wanted,
        "gte": actual >= wanted,
        "lt": actual < wanted,
        "lte": actual <= wanted,
    }[name]


def _check(condition: Condition, kind: ColumnType) -> None:
    name, value = condition.condition, condition.value
    is_refused = (
        name in ("like", "ilike") and (kind != "string" or not isinstance(value, str))
    ) or (name in ("gt", "gte", "lt", "lte") and (value is None or kind == "boolean"))
    if is_refused:
        raise InvalidInput(f"{name} does not work with {value!r} on a {kind} column.")
    if name not in ("isEmpty", "isNotEmpty", "isTrue", "isFalse", "like", "ilike"):
        _wanted(condition, kind)


def _wanted(condition: Condition, kind: ColumnType) -> JsonValue:
    try:
        return convert_value(kind, condition.value)
    except ValueError as error:
        raise InvalidInput(str(error)) from error


def _like(text: str, pattern: str, *, is_lenient: bool) -> bool:
    """Match as n8n does: ``%`` is the only wildcard, and a text without one may be anywhere."""
    parts = (pattern if "%" in pattern else f"%{pattern}%").split("%")
    flags = re.DOTALL | (re.IGNORECASE if is_lenient else re.NOFLAG)
    return re.fullmatch(".*".join(map(re.escape, parts)), text, flags) is not None


def _sort_key(value: JsonValue) -> tuple[bool, JsonValue]:
    return (value is not None, value if value is not None else 0)
