"""What tenants used, for operators.

Owns the routes and who may use them; sums are made by ``appliance.services.usage``.
"""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from msgspec import Struct

from appliance.domain.ids import TenantId
from appliance.ports.usage import UsageGroup, UsageRow
from appliance.services.login import Operator
from appliance.services.usage import UsageService
from appliance.web.guards import require_role, require_tenant
from appliance.web.query import OfTenant, Since, Until

GroupBy = Annotated[UsageGroup, QueryParameter(description="What each sum is of.")]


class UsageList(Struct, frozen=True, kw_only=True):
    """All sums of a period."""

    items: list[UsageRow]
    next_cursor: str | None = None


class UsageController(Controller):
    """Routes under ``/api/admin/usage``."""

    path = "/api/admin/usage"
    tags = ["usage"]  # noqa: RUF012 -- Litestar reads this class attribute

    @get("/", summary="Sums of usage")
    async def get_usage(
        self,
        operator: NamedDependency[Operator],
        usage: NamedDependency[UsageService],
        tenant_id: OfTenant = None,
        since: Since = None,
        until: Until = None,
        group_by: GroupBy = "day",
    ) -> UsageList:
        """Return the sums of the tenants' own days ``from`` to ``to``, both included."""
        allowed = _allow(operator, tenant_id)
        return UsageList(
            items=await usage.summarize(
                tenant_id=allowed, since=since, until=until, group_by=group_by
            )
        )

    @get("/export", summary="Usage as CSV", media_type="text/csv")
    async def export_usage(
        self,
        operator: NamedDependency[Operator],
        usage: NamedDependency[UsageService],
        tenant_id: OfTenant = None,
        since: Since = None,
        until: Until = None,
    ) -> Response[bytes]:
        """Return a line for each tenant, day, provider and model."""
        content = await usage.export(
            tenant_id=_allow(operator, tenant_id), since=since, until=until
        )
        return Response(
            content,
            media_type="text/csv",
            headers={"Content-Disposition": 'attachment; filename="usage.csv"'},
        )


def _allow(operator: Operator, tenant_id: str | None) -> TenantId | None:
    """Return whose usage is asked for; an operator of one tenant gets that tenant's only."""
    require_role(operator, "viewer")
    wanted = tenant_id or operator.tenant_id
    return None if wanted is None else require_tenant(operator, wanted, "viewer")
