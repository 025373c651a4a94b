"""Reading the daily sums of usage from the database.

Owns the queries over ``api_usage``; adding to it is left to ``appliance.storage.usage_sums``.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Column, Connection, Select, cast, func, select

from appliance.domain.ids import TenantId
from appliance.ports.usage import UsageGroup, UsageRow
from appliance.storage.tables import api_usage
from appliance.storage.transactions import Transactions

_MEASURES: Final = [column for column in api_usage.c if not column.primary_key]
_GROUPS: Final[dict[UsageGroup, tuple[Column[Any], ...]]] = {
    "day": (api_usage.c.day,),
    "tenant": (api_usage.c.tenant_id,),
    "model": (api_usage.c.provider, api_usage.c.model),
}
_KEY: Final = tuple(api_usage.primary_key.columns)


class StoredUsage:
    """Implements ``UsageReader``; see there for what each method promises."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def sum_usage(
        self, *, tenant_id: TenantId | None, since: str | None, until: str | None,
        group_by: UsageGroup,
    ) -> list[UsageRow]:  # fmt: skip
        """Return the sums of the days ``since`` to ``until``, both included, in their order."""
        group = _GROUPS[group_by]
        # Postgres sums BIGINT to NUMERIC.
        sums = [cast(func.sum(column), BigInteger).label(column.name) for column in _MEASURES]
        query = select(*group, *sums).group_by(*group).order_by(*group)
        return await self._read(query, tenant_id, since, until)

    async def list_usage(
        self, *, tenant_id: TenantId | None, since: str | None, until: str | None
    ) -> list[UsageRow]:
        """Return the rows as they are kept: by tenant, day, provider and model."""
        return await self._read(select(*_KEY, *_MEASURES).order_by(*_KEY), tenant_id, since, until)

    async def _read(
        self, query: Select[Any], tenant_id: TenantId | None, since: str | None, until: str | None
    ) -> list[UsageRow]:
        if tenant_id is not None:
            query = query.where(api_usage.c.tenant_id == tenant_id)
        if since is not None:
            query = query.where(api_usage.c.day >= since)
        if until is not None:
            query = query.where(api_usage.c.day <= until)

        def read(connection: Connection) -> list[UsageRow]:
            return [UsageRow(**row._mapping) for row in connection.execute(query)]

        return await self._transactions.read(read)
