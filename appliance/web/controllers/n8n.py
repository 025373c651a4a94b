"""The operator's own n8n.

Owns the routes and who may use them; what is done is decided by ``appliance.services.n8n``.
"""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from appliance.domain.ids import ToolId
from appliance.ports.n8n import N8nWorkflow
from appliance.services.audit import Auditor
from appliance.services.login import Operator
from appliance.services.n8n import N8nService
from appliance.web.guards import require_everywhere, require_tenant
from appliance.web.schemas.admin import TenantToolView, build_tenant_tool_view

Id = Annotated[str, Meta(min_length=1, max_length=200)]


class N8nState(Struct, frozen=True, kw_only=True):
    """Whether n8n can be used from here; ``detail`` says what to mend."""

    url: str | None
    is_usable: bool
    detail: str | None


class N8nWorkflowList(Struct, frozen=True, kw_only=True):
    """All workflows in n8n."""

    items: list[N8nWorkflow]


class ImportBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which stored workflow to put into n8n, by its id here.

    ``replace`` renews the one of the same name in n8n; ``publish`` lets its webhook answer.
    """

    workflow_id: Id
    replace: bool = False
    publish: bool = True


class UseBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose tool shall call the workflow; ``path`` where it has several webhooks."""

    tenant_id: Id
    tool_id: Id
    path: Id | None = None


class N8nController(Controller):
    """Routes under ``/api/admin/n8n``; n8n itself is of the whole appliance."""

    path = "/api/admin/n8n"
    tags = ["n8n"]  # noqa: RUF012 -- Litestar reads this class attribute

    @get("/", summary="Whether n8n can be used")
    async def get_state(
        self, operator: NamedDependency[Operator], n8n: NamedDependency[N8nService]
    ) -> N8nState:
        """Ask n8n for its health and its workflows, and say what hinders."""
        require_everywhere(operator, "viewer")
        trouble = await n8n.find_trouble()
        return N8nState(url=n8n.url, is_usable=trouble is None, detail=trouble)

    @get("/workflows", summary="List n8n's workflows")
    async def list_n8n_workflows(
        self, operator: NamedDependency[Operator], n8n: NamedDependency[N8nService]
    ) -> N8nWorkflowList:
        """Return n8n's workflows with the addresses of their webhooks, by name."""
        require_everywhere(operator, "viewer")
        return N8nWorkflowList(items=list(await n8n.list_workflows()))

    @post("/workflows", status_code=201, summary="Put a stored workflow into n8n")
    async def import_n8n_workflow(
        self,
        operator: NamedDependency[Operator],
        data: JSONBody[ImportBody],
        n8n: NamedDependency[N8nService],
        auditor: NamedDependency[Auditor],
    ) -> N8nWorkflow:
        """Import a workflow that is stored here, and publish it unless that is not wanted."""
        require_everywhere(operator, "operator")
        made = await n8n.import_workflow(
            data.workflow_id, is_replacing=data.replace, is_published=data.publish
        )
        await auditor.record(operator.username, "n8n.import", made.id, changes=data)
        return made

    @post("/workflows/{n8n_id:str}/publish", status_code=200, summary="Publish a workflow in n8n")
    async def publish_n8n_workflow(
        self,
        operator: NamedDependency[Operator],
        n8n_id: FromPath[str],
        n8n: NamedDependency[N8nService],
        auditor: NamedDependency[Auditor],
    ) -> N8nWorkflow:
        """Make the workflow's production webhooks answer; n8n 1 calls that activating."""
        require_everywhere(operator, "operator")
        published = await n8n.publish_workflow(n8n_id)
        await auditor.record(operator.username, "n8n.publish", n8n_id)
        return published

    @post("/workflows/{n8n_id:str}/use", status_code=200, summary="Let a tool call a workflow")
    async def use_n8n_workflow(
        self,
        operator: NamedDependency[Operator],
        n8n_id: FromPath[str],
        data: JSONBody[UseBody],
        n8n: NamedDependency[N8nService],
        auditor: NamedDependency[Auditor],
    ) -> TenantToolView:
        """Set a tenant's tool to the workflow's production webhook."""
        tenant_id = require_tenant(operator, data.tenant_id, "operator")
        tool = await n8n.use_workflow(n8n_id, tenant_id, ToolId(data.tool_id), path=data.path)
        await auditor.record(
            operator.username, "n8n.use", n8n_id, tenant_id=tenant_id, changes=data
        )
        return build_tenant_tool_view(tool)
