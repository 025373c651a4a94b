"""Data tables in memory, behaving as the port says.

Owns nothing but dictionaries; the contract suite that real implementations pass, it passes too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from appliance.domain.ids import TenantId
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import InvalidInput, NotFound
from appliance.ports.clock import Clock
from appliance.ports.data_tables import Column, ColumnType, Condition, RowFilter, RowOrder

SYSTEM_COLUMNS: dict[str, ColumnType] = {"id": "number", "createdAt": "date", "updatedAt": "date"}


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
        table = self._tables.setdefault((tenant_id, name), _Table())
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
        return _rfc3339(moment)

    def _insert(self, table: _Table, row: JsonObject) -> JsonObject:
        table.last_id += 1
        now = self._now()
        empty = dict.fromkeys(table.columns)
        stored = {"id": table.last_id, **empty, **row, "createdAt": now, "updatedAt": now}
        table.rows.append(stored)
        return stored

    def _checked(self, table: _Table, row: JsonObject) -> JsonObject:
        for name in row:
            if name not in table.columns:
                raise InvalidInput(f"There is no column {name!r}.")
        return {name: _cell(name, table.columns[name], value) for name, value in row.items()}

    def _check_column(self, table: _Table, name: str) -> ColumnType:
        kind = table.columns.get(name) or SYSTEM_COLUMNS.get(name)
        if kind is None:
            raise InvalidInput(f"There is no column {name!r}.")
        return kind

    def _matching(self, table: _Table, where: RowFilter) -> list[JsonObject]:
        tests = []
        for condition in where.conditions:
            kind = self._check_column(table, condition.column)
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
    if name == "isEmpty":
        return actual is None or (kind == "string" and actual == "")
    if name == "isNotEmpty":
        return not (actual is None or (kind == "string" and actual == ""))
    if name in ("isTrue", "isFalse"):
        return actual is (name == "isTrue")
    wanted = _cell(condition.column, kind, condition.value)
    if name in ("eq", "neq"):
        return (actual == wanted) == (name == "eq")
    if name in ("like", "ilike"):
        return actual is not None and _like(str(actual), str(wanted), is_lenient=name == "ilike")
    if actual is None or wanted is None:
        return False
    return {
        "gt": actual > wanted,
        "gte": actual >= wanted,
        "lt": actual < wanted,
        "lte": actual <= wanted,
    }[name]


def _like(text: str, pattern: str, *, is_lenient: bool) -> bool:
    wild = {"%": ".*", "_": "."}
    source = "".join(wild.get(letter, re.escape(letter)) for letter in pattern)
    flags = re.DOTALL | (re.IGNORECASE if is_lenient else re.NOFLAG)
    return re.fullmatch(source, text, flags) is not None


def _cell(name: str, kind: ColumnType, value: JsonValue) -> JsonValue:
    """Return the value as its column holds it: as n8n does, from text too where it reads as one."""
    if value is None:
        return None
    problem = InvalidInput(f"{value!r} does not fit the {kind} column {name!r}.")
    if kind == "string":
        return value if isinstance(value, str) else _text(value)
    if kind == "number":
        return _number(value, problem)
    if kind == "boolean":
        known = {"true": True, "false": False, "1": True, "0": False}
        word = str(value).lower()
        if word not in known:
            raise problem
        return known[word]
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise problem from None
    return _rfc3339(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _text(value: JsonValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: JsonValue, problem: InvalidInput) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise problem from None
    return int(number) if number.is_integer() else number


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _sort_key(value: JsonValue) -> tuple[bool, JsonValue]:
    return (value is not None, value if value is not None else 0)
