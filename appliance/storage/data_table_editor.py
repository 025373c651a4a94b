"""Operators' changes to data tables: their names and columns, and looking at rows.

Owns what becomes of rows when a column changes; imports are carried out by ``data_table_import``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    Connection,
    RowMapping,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from appliance.domain.data_table import Column, ColumnType, check_columns, convert_value
from appliance.domain.ids import TenantId, new_id
from appliance.domain.json_types import JsonObject
from appliance.errors import Conflict, FieldError, InvalidInput, NotFound
from appliance.ports.clock import Clock
from appliance.ports.data_table_editor import ImportCounts, ImportedRow, ImportMode, TableInfo
from appliance.storage.data_table_filters import ROW_ID
from appliance.storage.data_table_import import import_rows
from appliance.storage.data_table_lookup import (
    FoundTable,
    build_row,
    check_table_name,
    find_row_time,
    find_tables,
    load_table_by_id,
)
from appliance.storage.tables import data_table_rows, data_tables
from appliance.storage.transactions import Transactions

_MAX_ERRORS = 20
_PART = 2_000
_rows = data_table_rows.c


class StoredTableEditor:
    """Implements ``TableEditor``; see there for what each method promises."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def list_tables(self, tenant_id: TenantId) -> list[TableInfo]:
        """Return the tenant's tables by name."""

        def read(connection: Connection) -> list[TableInfo]:
            count = select(_rows.table_id, func.count()).where(_rows.tenant_id == tenant_id)
            listed = connection.execute(count.group_by(_rows.table_id))
            counts: dict[str, int] = {row[0]: row[1] for row in listed}
            return [
                _build_info(found, counts.get(found.id, 0))
                for found in sorted(
                    find_tables(connection, tenant_id), key=lambda found: found.name.casefold()
                )
            ]

        return await self._transactions.read(read)

    async def get_table(self, tenant_id: TenantId, table_id: str) -> TableInfo:
        """Return one table."""
        return await self._transactions.read(
            lambda connection: _load_info(connection, tenant_id, table_id)
        )

    async def create_table(
        self, tenant_id: TenantId, name: str, columns: Sequence[Column]
    ) -> TableInfo:
        """Make an empty table."""
        check_table_name(name)
        check_columns(columns)
        table_id, now = new_id(), self._clock.now()

        def write(connection: Connection) -> TableInfo:
            _check_free(connection, tenant_id, name)
            connection.execute(
                insert(data_tables).values(
                    id=table_id,
                    tenant_id=tenant_id,
                    name=name,
                    columns=msgspec.to_builtins(list(columns)),
                    last_row_id=0,
                    created_at=now,
                )
            )
            return _load_info(connection, tenant_id, table_id)

        return await self._transactions.write(write)

    async def rename_table(self, tenant_id: TenantId, table_id: str, name: str) -> TableInfo:
        """Give the table another name."""
        check_table_name(name)

        def write(connection: Connection) -> TableInfo:
            found = load_table_by_id(connection, tenant_id, table_id)
            _check_free(connection, tenant_id, name, except_id=table_id)
            connection.execute(update(data_tables).where(*found.itself).values(name=name))
            return _load_info(connection, tenant_id, table_id)

        return await self._transactions.write(write)

    async def delete_table(self, tenant_id: TenantId, table_id: str) -> None:
        """Remove the table with its rows."""

        def write(connection: Connection) -> None:
            found = load_table_by_id(connection, tenant_id, table_id)
            connection.execute(delete(data_table_rows).where(*found.rows))
            connection.execute(delete(data_tables).where(*found.itself))

        await self._transactions.write(write)

    async def add_column(self, tenant_id: TenantId, table_id: str, column: Column) -> TableInfo:
        """Add a column, empty in every row."""

        def change(found: FoundTable) -> list[Column]:
            _check_new(found, column.name)
            return [*found.columns, column]

        return await self._change_columns(tenant_id, table_id, change)

    async def change_column(
        self, tenant_id: TenantId, table_id: str, name: str, column: Column
    ) -> TableInfo:
        """Make the column ``name`` what ``column`` says, with its values in every row."""

        def change(found: FoundTable) -> list[Column]:
            _check_known(found, name)
            if column.name != name:
                _check_new(found, column.name)
            return [column if known.name == name else known for known in found.columns]

        def convert(cells: JsonObject) -> JsonObject:
            return {
                column.name if key == name else key: (
                    convert_value(column.type, value) if key == name else value
                )
                for key, value in cells.items()
            }

        return await self._change_columns(tenant_id, table_id, change, name, convert)

    async def drop_column(self, tenant_id: TenantId, table_id: str, name: str) -> TableInfo:
        """Remove a column with its values in every row."""

        def change(found: FoundTable) -> list[Column]:
            _check_known(found, name)
            return [known for known in found.columns if known.name != name]

        def drop(cells: JsonObject) -> JsonObject:
            return {key: value for key, value in cells.items() if key != name}

        return await self._change_columns(tenant_id, table_id, change, name, drop)

    async def list_rows(
        self, tenant_id: TenantId, table_id: str, *, text: str = "", limit: int, after: int = 0
    ) -> list[JsonObject]:
        """Return up to ``limit`` rows by id, of ids above ``after``, that have ``text`` in it."""

        def read(connection: Connection) -> list[JsonObject]:
            found = load_table_by_id(connection, tenant_id, table_id)
            query = select(_rows.row_id, _rows.cells, _rows.created_at, _rows.updated_at).where(
                *found.rows, after < ROW_ID
            )
            if text:
                cells = (_rows.cells[column.name].as_string() for column in found.columns)
                pattern = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
                query = query.where(
                    or_(
                        False,
                        *(func.lower(cell).like(f"%{pattern}%", escape="\\") for cell in cells),
                    )
                )
            listed = connection.execute(query.order_by(_rows.row_id).limit(limit))
            return [build_row(found, *row) for row in listed]

        return await self._transactions.read(read)

    async def import_rows(
        self,
        tenant_id: TenantId,
        table: TableInfo,
        rows: Sequence[ImportedRow],
        *,
        mode: ImportMode,
        key: str = "",
    ) -> ImportCounts:
        """Add the rows, put them in place of all rows, or update rows that have the same key."""
        now = find_row_time(self._clock)

        def write(connection: Connection) -> ImportCounts:
            found = load_table_by_id(connection, tenant_id, table.id)
            if found.own_types != {column.name: column.type for column in table.columns}:
                raise Conflict("The table's columns have just been changed; import again.")
            return import_rows(connection, found, rows, mode=mode, key=key, now=now)

        return await self._transactions.write(write)

    async def _change_columns(
        self,
        tenant_id: TenantId,
        table_id: str,
        change: Callable[[FoundTable], list[Column]],
        name: str = "",
        convert: Callable[[JsonObject], JsonObject] | None = None,
    ) -> TableInfo:
        """Give the table other columns, and its rows that have ``name`` what ``convert`` makes."""
        now = find_row_time(self._clock)

        def write(connection: Connection) -> TableInfo:
            found = load_table_by_id(connection, tenant_id, table_id)
            columns = change(found)
            check_columns(columns)
            connection.execute(
                update(data_tables)
                .where(*found.itself)
                .values(columns=msgspec.to_builtins(columns))
            )
            if convert is not None:
                _convert_rows(connection, found, name, convert, now)
            return _load_info(connection, tenant_id, table_id)

        return await self._transactions.write(write)


