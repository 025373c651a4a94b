"""Stored workflows, for operators.

Owns the routes and who may use them; the rules are in ``appliance.services.workflows``.
"""

from __future__ import annotations

from typing import Any

from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Struct, UnsetType

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.workflow import StoredWorkflow
from appliance.ports.workflow_engine import NodeTrace, WorkflowRun, WorkflowSummary
from appliance.services.audit import Auditor
from appliance.services.login import Operator
from appliance.services.workflows import WorkflowService
from appliance.web.guards import require_everywhere, require_role, require_tenant
from appliance.web.schemas.admin import RunBody, WorkflowList, WorkflowView, build_workflow_view


class NodeRunView(Struct, frozen=True, kw_only=True):
    """One run of a node; ``output`` is its items per branch, with ``debug`` only."""

    name: str
    items: int
    duration_ms: float
    error: str | None
    output: list[list[JsonObject]] | UnsetType = UNSET


class RunView(Struct, frozen=True, kw_only=True):
    """What came of a run; ``error`` when a node failed."""

    output: JsonValue
    duration_ms: float
    nodes: list[NodeRunView]
    error: str | None | UnsetType = UNSET


class WorkflowController(Controller):
    """Routes under ``/api/admin/workflows``."""

    path = "/api/admin/workflows"
    tags = ["workflows"]  # noqa: RUF012 -- Litestar reads this class attribute

    @get("/", summary="List workflows")
    async def list_workflows(
        self, operator: NamedDependency[Operator], workflows: NamedDependency[WorkflowService]
    ) -> WorkflowList:
        """Return workflows by name; a tenant's operator has those shipped or named by its tools."""
        require_role(operator, "viewer")
        listed = await workflows.list_all(only=operator.tenant_id)
        return WorkflowList(items=[_view(*found) for found in listed])

    @post("/", status_code=201, summary="Import a workflow")
    async def import_workflow(
        self,
        operator: NamedDependency[Operator],
        data: JSONBody[dict[str, Any]],
        workflows: NamedDependency[WorkflowService],
        auditor: NamedDependency[Auditor],
    ) -> WorkflowView:
        """Store an n8n export; refused when it has nodes that cannot run here."""
        require_everywhere(operator, "operator")
        stored, summary = await workflows.import_export(data)
        await auditor.record(
            operator.username, "workflow.import", stored.id, changes={"name": stored.name}
        )
        return _view(stored, summary)

    @get("/{workflow_id:str}", summary="Read a workflow")
    async def get_workflow(
        self,
        operator: NamedDependency[Operator],
        workflow_id: FromPath[str],
        workflows: NamedDependency[WorkflowService],
    ) -> WorkflowView:
        """Return one workflow with its export."""
        require_role(operator, "viewer")
        stored, summary = await workflows.get(workflow_id, only=operator.tenant_id)
        return _view(stored, summary, has_definition=True)

    @delete("/{workflow_id:str}", status_code=204, summary="Remove a workflow")
    async def delete_workflow(
        self,
        operator: NamedDependency[Operator],
        workflow_id: FromPath[str],
        workflows: NamedDependency[WorkflowService],
        auditor: NamedDependency[Auditor],
    ) -> None:
        """Remove an imported workflow."""
        require_everywhere(operator, "operator")
        await workflows.delete(workflow_id)
        await auditor.record(operator.username, "workflow.delete", workflow_id)

    @post("/{workflow_id:str}/run", status_code=200, summary="Run a workflow")
    async def run_workflow(
        self,
        operator: NamedDependency[Operator],
        workflow_id: FromPath[str],
        data: JSONBody[RunBody],
        workflows: NamedDependency[WorkflowService],
        auditor: NamedDependency[Auditor],
    ) -> RunView:
        """Run a workflow once, on a tenant's rows when one is named."""
        if data.tenant_id is None:
            require_everywhere(operator, "operator")
        else:
            require_tenant(operator, data.tenant_id, "operator")
        run = await workflows.run(
            workflow_id,
            data.input,
            tenant_id=data.tenant_id,
            debug=data.debug,
            only=operator.tenant_id,
        )
        await auditor.record(operator.username, "workflow.run", workflow_id)
        return _run_view(run)


def _view(
    workflow: StoredWorkflow, summary: WorkflowSummary, *, has_definition: bool = False
) -> WorkflowView:
    return build_workflow_view(
        workflow,
        nodes=summary.nodes,
        webhook_path=summary.webhook_path,
        has_definition=has_definition,
    )


def _run_view(run: WorkflowRun) -> RunView:
    return RunView(
        output=run.output,
        duration_ms=run.duration_ms,
        nodes=[_node_view(node) for node in run.nodes],
        error=run.error.message if run.error else UNSET,
    )


def _node_view(node: NodeTrace) -> NodeRunView:
    return NodeRunView(
        name=node.name,
        items=node.items,
        duration_ms=node.duration_ms,
        error=node.error,
        output=UNSET if node.output is None else node.output,
    )
