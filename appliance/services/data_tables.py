"""A tenant's data tables, as operators keep them: columns, rows, CSV in and out.

Owns what an operator may do with them; what workflows do is ``appliance.ports.data_tables``.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct

from appliance.domain.data_table import Column
from appliance.domain.ids import TenantId
from appliance.domain.json_types import JsonObject
from appliance.domain.tenant import Tenant
from appliance.errors import FieldError, InvalidInput, NotFound
from appliance.ports.data_table_editor import ImportCounts, ImportMode, TableEditor, TableInfo
from appliance.ports.data_tables import Condition, DataTables, RowFilter
from appliance.ports.repositories import Page
from appliance.services.csv_reading import Delimiter, Encoding, open_csv
from appliance.services.csv_text import write_csv
from appliance.services.csv_values import DateOrder, DecimalSign, Habits
from appliance.services.table_import import ID, ColumnChoices, read_rows

_EXPORT_PART: Final = 1_000
_ROW_ID: Final = re.compile(r"[0-9]{1,18}")


class ImportChoice(Struct, frozen=True, kw_only=True):
    """How a CSV file is read and what becomes of the rows there; ``None``: as the file tells."""

    mode: ImportMode = "append"
    key: str = ""
    columns: ColumnChoices = {}
    encoding: Encoding = "utf-8"
    delimiter: Delimiter | None = None
    decimal_sign: DecimalSign | None = None
    date_order: DateOrder | None = None


class DataTableService:
    """Keeps data tables for operators."""

    def __init__(self, *, editor: TableEditor, tables: DataTables) -> None:
        self.editor = editor
        self._tables = tables
        self._importing = asyncio.Lock()

    async def list_rows(
        self, tenant_id: TenantId, table_id: str, *, text: str, limit: int, cursor: str | None
    ) -> Page[JsonObject]:
        """Return rows by id that have ``text`` in a cell.

        Raises:
            InvalidInput: ``cursor`` was not made by this method.
        """
        if cursor is not None and _ROW_ID.fullmatch(cursor) is None:
            raise InvalidInput(
                "This list cannot be continued from there.",
                errors=[
                    FieldError("cursor", "Give the next_cursor of the page before, unchanged.")
                ],
            )
        rows = await self.editor.list_rows(
            tenant_id, table_id, text=text, limit=limit + 1, after=int(cursor or 0)
        )
        items = rows[:limit]
        return Page(items=items, next_cursor=str(items[-1][ID]) if len(rows) > limit else None)

    async def add_row(self, tenant_id: TenantId, table_id: str, cells: JsonObject) -> JsonObject:
        """Add a row and return it as stored."""
        table = await self.editor.get_table(tenant_id, table_id)
        (row,) = await self._tables.insert_rows(tenant_id, table.name, [cells])
        return row

    async def change_row(
        self, tenant_id: TenantId, table_id: str, row_id: int, cells: JsonObject
    ) -> JsonObject:
        """Change the given cells of a row and return it as it is now.

        Raises:
            NotFound: The table has no such row.
        """
        table = await self.editor.get_table(tenant_id, table_id)
        rows = await self._tables.update_rows(tenant_id, table.name, _of_id(row_id), cells)
        return _one(rows, row_id)

    async def delete_row(self, tenant_id: TenantId, table_id: str, row_id: int) -> None:
        """Remove a row.

        Raises:
            NotFound: The table has no such row.
        """
        table = await self.editor.get_table(tenant_id, table_id)
        _one(await self._tables.delete_rows(tenant_id, table.name, _of_id(row_id)), row_id)

    async def change_column(
        self, tenant_id: TenantId, table_id: str, name: str, changes: Mapping[str, Any]
    ) -> TableInfo:
        """Change the fields of a column that are set; see ``TableEditor.change_column``."""
        table = await self.editor.get_table(tenant_id, table_id)
        known = next((column for column in table.columns if column.name == name), Column(name=name))
        given = {field: value for field, value in changes.items() if value is not UNSET}
        return await self.editor.change_column(
            tenant_id, table_id, name, msgspec.structs.replace(known, **given)
        )

    async def import_csv(
        self, tenant: Tenant, table_id: str, content: bytes, choice: ImportChoice
    ) -> ImportCounts:
        """Put the rows of a CSV file into the table, all of them or none; one file at a time.

        Raises:
            InvalidInput: The file does not fit; names lines and columns.
        """
        async with self._importing:
            table = await self.editor.get_table(tenant.id, table_id)
            file = await asyncio.to_thread(
                open_csv, content, encoding=choice.encoding, delimiter=choice.delimiter
            )
            is_told = file.delimiter != "semicolon"
            is_english = tenant.language.split("-")[0] == "en"
            rows = await asyncio.to_thread(
                read_rows,
                file,
                table.columns,
                mode=choice.mode,
                key=choice.key,
                choices=choice.columns,
                habits=Habits(
                    decimal_sign=choice.decimal_sign or ("point" if is_told else None),
                    date_order=choice.date_order or (None if is_english else "day_first"),
                    time_zone=tenant.time_zone,
                ),
            )
            return await self.editor.import_rows(
                tenant.id, table, rows, mode=choice.mode, key=choice.key
            )

    async def export_csv(
        self, tenant_id: TenantId, table: TableInfo, *, language: str = ""
    ) -> AsyncIterator[bytes]:
        """Yield the table as CSV, ids first, part by part; an import of it gives the same rows.

        Headers are the columns' names, or their titles in ``language`` where they have one.
        """
        names = [ID, *(column.name for column in table.columns)]
        headers = [ID, *(column.titles.get(language, column.name) for column in table.columns)]
        yield write_csv([headers], has_mark=True)
        after = 0
        while rows := await self.editor.list_rows(
            tenant_id, table.id, limit=_EXPORT_PART, after=after
        ):
            after = rows[-1][ID]
            yield write_csv([[_write_cell(row.get(name)) for name in names] for row in rows])


def _write_cell(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def _of_id(row_id: int) -> RowFilter:
    return RowFilter(conditions=(Condition(column=ID, value=row_id),))


def _one(rows: list[JsonObject], row_id: int) -> JsonObject:
    for row in rows:
        return row
    raise NotFound(f"The table has no row {row_id}.", code="row_not_found")
