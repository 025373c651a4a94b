"""Tenants' data tables in the database: orders, stock, bookings.

Owns the rows of ``data_tables`` and ``data_table_rows``, each operation in one transaction; values
are judged by ``appliance.domain.data_table``, filters built in ``data_table_filters``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, bindparam, delete, insert, select, update

from appliance.domain.data_table import (
    Column,
    check_columns,
    convert_cells,
)
from appliance.domain.ids import TenantId, new_id
from appliance.domain.json_types import JsonObject
from appliance.errors import FieldError, InvalidInput
from appliance.ports.clock import Clock
from appliance.ports.data_tables import RowFilter, RowOrder
from appliance.storage.data_table_filters import build_order, build_where
from appliance.storage.data_table_lookup import (
    FoundTable,
    build_row,
    check_table_name,
    find_row_time,
    find_tables,
    load_table,
)
from appliance.storage.tables import data_table_rows, data_tables
from appliance.storage.transactions import Transactions

_rows = data_table_rows.c


class StoredDataTables:
    """Implements ``DataTables``; see there for what each method promises."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def ensure_table(self, tenant_id: TenantId, name: str, columns: Sequence[Column]) -> None:
        """Create the table, or add the columns it lacks; never removes anything."""
        check_columns(columns)
        check_table_name(name)
        now = self._clock.now()
        await self._transactions.write(
            lambda connection: _ensure_table(connection, tenant_id, name, columns, now)
        )

    async def list_tables(self, tenant_id: TenantId) -> dict[str, list[Column]]:
        """Return the tenant's tables and their columns, by name."""
        query = (
            select(data_tables.c.name, data_tables.c.columns)
            .where(data_tables.c.tenant_id == tenant_id)
            .order_by(data_tables.c.name)
        )
        rows = await self._transactions.read(lambda connection: connection.execute(query).all())
        return {name: msgspec.convert(columns, list[Column]) for name, columns in rows}

    async def get_rows(
        self,
        tenant_id: TenantId,
        table: str,
        where: RowFilter,
        *,
        limit: int | None = None,
        order: RowOrder | None = None,
    ) -> list[JsonObject]:
        """Return the matching rows; ``limit=None`` means all."""

        def read(connection: Connection) -> list[JsonObject]:
            found = load_table(connection, tenant_id, table)
            return _select_rows(connection, found, where, limit=limit, order=order)

        return await self._transactions.read(read)

    async def insert_rows(
        self, tenant_id: TenantId, table: str, rows: Sequence[JsonObject]
    ) -> list[JsonObject]:
        """Insert all rows in one transaction and return them as stored; absent columns are null."""
        now = find_row_time(self._clock)

        def write(connection: Connection) -> list[JsonObject]:
            return _insert_rows(connection, load_table(connection, tenant_id, table), rows, now)

        return await self._transactions.write(write)

    async def update_rows(
        self, tenant_id: TenantId, table: str, where: RowFilter, values: JsonObject
    ) -> list[JsonObject]:
        """Set ``values`` on every matching row and return the rows as they are now."""
        now = find_row_time(self._clock)

        def write(connection: Connection) -> list[JsonObject]:
            found = load_table(connection, tenant_id, table)
            return _update_rows(connection, found, where, values, now)

        return await self._transactions.write(write)

    async def upsert_row(
        self, tenant_id: TenantId, table: str, where: RowFilter, values: JsonObject
    ) -> list[JsonObject]:
        """Update the matching rows, or insert ``values`` when none matches, in one transaction."""
        now = find_row_time(self._clock)

        def write(connection: Connection) -> list[JsonObject]:
            found = load_table(connection, tenant_id, table)
            updated = _update_rows(connection, found, where, values, now)
            return updated or _insert_rows(connection, found, [values], now)

        return await self._transactions.write(write)

    async def delete_rows(
        self, tenant_id: TenantId, table: str, where: RowFilter
    ) -> list[JsonObject]:
        """Delete the matching rows and return them as they were."""

        def write(connection: Connection) -> list[JsonObject]:
            found = load_table(connection, tenant_id, table)
            deleted = _select_rows(connection, found, where)
            condition = _matching(found, where)
            connection.execute(delete(data_table_rows).where(*condition))
            return deleted

        return await self._transactions.write(write)


