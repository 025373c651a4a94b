"""The tool catalogue and each tenant's choice from it, in the database.

Owns the rows of ``tools`` and ``tenant_tools``; how a tool runs is left to ``appliance.tools``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from appliance.domain.ids import TenantId, ToolId
from appliance.domain.tool import TenantTool, Tool
from appliance.errors import Conflict
from appliance.ports.repositories import Page
from appliance.storage.repositories.pages import read_cursor, select_page
from appliance.storage.repositories.rows import build, columns_for
from appliance.storage.tables import tenant_tools, tools
from appliance.storage.transactions import Transactions

_TOOL_COLUMNS = columns_for(Tool, tools)
_CHOICE_FIELDS = [field for field in TenantTool.__struct_fields__ if field != "tool"]
_CHOICE_COLUMNS = [tenant_tools.c[field] for field in _CHOICE_FIELDS]
_SELECT_CHOICES = select(*_CHOICE_COLUMNS, *_TOOL_COLUMNS).join(
    tools, tools.c.id == tenant_tools.c.tool_id
)


class StoredTools:
    """Implements ``ToolRepository``; see there for what each method promises."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def add(self, tool: Tool) -> None:
        """Store a new catalogue entry."""
        statement = insert(tools).values(**_tool_values(tool))

        def add(connection: Connection) -> None:
            try:
                connection.execute(statement)
            except IntegrityError as error:
                raise _name_taken(tool) from error

        await self._transactions.write(add)

    async def save(self, tool: Tool) -> None:
        """Replace the catalogue entry of the same id."""
        statement = _update_tool(tool)

        def save(connection: Connection) -> None:
            try:
                connection.execute(statement)
            except IntegrityError as error:
                raise _name_taken(tool) from error

        await self._transactions.write(save)

    async def put_all(self, entries: Sequence[Tool]) -> None:
        """Store catalogue entries, in place of those of the same ids; all of them or none."""

        def put(connection: Connection) -> None:
            for tool in entries:
                try:
                    if connection.execute(_update_tool(tool)).rowcount == 0:
                        connection.execute(insert(tools).values(**_tool_values(tool)))
                except IntegrityError as error:
                    raise _name_taken(tool) from error

        await self._transactions.write(put)

    async def get(self, tool_id: ToolId) -> Tool | None:
        """Return the catalogue entry."""
        return await self._find(select(*_TOOL_COLUMNS).where(tools.c.id == tool_id))

    async def find_by_name(self, tool_name: str) -> Tool | None:
        """Return the catalogue entry of this name."""
        return await self._find(select(*_TOOL_COLUMNS).where(tools.c.tool_name == tool_name))

    async def list_page(self, *, limit: int, cursor: str | None) -> Page[Tool]:
        """Return the catalogue by creation, oldest first."""
        after = None if cursor is None else read_cursor(cursor)
        query = select(*_TOOL_COLUMNS)
        return await self._transactions.read(
            lambda connection: select_page(
                connection, query, tools, _build_tool, limit=limit, after=after
            )
        )

    async def delete(self, tool_id: ToolId) -> bool:
        """Remove the entry and every tenant's use of it; false when there is none."""

        def remove(connection: Connection) -> bool:
            connection.execute(delete(tenant_tools).where(tenant_tools.c.tool_id == tool_id))
            return connection.execute(delete(tools).where(tools.c.id == tool_id)).rowcount == 1

        return await self._transactions.write(remove)

    async def list_for_tenant(self, tenant_id: TenantId) -> list[TenantTool]:
        """Return the tenant's tools, disabled ones included, by tool name."""
        return await self._list(_of_tenant(tenant_id))

    async def list_by_workflow(self, references: Collection[str]) -> list[TenantTool]:
        """Return every tenant's tools that one of these workflows runs, by tool name."""
        named = func.coalesce(func.nullif(tenant_tools.c.workflow, ""), tools.c.tool_name)
        return await self._list(
            _SELECT_CHOICES.where(tenant_tools.c.executor == "workflow", named.in_(references))
        )

    async def get_for_tenant(self, tenant_id: TenantId, tool_id: ToolId) -> TenantTool | None:
        """Return one of the tenant's tools."""
        query = _of_tenant(tenant_id).where(tenant_tools.c.tool_id == tool_id)
        row = await self._transactions.read(lambda connection: connection.execute(query).first())
        return None if row is None else _build_choice(row)

    async def put_for_tenant(self, tenant_tool: TenantTool) -> None:
        """Store the tenant's use of a tool, replacing an earlier one."""
        tenant_id, tool_id = tenant_tool.tenant_id, tenant_tool.tool.id
        values = {field: getattr(tenant_tool, field) for field in _CHOICE_FIELDS}

        def replace(connection: Connection) -> None:
            connection.execute(_delete_choice(tenant_id, tool_id))
            connection.execute(insert(tenant_tools).values(**values, tool_id=tool_id))

        await self._transactions.write(replace)

    async def delete_for_tenant(self, tenant_id: TenantId, tool_id: ToolId) -> bool:
        """Remove the tenant's use of a tool; false when there is none."""
        statement = _delete_choice(tenant_id, tool_id)
        return await self._transactions.write(
            lambda connection: connection.execute(statement).rowcount == 1
        )

    async def _list(self, query: Select[Any]) -> list[TenantTool]:
        ordered = query.order_by(tools.c.tool_name, tenant_tools.c.tenant_id)
        rows = await self._transactions.read(lambda connection: connection.execute(ordered).all())
        return [_build_choice(row) for row in rows]

    async def _find(self, query: Select[Any]) -> Tool | None:
        row = await self._transactions.read(lambda connection: connection.execute(query).first())
        return None if row is None else _build_tool(row)


def _update_tool(tool: Tool) -> Any:
    return update(tools).where(tools.c.id == tool.id).values(**_tool_values(tool))


def _of_tenant(tenant_id: TenantId) -> Select[Any]:
    return _SELECT_CHOICES.where(tenant_tools.c.tenant_id == tenant_id)


def _delete_choice(tenant_id: TenantId, tool_id: ToolId) -> Any:
    return delete(tenant_tools).where(
        tenant_tools.c.tenant_id == tenant_id, tenant_tools.c.tool_id == tool_id
    )


def _tool_values(tool: Tool) -> dict[str, Any]:
    values = msgspec.structs.asdict(tool)
    values["required_integrations"] = msgspec.to_builtins(tool.required_integrations)
    return values


def _build_tool(row: Row[Any]) -> Tool:
    return build(Tool, row)


def _build_choice(row: Row[Any]) -> TenantTool:
    count = len(_CHOICE_COLUMNS)
    choice = dict(zip(_CHOICE_FIELDS, row[:count], strict=True))
    return msgspec.convert({**choice, "tool": build(Tool, row[count:])}, TenantTool)


def _name_taken(tool: Tool) -> Conflict:
    return Conflict(f"A tool named {tool.tool_name!r} exists already.", code="tool_name_taken")
