"""A tenant's data tables and their columns, for operators.

Owns the routes and who may use them; the rules are in ``appliance.services.data_tables``.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Controller, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Meta, Struct, UnsetType

from appliance.domain.data_table import Column, ColumnType
from appliance.ports.data_table_editor import TableInfo
from appliance.services.audit import Auditor
from appliance.services.data_tables import DataTableService
from appliance.services.login import Operator
from appliance.services.tenants import TenantService
from appliance.web.guards import require_tenant

Titles = dict[
    Annotated[str, Meta(min_length=2, max_length=35)],
    Annotated[str, Meta(min_length=1, max_length=100)],
]


class NewColumn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A column to be made; ``titles`` are its names by language, for the headers of files."""

    name: str
    type: ColumnType = "string"
    titles: Titles = {}


class ColumnChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What becomes of a column; absent fields stay."""

    name: str | UnsetType = UNSET
    type: ColumnType | UnsetType = UNSET
    titles: Titles | UnsetType = UNSET


class NewTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table to be made."""

    name: str
    columns: list[NewColumn] = []


class TableChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another name for a table."""

    name: str


class TableList(Struct, frozen=True, kw_only=True):
    """All data tables of a tenant."""

    items: list[TableInfo]
    next_cursor: str | None = None


class DataTableController(Controller):
    """Routes under ``/api/admin/tenants/{id}/tables``: tables and their columns."""

    path = "/api/admin/tenants/{tenant_id:str}/tables"
    tags = ["data tables"]  # noqa: RUF012 -- Litestar reads this class attribute

    @get("/", summary="List a tenant's data tables")
    async def list_tables(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        tenants: NamedDependency[TenantService],
        data_tables: NamedDependency[DataTableService],
    ) -> TableList:
        """Return the tables by name, with their columns and how many rows they have."""
        tenant = await tenants.get(require_tenant(operator, tenant_id, "viewer"))
        return TableList(items=await data_tables.editor.list_tables(tenant.id))

    @post("/", status_code=201, summary="Make a data table")
    async def create_table(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        data: JSONBody[NewTable],
        tenants: NamedDependency[TenantService],
        data_tables: NamedDependency[DataTableService],
        auditor: NamedDependency[Auditor],
    ) -> TableInfo:
        """Make an empty table."""
        tenant = await tenants.get(require_tenant(operator, tenant_id, "operator"))
        columns = [build_column(column) for column in data.columns]
        table = await data_tables.editor.create_table(tenant.id, data.name, columns)
        await auditor.record(
            operator.username, "data_table.create", table.id, tenant_id=tenant.id, changes=data
        )
        return table

    @get("/{table_id:str}", summary="Read a data table")
    async def get_table(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        table_id: FromPath[str],
        data_tables: NamedDependency[DataTableService],
    ) -> TableInfo:
        """Return one table without its rows."""
        allowed = require_tenant(operator, tenant_id, "viewer")
        return await data_tables.editor.get_table(allowed, table_id)

    @patch("/{table_id:str}", summary="Rename a data table")
    async def rename_table(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        table_id: FromPath[str],
        data: JSONBody[TableChanges],
        data_tables: NamedDependency[DataTableService],
        auditor: NamedDependency[Auditor],
    ) -> TableInfo:
        """Give the table another name; workflows know it by its name."""
        allowed = require_tenant(operator, tenant_id, "operator")
        table = await data_tables.editor.rename_table(allowed, table_id, data.name)
        await auditor.record(
            operator.username, "data_table.change", table_id, tenant_id=allowed, changes=data
        )
        return table

    @delete("/{table_id:str}", status_code=204, summary="Remove a data table")
    async def delete_table(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        table_id: FromPath[str],
        data_tables: NamedDependency[DataTableService],
        auditor: NamedDependency[Auditor],
    ) -> None:
        """Remove the table with its rows."""
        allowed = require_tenant(operator, tenant_id, "operator")
        await data_tables.editor.delete_table(allowed, table_id)
        await auditor.record(operator.username, "data_table.delete", table_id, tenant_id=allowed)

    @post("/{table_id:str}/columns", status_code=201, summary="Add a column")
    async def add_column(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        table_id: FromPath[str],
        data: JSONBody[NewColumn],
        data_tables: NamedDependency[DataTableService],
        auditor: NamedDependency[Auditor],
    ) -> TableInfo:
        """Add a column, empty in every row."""
        allowed = require_tenant(operator, tenant_id, "operator")
        table = await data_tables.editor.add_column(allowed, table_id, build_column(data))
        await auditor.record(
            operator.username, "data_table.add_column", table_id, tenant_id=allowed, changes=data
        )
        return table

    @patch("/{table_id:str}/columns/{column:str}", summary="Change a column")
    async def change_column(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        table_id: FromPath[str],
        column: FromPath[str],
        data: JSONBody[ColumnChanges],
        data_tables: NamedDependency[DataTableService],
        auditor: NamedDependency[Auditor],
    ) -> TableInfo:
        """Change name, type or titles; values that do not fit the new type are named by row."""
        allowed = require_tenant(operator, tenant_id, "operator")
        table = await data_tables.change_column(
            allowed, table_id, column, msgspec.structs.asdict(data)
        )
        await auditor.record(
            operator.username,
            "data_table.change_column",
            table_id,
            tenant_id=allowed,
            changes={"column": column, "changes": msgspec.to_builtins(data)},
        )
        return table

    @delete("/{table_id:str}/columns/{column:str}", status_code=200, summary="Remove a column")
    async def drop_column(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        table_id: FromPath[str],
        column: FromPath[str],
        data_tables: NamedDependency[DataTableService],
        auditor: NamedDependency[Auditor],
    ) -> TableInfo:
        """Remove a column with its values in every row."""
        allowed = require_tenant(operator, tenant_id, "operator")
        table = await data_tables.editor.drop_column(allowed, table_id, column)
        await auditor.record(
            operator.username,
            "data_table.drop_column",
            table_id,
            tenant_id=allowed,
            changes={"column": column},
        )
        return table


def build_column(new: NewColumn) -> Column:
    """Return the column that a body describes."""
    return Column(name=new.name, type=new.type, titles=new.titles)
