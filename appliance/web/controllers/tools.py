"""The tool catalogue and each tenant's tools, for operators.

Owns the routes and who may use them; the rules on tools are in ``appliance.services.tools``.
"""

from __future__ import annotations

from litestar import Controller, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from appliance.agent.tool_breakers import ToolBreakers
from appliance.domain.ids import ToolId
from appliance.domain.tool import Tool
from appliance.services.audit import Auditor
from appliance.services.login import Operator
from appliance.services.tenants import TenantService
from appliance.services.tool_trials import ToolTrials, build_trial_identity
from appliance.services.tools import (
    NewTool,
    TenantToolChanges,
    TenantToolChoice,
    ToolChanges,
    ToolService,
)
from appliance.services.workflows import WorkflowService
from appliance.web.guards import require_everywhere, require_role, require_tenant
from appliance.web.query import Cursor, Limit
from appliance.web.schemas.admin import (
    TenantToolList,
    TenantToolView,
    TestCallBody,
    TestCallView,
    ToolPage,
    build_tenant_tool_view,
)


class ToolController(Controller):
    """Routes under ``/api/admin/tools``: what there is for all tenants."""

    path = "/api/admin/tools"
    tags = ["tools"]  # noqa: RUF012 -- Litestar reads this class attribute

    @get("/", summary="List the catalogue")
    async def list_tools(
        self,
        operator: NamedDependency[Operator],
        tools: NamedDependency[ToolService],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> ToolPage:
        """Return the catalogue, oldest first."""
        require_role(operator, "viewer")
        page = await tools.list_page(limit=limit, cursor=cursor)
        return ToolPage(items=page.items, next_cursor=page.next_cursor)

    @post("/", status_code=201, summary="Add a tool")
    async def create_tool(
        self,
        operator: NamedDependency[Operator],
        data: JSONBody[NewTool],
        tools: NamedDependency[ToolService],
        auditor: NamedDependency[Auditor],
    ) -> Tool:
        """Add a tool to the catalogue."""
        require_everywhere(operator, "operator")
        tool = await tools.create(data)
        await auditor.record(operator.username, "tool.create", tool.id, changes=data)
        return tool

    @get("/{tool_id:str}", summary="Read a tool")
    async def get_tool(
        self,
        operator: NamedDependency[Operator],
        tool_id: FromPath[str],
        tools: NamedDependency[ToolService],
    ) -> Tool:
        """Return one catalogue entry."""
        require_role(operator, "viewer")
        return await tools.get(ToolId(tool_id))

    @patch("/{tool_id:str}", summary="Change a tool")
    async def change_tool(
        self,
        operator: NamedDependency[Operator],
        tool_id: FromPath[str],
        data: JSONBody[ToolChanges],
        tools: NamedDependency[ToolService],
        auditor: NamedDependency[Auditor],
    ) -> Tool:
        """Change the given fields; absent ones stay."""
        require_everywhere(operator, "operator")
        tool = await tools.change(ToolId(tool_id), data)
        await auditor.record(operator.username, "tool.change", tool_id, changes=data)
        return tool

    @delete("/{tool_id:str}", status_code=204, summary="Remove a tool")
    async def delete_tool(
        self,
        operator: NamedDependency[Operator],
        tool_id: FromPath[str],
        tools: NamedDependency[ToolService],
        auditor: NamedDependency[Auditor],
    ) -> None:
        """Remove a catalogue entry and every tenant's use of it."""
        require_everywhere(operator, "operator")
        await tools.delete(ToolId(tool_id))
        await auditor.record(operator.username, "tool.delete", tool_id)


class TenantToolController(Controller):
    """Routes under ``/api/admin/tenants/{id}/tools``: what one tenant uses."""

    path = "/api/admin/tenants/{tenant_id:str}/tools"
    tags = ["tools"]  # noqa: RUF012 -- Litestar reads this class attribute

    @get("/", summary="List a tenant's tools")
    async def list_tenant_tools(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        tenants: NamedDependency[TenantService],
        tools: NamedDependency[ToolService],
        tool_breakers: NamedDependency[ToolBreakers],
    ) -> TenantToolList:
        """Return the tenant's tools, disabled ones included, and what keeps which from running."""
        tenant = await tenants.get(require_tenant(operator, tenant_id, "viewer"))
        items = []
        for tool in await tools.list_for_tenant(tenant.id):
            trouble = tool_breakers.find_trouble(tool) or await tools.find_trouble(tool)
            items.append(build_tenant_tool_view(tool, trouble=trouble))
        return TenantToolList(items=items)

    @put("/{tool_id:str}", summary="Let a tenant use a tool")
    async def put_tenant_tool(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        tool_id: FromPath[str],
        data: JSONBody[TenantToolChoice],
        tenants: NamedDependency[TenantService],
        tools: NamedDependency[ToolService],
        workflows: NamedDependency[WorkflowService],
        auditor: NamedDependency[Auditor],
    ) -> TenantToolView:
        """Set how the tenant uses the tool, replacing what was set before."""
        tenant = await tenants.get(require_tenant(operator, tenant_id, "operator"))
        if data.workflow and operator.tenant_id is not None:
            await workflows.check_choice(data.workflow, only=operator.tenant_id)
        stored = await tools.put_for_tenant(tenant.id, ToolId(tool_id), data)
        await auditor.record(
            operator.username, "tenant_tool.put", tool_id, tenant_id=tenant.id, changes=data
        )
        return build_tenant_tool_view(stored)

    @patch("/{tool_id:str}", summary="Change how a tenant uses a tool")
    async def change_tenant_tool(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        tool_id: FromPath[str],
        data: JSONBody[TenantToolChanges],
        tools: NamedDependency[ToolService],
        workflows: NamedDependency[WorkflowService],
        auditor: NamedDependency[Auditor],
    ) -> TenantToolView:
        """Change the given fields; absent ones stay."""
        allowed = require_tenant(operator, tenant_id, "operator")
        if data.workflow and operator.tenant_id is not None:
            await workflows.check_choice(data.workflow, only=operator.tenant_id)
        stored = await tools.change_for_tenant(allowed, ToolId(tool_id), data)
        await auditor.record(
            operator.username, "tenant_tool.change", tool_id, tenant_id=allowed, changes=data
        )
        return build_tenant_tool_view(stored)

    @delete("/{tool_id:str}", status_code=204, summary="End a tenant's use of a tool")
    async def delete_tenant_tool(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        tool_id: FromPath[str],
        tools: NamedDependency[ToolService],
        auditor: NamedDependency[Auditor],
    ) -> None:
        """End the tenant's use of a tool."""
        allowed = require_tenant(operator, tenant_id, "operator")
        await tools.delete_for_tenant(allowed, ToolId(tool_id))
        await auditor.record(operator.username, "tenant_tool.delete", tool_id, tenant_id=allowed)

    @post("/{tool_id:str}/test", status_code=200, summary="Try a tool")
    async def test_tenant_tool(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        tool_id: FromPath[str],
        data: JSONBody[TestCallBody],
        tenants: NamedDependency[TenantService],
        trials: NamedDependency[ToolTrials],
        auditor: NamedDependency[Auditor],
    ) -> TestCallView:
        """Run the tool once as the assistant would, without a conversation."""
        tenant = await tenants.get(require_tenant(operator, tenant_id, "operator"))
        identity = build_trial_identity(data.identity)
        outcome = await trials.run(
            tenant, ToolId(tool_id), data.parameters, identity, is_confirmed=data.confirm
        )
        await auditor.record(
            operator.username, "tenant_tool.test", tool_id, tenant_id=tenant.id, changes=data
        )
        return TestCallView(
            success=outcome.is_success,
            result=outcome.output,
            error=outcome.error,
            duration_ms=outcome.duration_ms,
            attempts=outcome.attempts,
            sent=outcome.sent,
        )
