"""Finding data tables in a transaction, and their rows in the form everybody gets them.

Owns what the stores of workflows' rows and of operators' changes share.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, select

from appliance.domain.data_table import SYSTEM_COLUMNS, Column, ColumnType, write_date
from appliance.domain.ids import TenantId
from appliance.domain.json_types import JsonObject
from appliance.errors import FieldError, InvalidInput, NotFound
from appliance.ports.clock import Clock
from appliance.storage.repositories.rows import build, columns_for
from appliance.storage.tables import data_table_rows, data_tables

MAX_NAME_LENGTH = 128


class FoundTable(Struct, frozen=True):
    """A data table as a transaction finds it."""

    id: str
    tenant_id: TenantId
    name: str
    columns: list[Column]
    last_row_id: int
    created_at: datetime

    @property
    def own_types(self) -> dict[str, ColumnType]:
        """Types of the table's own columns, by name."""
        return {column.name: column.type for column in self.columns}

    @property
    def all_types(self) -> dict[str, ColumnType]:
        """Types of all columns, by name."""
        return {"id": "number", **self.own_types, **SYSTEM_COLUMNS}

    @property
    def rows(self) -> tuple[ColumnElement[bool], ...]:
        """The condition of rows that are this table's."""
        columns = data_table_rows.c
        return columns.tenant_id == self.tenant_id, columns.table_id == self.id

    @property
    def itself(self) -> tuple[ColumnElement[bool], ...]:
        """The condition of this table's own row."""
        return data_tables.c.tenant_id == self.tenant_id, data_tables.c.id == self.id


def find_tables(
    connection: Connection, tenant_id: TenantId, *conditions: ColumnElement[bool]
) -> list[FoundTable]:
    """Return the tenant's tables that fit."""
    query = select(*columns_for(FoundTable, data_tables)).where(
        data_tables.c.tenant_id == tenant_id, *conditions
    )
    return [build(FoundTable, row) for row in connection.execute(query)]


def load_table_by_id(connection: Connection, tenant_id: TenantId, table_id: str) -> FoundTable:
    """Return the tenant's table of this id.

    Raises:
        NotFound: There is none.
    """
    for found in find_tables(connection, tenant_id, data_tables.c.id == table_id):
        return found
    raise NotFound(f"There is no data table {table_id!r}.", code="table_not_found")


def load_table(connection: Connection, tenant_id: TenantId, name: str) -> FoundTable:
    """Return the tenant's table of this name.

    Raises:
        NotFound: There is none.
    """
    for found in find_tables(connection, tenant_id, data_tables.c.name == name):
        return found
    raise NotFound(f"There is no data table {name!r}.")


def check_table_name(name: str) -> None:
    """Refuse a name that no table can have.

    Raises:
        InvalidInput: Names ``name``.
    """
    if not 0 < len(name.strip()) <= len(name) <= MAX_NAME_LENGTH or "\0" in name:
        raise InvalidInput(
            "This name cannot be given to a table.",
            errors=[FieldError("name", f"Give 1 to {MAX_NAME_LENGTH} characters.")],
        )


def find_row_time(clock: Clock) -> datetime:
    """Return the time as rows hold it, in whole milliseconds."""
    now = clock.now()
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def build_row(
    table: FoundTable, row_id: int, cells: JsonObject, created_at: datetime, updated_at: datetime
) -> JsonObject:
    """Return a row as ``DataTables`` promises it."""
    return {
        "id": row_id,
        **{column.name: cells.get(column.name) for column in table.columns},
        "createdAt": write_date(created_at),
        "updatedAt": write_date(updated_at),
    }
