"""What an operator does with a tenant's data tables: their columns, looking at rows, imports.

Owns the port; what workflows do with rows is ``appliance.ports.data_tables``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from msgspec import Raw, Struct

from appliance.domain.data_table import Column
from appliance.domain.ids import TenantId
from appliance.domain.json_types import JsonObject, JsonValue

ImportMode = Literal["append", "replace", "update"]


class TableInfo(Struct, frozen=True, kw_only=True):
    """A data table without its rows."""

    id: str
    name: str
    columns: list[Column]
    row_count: int
    created_at: datetime


class ImportedRow(Struct, frozen=True, kw_only=True):
    """A row of a file: its first line there, and its cells as JSON, of their columns' types.

    ``key`` is the value of the column by which rows are updated, as that column stores it.
    """

    line: int
    cells: Raw
    key: JsonValue = None


class ImportCounts(Struct, frozen=True, kw_only=True):
    """What an import did to the rows of a table."""

    added: int = 0
    changed: int = 0
    removed: int = 0


class TableEditor(Protocol):
    """Changes a tenant's data tables; each method in one transaction.

    Every method raises ``NotFound`` for a table or column that the tenant does not have. A table's
    name is unique in the tenant in any letter case, as workflows look it up.
    """

    async def list_tables(self, tenant_id: TenantId) -> list[TableInfo]:
        """Return the tenant's tables by name."""
        ...

    async def get_table(self, tenant_id: TenantId, table_id: str) -> TableInfo:
        """Return one table."""
        ...

    async def create_table(
        self, tenant_id: TenantId, name: str, columns: Sequence[Column]
    ) -> TableInfo:
        """Make an empty table.

        Raises:
            InvalidInput: A name cannot be given.
            Conflict: There is a table of this name.
        """
        ...

    async def rename_table(self, tenant_id: TenantId, table_id: str, name: str) -> TableInfo:
        """Give the table another name; raises as ``create_table`` does."""
        ...

    async def delete_table(self, tenant_id: TenantId, table_id: str) -> None:
        """Remove the table with its rows."""
        ...

    async def add_column(self, tenant_id: TenantId, table_id: str, column: Column) -> TableInfo:
        """Add a column, empty in every row.

        Raises:
            InvalidInput: The name cannot be given.
            Conflict: There is a column of this name.
        """
        ...

    async def change_column(
        self, tenant_id: TenantId, table_id: str, name: str, column: Column
    ) -> TableInfo:
        """Make the column ``name`` what ``column`` says, with its values in every row.

        Raises:
            InvalidInput: The name cannot be given, or values do not fit the new type; names rows.
            Conflict: There is another column of the new name.
        """
        ...

    async def drop_column(self, tenant_id: TenantId, table_id: str, name: str) -> TableInfo:
        """Remove a column with its values in every row."""
        ...

    async def list_rows(
        self, tenant_id: TenantId, table_id: str, *, text: str = "", limit: int, after: int = 0
    ) -> list[JsonObject]:
        """Return up to ``limit`` rows by id, of ids above ``after``, that have ``text`` in a cell.

        Rows have the shape that ``DataTables`` gives them.
        """
        ...

    async def import_rows(
        self,
        tenant_id: TenantId,
        table: TableInfo,
        rows: Sequence[ImportedRow],
        *,
        mode: ImportMode,
        key: str = "",
    ) -> ImportCounts:
        """Add the rows, put them in place of all rows, or update rows that have the same key.

        By a key, all rows of the table that have it change in the columns that the file has; a row
        whose key is not in the table is added. A key that is ``id`` must be there, or null.

        Args:
            tenant_id: Whose table it is.
            table: The table for which the cells were made.
            rows: In the order of the file.
            mode: What becomes of the rows that are there.
            key: The column for ``update``.

        Raises:
            InvalidInput: An ``id`` is not in the table; names its line.
            Conflict: The table's columns have changed since ``table`` was read.
        """
        ...
