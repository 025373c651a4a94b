"""The data tables that the shipped workflows work on, empty, for every tenant that uses one.

Owns making them; their columns are data in ``bundled-workflows/data-tables.json``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from appliance.domain.data_table import Column
from appliance.domain.ids import TenantId
from appliance.ports.data_tables import DataTables


class StarterTables:
    """Makes sure that a tenant has the tables; what they hold is never touched."""

    def __init__(self, data_tables: DataTables, tables: Mapping[str, Sequence[Column]]) -> None:
        self._data_tables = data_tables
        self._tables = tables

    async def ensure(self, tenant_id: TenantId) -> None:
        """Make the tables, or add the columns, that the tenant lacks."""
        for name, columns in self._tables.items():
            await self._data_tables.ensure_table(tenant_id, name, columns)