def _ensure_table(
    connection: Connection, tenant_id: TenantId, name: str, columns: Sequence[Column], now: datetime
) -> None:
    found = next(iter(find_tables(connection, tenant_id, data_tables.c.name == name)), None)
    if found is None:
        connection.execute(
            insert(data_tables).values(
                id=new_id(),
                tenant_id=tenant_id,
                name=name,
                columns=msgspec.to_builtins(list(columns)),
                last_row_id=0,
                created_at=now,
            )
        )
        return
    types = found.own_types
    clashes = [column for column in columns if types.get(column.name, column.type) != column.type]
    if clashes:
        raise InvalidInput(
            f"The table {name!r} has these columns with another type.",
            errors=[FieldError(c.name, f"It is of type {types[c.name]}.") for c in clashes],
        )
    new = [column for column in columns if column.name not in types]
    titles = {column.name: column.titles for column in columns}
    known = [
        replace(column, titles=column.titles or titles.get(column.name, {}))
        for column in found.columns
    ]
    if [*known, *new] != found.columns:
        connection.execute(
            update(data_tables)
            .where(*found.itself)
            .values(columns=msgspec.to_builtins([*known, *new]))
        )


def _matching(table: FoundTable, where: RowFilter) -> list[ColumnElement[bool]]:
    return [
        *table.rows,
        build_where(where, table.all_types),
    ]


def _select_rows(
    connection: Connection,
    table: FoundTable,
    where: RowFilter,
    *,
    limit: int | None = None,
    order: RowOrder | None = None,
) -> list[JsonObject]:
    query = (
        select(_rows.row_id, _rows.cells, _rows.created_at, _rows.updated_at)
        .where(*_matching(table, where))
        .order_by(*build_order(order or RowOrder(), table.all_types))
        .limit(limit)
    )
    return [build_row(table, *row) for row in connection.execute(query)]


def _insert_rows(
    connection: Connection, table: FoundTable, rows: Sequence[JsonObject], now: datetime
) -> list[JsonObject]:
    types = table.own_types
    stored = [convert_cells(types, row) for row in rows]
    if not stored:
        return []
    connection.execute(
        update(data_tables).where(*table.itself).values(last_row_id=table.last_row_id + len(stored))
    )
    numbered = list(enumerate(stored, start=table.last_row_id + 1))
    connection.execute(
        insert(data_table_rows),
        [
            {
                "table_id": table.id,
                "row_id": row_id,
                "tenant_id": table.tenant_id,
                "cells": cells,
                "created_at": now,
                "updated_at": now,
            }
            for row_id, cells in numbered
        ],
    )
    return [build_row(table, row_id, cells, now, now) for row_id, cells in numbered]


def _update_rows(
    connection: Connection, table: FoundTable, where: RowFilter, values: JsonObject, now: datetime
) -> list[JsonObject]:
    changes = convert_cells(table.own_types, values)
    query = select(_rows.row_id, _rows.cells, _rows.created_at).where(*_matching(table, where))
    found = connection.execute(query.order_by(_rows.row_id)).all()
    if not found:
        return []
    changed: list[dict[str, Any]] = [
        {"changed_id": row_id, "cells": {**cells, **changes}, "updated_at": now}
        for row_id, cells, _ in found
    ]
    connection.execute(
        update(data_table_rows).where(
            *table.rows,
            _rows.row_id == bindparam("changed_id"),
        ),
        changed,
    )
    return [
        build_row(table, row.row_id, change["cells"], row.created_at, now)
        for row, change in zip(found, changed, strict=True)
    ]
