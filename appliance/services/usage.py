"""Telling operators what was used.

Owns the period and the forms it is told in; sums are read through the usage port.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from appliance.domain.ids import TenantId
from appliance.errors import NotFound
from appliance.ports.repositories import TenantRepository
from appliance.ports.usage import UsageGroup, UsageReader, UsageRow
from appliance.services.csv_text import write_csv
from appliance.services.periods import check_period

CSV_COLUMNS: Final = (
    "tenant_id", "day", "provider", "model", "conversations", "messages", "input_tokens",
    "output_tokens", "cached_input_tokens", "tool_calls", "cost_micro_usd", "unpriced_tokens",
)  # fmt: skip


class UsageService:
    """Sums usage over days; a day is the tenant's own."""

    def __init__(self, reader: UsageReader, tenants: TenantRepository) -> None:
        self._reader = reader
        self._tenants = tenants

    async def summarize(
        self,
        *,
        tenant_id: TenantId | None,
        since: date | None,
        until: date | None,
        group_by: UsageGroup,
    ) -> list[UsageRow]:
        """Return the sums of a period, both its days included.

        Raises:
            InvalidInput: The days make no period.
            NotFound: There is no such tenant.
        """
        await self._check(tenant_id, since, until)
        return await self._reader.sum_usage(
            tenant_id=tenant_id, since=_write(since), until=_write(until), group_by=group_by
        )

    async def export(
        self, *, tenant_id: TenantId | None, since: date | None, until: date | None
    ) -> bytes:
        """Return a CSV file with a line for each tenant, day, provider and model.

        Raises:
            InvalidInput: The days make no period.
            NotFound: There is no such tenant.
        """
        await self._check(tenant_id, since, until)
        rows = await self._reader.list_usage(
            tenant_id=tenant_id, since=_write(since), until=_write(until)
        )
        lines = [[getattr(row, name) for name in CSV_COLUMNS] for row in rows]
        return write_csv([CSV_COLUMNS, *lines], has_mark=True)

    async def _check(
        self, tenant_id: TenantId | None, since: date | None, until: date | None
    ) -> None:
        check_period(since, until)
        if tenant_id is not None and await self._tenants.get(tenant_id) is None:
            raise NotFound(f"There is no tenant {tenant_id!r}.", code="tenant_not_found")


def _write(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