def _convert_rows(
    connection: Connection,
    table: FoundTable,
    name: str,
    convert: Callable[[JsonObject], JsonObject],
    now: datetime,
) -> None:
    """Give every row that has a cell ``name`` new cells, part by part."""
    errors: list[FieldError] = []
    after = 0
    query = select(_rows.row_id, _rows.cells).where(*table.rows, _rows.row_id > bindparam("after"))
    query = query.order_by(_rows.row_id).limit(_PART)
    while part := connection.execute(query, {"after": after}).mappings().all():
        after = part[-1]["row_id"]
        changed = [row for row in part if name in row["cells"]]
        converted = [_convert(row, convert, errors, now) for row in changed]
        if converted and not errors:
            connection.execute(
                update(data_table_rows).where(*table.rows, _rows.row_id == bindparam("changed_id")),
                converted,
            )
        if len(errors) >= _MAX_ERRORS:
            break
    if errors:
        raise InvalidInput(
            f"The values of the column {name!r} do not fit the new type; mend them first.",
            errors=errors[:_MAX_ERRORS],
        )


def _convert(
    row: RowMapping,
    convert: Callable[[JsonObject], JsonObject],
    errors: list[FieldError],
    now: datetime,
) -> dict[str, Any]:
    cells = row["cells"]
    try:
        cells = convert(cells)
    except ValueError as error:
        errors.append(FieldError(f"row {row['row_id']}", str(error)))
    return {"changed_id": row["row_id"], "cells": cells, "updated_at": now}


def _check_free(
    connection: Connection, tenant_id: TenantId, name: str, *, except_id: str = ""
) -> None:
    for found in find_tables(connection, tenant_id):
        if found.name.lower() == name.lower() and found.id != except_id:
            raise Conflict(
                f"There is a data table {found.name!r}. Give another name.", code="table_name_taken"
            )


def _check_known(table: FoundTable, name: str) -> ColumnType:
    known = table.own_types.get(name)
    if known is None:
        raise NotFound(
            f"The table has no column {name!r}; it has {sorted(table.own_types)}.",
            code="column_not_found",
        )
    return known


def _check_new(table: FoundTable, name: str) -> None:
    if name in table.own_types:
        raise Conflict(f"There is a column {name!r}. Give another name.", code="column_name_taken")


def _load_info(connection: Connection, tenant_id: TenantId, table_id: str) -> TableInfo:
    found = load_table_by_id(connection, tenant_id, table_id)
    count = select(func.count()).select_from(data_table_rows).where(*found.rows)
    return _build_info(found, connection.execute(count).scalar_one())


def _build_info(table: FoundTable, row_count: int) -> TableInfo:
    return TableInfo(
        id=table.id,
        name=table.name,
        columns=table.columns,
        row_count=row_count,
        created_at=table.created_at,
    )
