"""Reading what tenants used.

Owns the port and the shape of a sum; the sums themselves are kept by the turn store, exactly.
"""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct

from appliance.domain.ids import TenantId

UsageGroup = Literal["day", "tenant", "model"]


class UsageRow(Struct, frozen=True, kw_only=True):
    """A sum. What it is not grouped by is ``None``; days are the tenants' own, ISO 8601.

    ``messages`` counts answered messages and their answers. ``cost_micro_usd`` covers the tokens
    whose price is known, the others are in ``unpriced_tokens``.
    """

    day: str | None = None
    tenant_id: str | None = None
    provider: str | None = None
    model: str | None = None
    conversations: int = 0
    messages: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    tool_calls: int = 0
    cost_micro_usd: int = 0
    unpriced_tokens: int = 0


class UsageReader(Protocol):
    """Sums usage. Raises ``StorageError`` when the database cannot be used."""

    async def sum_usage(
        self, *, tenant_id: TenantId | None, since: str | None, until: str | None,
        group_by: UsageGroup,
    ) -> list[UsageRow]:  # fmt: skip
        """Return the sums of the days ``since`` to ``until``, both included, in their order."""
        ...

    async def list_usage(
        self, *, tenant_id: TenantId | None, since: str | None, until: str | None
    ) -> list[UsageRow]:
        """Return the rows as they are kept: by tenant, day, provider and model."""
        ...
