"""A tenant's integrations, for operators.

Owns the routes and who may use them; the rules are in ``appliance.services.integrations``.
"""

from __future__ import annotations

from litestar import Controller, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from appliance.domain.ids import EndpointId, IntegrationId
from appliance.services.audit import Auditor
from appliance.services.integrations import (
    EndpointChanges,
    IntegrationChanges,
    IntegrationService,
    NewEndpoint,
    NewIntegration,
)
from appliance.services.login import Operator
from appliance.services.tenants import TenantService
from appliance.web.guards import require_tenant
from appliance.web.query import Cursor, Limit
from appliance.web.schemas.integrations import (
    ConnectionTestView,
    EndpointList,
    EndpointView,
    IntegrationCallPage,
    IntegrationList,
    IntegrationView,
    build_call_view,
    build_endpoint_view,
    build_integration_view,
    build_test_view,
)


class IntegrationController(Controller):
    """Routes under ``/api/admin/tenants/{id}/integrations``."""

    path = "/api/admin/tenants/{tenant_id:str}/integrations"
    tags = ["integrations"]  # noqa: RUF012 -- Litestar reads this class attribute

    @get("/", summary="List a tenant's integrations")
    async def list_integrations(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        tenants: NamedDependency[TenantService],
        integrations: NamedDependency[IntegrationService],
    ) -> IntegrationList:
        """Return the tenant's integrations, oldest first."""
        tenant = await tenants.get(require_tenant(operator, tenant_id, "viewer"))
        found = await integrations.list_all(tenant.id)
        return IntegrationList(
            items=[build_integration_view(one, integrations.show_connection(one)) for one in found]
        )

    @post("/", status_code=201, summary="Connect a system")
    async def create_integration(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        data: JSONBody[NewIntegration],
        tenants: NamedDependency[TenantService],
        integrations: NamedDependency[IntegrationService],
        auditor: NamedDependency[Auditor],
    ) -> IntegrationView:
        """Store how a system is reached; nothing is sent to it yet."""
        tenant = await tenants.get(require_tenant(operator, tenant_id, "operator"))
        made = await integrations.create(tenant.id, data)
        shown = integrations.show_connection(made)
        await auditor.record(
            operator.username,
            "integration.create",
            made.id,
            tenant_id=tenant.id,
            changes={
                "integration_type": made.integration_type,
                "name": made.name,
                "connection_config": shown,
                "enabled": made.enabled,
            },
        )
        return build_integration_view(made, shown)

    @patch("/{integration_id:str}", summary="Change an integration")
    async def change_integration(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        integration_id: FromPath[str],
        data: JSONBody[IntegrationChanges],
        integrations: NamedDependency[IntegrationService],
        auditor: NamedDependency[Auditor],
    ) -> IntegrationView:
        """Change the given fields; absent ones stay, in connection_config too."""
        allowed = require_tenant(operator, tenant_id, "operator")
        changed = await integrations.change(allowed, IntegrationId(integration_id), data)
        shown = integrations.show_connection(changed)
        await auditor.record(
            operator.username,
            "integration.change",
            changed.id,
            tenant_id=allowed,
            changes={
                "name": changed.name,
                "connection_config": shown,
                "enabled": changed.enabled,
            },
        )
        return build_integration_view(changed, shown)

    @delete("/{integration_id:str}", status_code=204, summary="Remove an integration")
    async def delete_integration(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        integration_id: FromPath[str],
        integrations: NamedDependency[IntegrationService],
        auditor: NamedDependency[Auditor],
    ) -> None:
        """Remove an integration that no tool uses, with its endpoints and log."""
        allowed = require_tenant(operator, tenant_id, "operator")
        await integrations.delete(allowed, IntegrationId(integration_id))
        await auditor.record(
            operator.username, "integration.delete", integration_id, tenant_id=allowed
        )

    @post("/{integration_id:str}/test", status_code=200, summary="Test a connection")
    async def test_integration(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        integration_id: FromPath[str],
        integrations: NamedDependency[IntegrationService],
        auditor: NamedDependency[Auditor],
    ) -> ConnectionTestView:
        """Try the connection; a failure is told with what to mend."""
        allowed = require_tenant(operator, tenant_id, "operator")
        result = await integrations.test(allowed, IntegrationId(integration_id))
        await auditor.record(
            operator.username, "integration.test", integration_id, tenant_id=allowed
        )
        return build_test_view(result)

    @get("/{integration_id:str}/logs", summary="Read an integration's log")
    async def list_calls(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        integration_id: FromPath[str],
        integrations: NamedDependency[IntegrationService],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> IntegrationCallPage:
        """Return the recent calls, newest first."""
        allowed = require_tenant(operator, tenant_id, "viewer")
        page = await integrations.list_calls(
            allowed, IntegrationId(integration_id), limit=limit, cursor=cursor
        )
        return IntegrationCallPage(
            items=[build_call_view(call) for call in page.items], next_cursor=page.next_cursor
        )


class EndpointController(Controller):
    """Routes under ``…/integrations/{id}/endpoints``."""

    path = "/api/admin/tenants/{tenant_id:str}/integrations/{integration_id:str}/endpoints"
    tags = ["integrations"]  # noqa: RUF012 -- Litestar reads this class attribute

    @get("/", summary="List an integration's endpoints")
    async def list_endpoints(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        integration_id: FromPath[str],
        integrations: NamedDependency[IntegrationService],
    ) -> EndpointList:
        """Return the endpoints by name."""
        allowed = require_tenant(operator, tenant_id, "viewer")
        found = await integrations.list_endpoints(allowed, IntegrationId(integration_id))
        return EndpointList(items=[build_endpoint_view(endpoint) for endpoint in found])

    @post("/", status_code=201, summary="Add an endpoint")
    async def add_endpoint(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        integration_id: FromPath[str],
        data: JSONBody[NewEndpoint],
        integrations: NamedDependency[IntegrationService],
        auditor: NamedDependency[Auditor],
    ) -> EndpointView:
        """Add something that can be asked of the integration."""
        allowed = require_tenant(operator, tenant_id, "operator")
        made = await integrations.add_endpoint(allowed, IntegrationId(integration_id), data)
        await auditor.record(
            operator.username, "endpoint.create", made.id, tenant_id=allowed, changes=data
        )
        return build_endpoint_view(made)

    @patch("/{endpoint_id:str}", summary="Change an endpoint")
    async def change_endpoint(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        integration_id: FromPath[str],
        endpoint_id: FromPath[str],
        data: JSONBody[EndpointChanges],
        integrations: NamedDependency[IntegrationService],
        auditor: NamedDependency[Auditor],
    ) -> EndpointView:
        """Change the given fields; absent ones stay."""
        allowed = require_tenant(operator, tenant_id, "operator")
        changed = await integrations.change_endpoint(
            allowed, IntegrationId(integration_id), EndpointId(endpoint_id), data
        )
        await auditor.record(
            operator.username, "endpoint.change", endpoint_id, tenant_id=allowed, changes=data
        )
        return build_endpoint_view(changed)

    @delete("/{endpoint_id:str}", status_code=204, summary="Remove an endpoint")
    async def delete_endpoint(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        integration_id: FromPath[str],
        endpoint_id: FromPath[str],
        integrations: NamedDependency[IntegrationService],
        auditor: NamedDependency[Auditor],
    ) -> None:
        """Remove an endpoint."""
        allowed = require_tenant(operator, tenant_id, "operator")
        await integrations.delete_endpoint(
            allowed, IntegrationId(integration_id), EndpointId(endpoint_id)
        )
        await auditor.record(operator.username, "endpoint.delete", endpoint_id, tenant_id=allowed)
