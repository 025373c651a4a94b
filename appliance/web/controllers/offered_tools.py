"""What servers offer to a tenant, for operators.

Owns the routes and who may use them; the rules are in ``appliance.services.offered_tools``.
"""

from __future__ import annotations

from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from appliance.domain.ids import EndpointId, IntegrationId
from appliance.services.audit import Auditor
from appliance.services.login import Operator
from appliance.services.offered_tools import Approval, OfferedTools
from appliance.web.guards import require_everywhere, require_tenant
from appliance.web.schemas.admin import TenantToolView, build_tenant_tool_view
from appliance.web.schemas.integrations import (
    EndpointView,
    RefreshedView,
    build_endpoint_view,
)


class OfferedToolController(Controller):
    """Routes under ``/api/admin/tenants/{id}/integrations/{id}`` for what a server offers."""

    path = "/api/admin/tenants/{tenant_id:str}/integrations/{integration_id:str}"
    tags = ["integrations"]  # noqa: RUF012 -- Litestar reads this class attribute

    @post("/refresh", status_code=200, summary="Ask a server what it offers")
    async def refresh(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        integration_id: FromPath[str],
        offered_tools: NamedDependency[OfferedTools],
        auditor: NamedDependency[Auditor],
    ) -> RefreshedView:
        """Mirror the server's tools into endpoints; new and changed ones wait for approval."""
        allowed = require_tenant(operator, tenant_id, "operator")
        found = await offered_tools.refresh(allowed, IntegrationId(integration_id))
        await auditor.record(
            operator.username, "integration.refresh", integration_id, tenant_id=allowed
        )
        return RefreshedView(
            items=[build_endpoint_view(endpoint) for endpoint in found.endpoints],
            refused=found.refused,
        )

    @post("/endpoints/{endpoint_id:str}/approve", status_code=200, summary="Approve an offer")
    async def approve(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        integration_id: FromPath[str],
        endpoint_id: FromPath[str],
        data: JSONBody[Approval],
        offered_tools: NamedDependency[OfferedTools],
        auditor: NamedDependency[Auditor],
    ) -> EndpointView:
        """Let the tool be asked, as long as the server says of it what was looked at."""
        allowed = require_tenant(operator, tenant_id, "operator")
        approved = await offered_tools.approve(
            allowed, IntegrationId(integration_id), EndpointId(endpoint_id), data
        )
        await auditor.record(
            operator.username, "endpoint.approve", endpoint_id, tenant_id=allowed, changes=data
        )
        return build_endpoint_view(approved)

    @post("/endpoints/{endpoint_id:str}/tool", status_code=200, summary="Make a tool of an offer")
    async def make_tool(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        integration_id: FromPath[str],
        endpoint_id: FromPath[str],
        offered_tools: NamedDependency[OfferedTools],
        auditor: NamedDependency[Auditor],
    ) -> TenantToolView:
        """Put an approved offer into the catalogue for this tenant to use, or renew it there."""
        allowed = require_tenant(operator, tenant_id, "operator")
        require_everywhere(operator, "operator")
        made = await offered_tools.make_tool(
            allowed, IntegrationId(integration_id), EndpointId(endpoint_id)
        )
        await auditor.record(
            operator.username, "endpoint.tool", endpoint_id, tenant_id=allowed,
            changes={"tool_name": made.tool.tool_name},
        )  # fmt: skip
        return build_tenant_tool_view(made)
