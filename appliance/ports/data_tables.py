"""Rows that a tenant's workflows read and write: orders, stock, bookings.

Owns the port; n8n's Data Table node is its model, so that a workflow behaves alike in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct

from appliance.domain.data_table import Column
from appliance.domain.ids import TenantId
from appliance.domain.json_types import JsonObject, JsonValue

MatchType = Literal["anyCondition", "allConditions"]
RowCondition = Literal[
    "eq", "neq", "like", "ilike", "gt", "gte", "lt", "lte",
    "isEmpty", "isNotEmpty", "isTrue", "isFalse",
]  # fmt: skip


class Condition(Struct, frozen=True, kw_only=True):
    """One test of a row; ``value`` is ignored by the conditions that need none.

    As in n8n: ``%`` is the only wildcard of ``like`` and ``ilike``, and a text without one is
    looked for anywhere; ``isEmpty`` means null or, for text, without a character; ``neq`` holds
    for null too, unless its value is null.
    """

    column: str
    condition: RowCondition = "eq"
    value: JsonValue = None


class RowFilter(Struct, frozen=True, kw_only=True):
    """Which rows are meant; no conditions means all rows."""

    conditions: tuple[Condition, ...] = ()
    match: MatchType = "allConditions"


class RowOrder(Struct, frozen=True, kw_only=True):
    """The column to sort by; ``id`` (insertion order) by default."""

    column: str = "id"
    is_descending: bool = False


class DataTables(Protocol):
    """A tenant's data tables.

    A row is a JSON object of the table's columns plus ``id`` (int, ascending), ``createdAt`` and
    ``updatedAt`` (RFC 3339, UTC). Values are converted to their column's type where that loses
    nothing: ``"5"`` fits a number, ``5`` a string. Every method raises ``NotFound`` for a table
    the tenant does not have and ``InvalidInput`` for an unknown column or a value that does not
    fit its type.
    """

    async def ensure_table(self, tenant_id: TenantId, name: str, columns: Sequence[Column]) -> None:
        """Create the table, or add the columns and titles it lacks; never removes anything."""
        ...

    async def list_tables(self, tenant_id: TenantId) -> dict[str, list[Column]]:
        """Return the tenant's tables and their columns, by name."""
        ...

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
        ...

    async def insert_rows(
        self, tenant_id: TenantId, table: str, rows: Sequence[JsonObject]
    ) -> list[JsonObject]:
        """Insert all rows in one transaction and return them as stored; absent columns are null."""
        ...

    async def update_rows(
        self, tenant_id: TenantId, table: str, where: RowFilter, values: JsonObject
    ) -> list[JsonObject]:
        """Set ``values`` on every matching row and return the rows as they are now."""
        ...

    async def upsert_row(
        self, tenant_id: TenantId, table: str, where: RowFilter, values: JsonObject
    ) -> list[JsonObject]:
        """Update the matching rows, or insert ``values`` when none matches, in one transaction."""
        ...

    async def delete_rows(
        self, tenant_id: TenantId, table: str, where: RowFilter
    ) -> list[JsonObject]:
        """Delete the matching rows and return them as they were."""
        ...
