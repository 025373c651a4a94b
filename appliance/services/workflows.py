"""Importing, listing and trying workflows.

Owns the rules on stored workflows; reading and running them is left to the workflow engine.
"""

from __future__ import annotations

from appliance.domain.ids import TenantId, WorkflowId, new_id
from appliance.domain.json_types import JsonObject
from appliance.domain.workflow import StoredWorkflow
from appliance.errors import Conflict, FieldError, InvalidInput, NotFound
from appliance.ports.clock import Clock
from appliance.ports.repositories import TenantRepository, ToolRepository, WorkflowRepository
from appliance.ports.workflow_engine import WorkflowEngine, WorkflowRun, WorkflowSummary

NO_TENANT = TenantId("00000000-0000-0000-0000-000000000000")
"""Whose data a trial without a tenant sees: nobody's."""


class WorkflowService:
    """Manages stored workflows."""

    def __init__(
        self,
        *,
        workflows: WorkflowRepository,
        tenants: TenantRepository,
        tools: ToolRepository,
        engine: WorkflowEngine,
        clock: Clock,
    ) -> None:
        self._workflows = workflows
        self._tenants = tenants
        self._tools = tools
        self._engine = engine
        self._clock = clock

    async def import_export(self, export: JsonObject) -> tuple[StoredWorkflow, WorkflowSummary]:
        """Store an n8n export under its name, in place of an imported one of the same name.

        Raises:
            InvalidInput: It is no export, or it has nodes that cannot run here.
            Conflict: The name belongs to a workflow that ships with the program.
        """
        summary = self._engine.summarise(export)
        existing = await self._workflows.find_by_name(summary.name)
        if existing is not None and existing.is_bundled:
            raise Conflict(
                f"{summary.name!r} ships with the program. Give the workflow another name.",
                code="workflow_name_taken",
            )
        stored = StoredWorkflow(
            id=existing.id if existing else WorkflowId(new_id()),
            name=summary.name,
            definition=export,
            created_at=existing.created_at if existing else self._clock.now(),
        )
        await self._workflows.put(stored)
        return stored, summary

    async def list_all(
        self, *, only: TenantId | None = None
    ) -> list[tuple[StoredWorkflow, WorkflowSummary]]:
        """Return the workflows with what they hold, by name.

        Args:
            only: The tenant for whom they must be: those that ship with the program, and those
                that one of the tenant's tools names. ``None``: all.
        """
        stored = await self._workflows.list_all()
        if only is not None:
            named = await self._find_named(only)
            stored = [item for item in stored if item.is_bundled or item.id in named]
        return [(workflow, self._summarise(workflow)) for workflow in stored]

    async def get(
        self, workflow_id: str, *, only: TenantId | None = None
    ) -> tuple[StoredWorkflow, WorkflowSummary]:
        """Return one workflow with what it holds; ``only`` as in ``list_all``.

        Raises:
            NotFound: There is none of this id for the tenant.
        """
        stored = await self._workflows.get(workflow_id)
        if stored is None:
            raise _not_found(workflow_id)
        if only is not None and not await self._has(only, stored):
            raise _not_found(workflow_id)
        return stored, self._summarise(stored)

    async def check_choice(self, reference: str, *, only: TenantId) -> None:
        """Refuse a workflow for a tenant's tool that the tenant does not have; see ``list_all``.

        Raises:
            InvalidInput: There is none of this name or id for the tenant.
        """
        if any(tool.workflow == reference for tool in await self._tools.list_for_tenant(only)):
            return
        stored = await self._workflows.find(reference)
        if stored is None or not await self._has(only, stored):
            message = f"The tenant has no workflow {reference!r}."
            raise InvalidInput(
                f"{message} Whoever runs the appliance can choose it for the tenant.",
                errors=[FieldError("workflow", message)],
            )

    async def _has(self, tenant_id: TenantId, stored: StoredWorkflow) -> bool:
        return stored.is_bundled or stored.id in await self._find_named(tenant_id)

    async def _find_named(self, tenant_id: TenantId) -> set[WorkflowId]:
        """Return the ids of the workflows that the tenant's tools are run by."""
        references = {
            tool.workflow_reference
            for tool in await self._tools.list_for_tenant(tenant_id)
            if tool.executor == "workflow"
        }
        found = [await self._workflows.find(reference) for reference in references]
        return {workflow.id for workflow in found if workflow is not None}

    async def delete(self, workflow_id: str) -> None:
        """Remove an imported workflow.

        Raises:
            NotFound: There is none of this id.
            Conflict: It ships with the program, or a tool is run by it; names the tools.
        """
        stored, _ = await self.get(workflow_id)
        if stored.is_bundled:
            raise Conflict(
                f"{stored.name!r} ships with the program and cannot be removed.",
                code="workflow_is_bundled",
            )
        users = await self._find_users(stored)
        if users:
            raise Conflict(
                f"These tools are run by the workflow: {', '.join(users)}. Let another one run "
                "them first.",
                code="workflow_in_use",
            )
        await self._workflows.delete(workflow_id)

    async def _find_users(self, stored: StoredWorkflow) -> list[str]:
        """Return the tools that it runs, each with its tenant."""
        references = {stored.id, stored.name, str(stored.definition.get("id", stored.id))}
        users = []
        for used in await self._tools.list_by_workflow(references):
            found = await self._workflows.find(used.workflow_reference)
            if found is not None and found.id == stored.id:
                tenant = await self._tenants.get(used.tenant_id)
                whose = used.tenant_id if tenant is None else tenant.name
                users.append(f"{used.tool.tool_name!r} of {whose!r}")
        return users

    def _summarise(self, workflow: StoredWorkflow) -> WorkflowSummary:
        try:
            return self._engine.summarise(workflow.definition)
        except InvalidInput:
            # Stored by another version: it is listed and can be removed, though not run here.
            return WorkflowSummary(name=workflow.name, nodes=[], webhook_path=None)

    async def run(
        self,
        workflow_id: str,
        data: JsonObject,
        *,
        tenant_id: str | None,
        debug: bool,
        only: TenantId | None = None,
    ) -> WorkflowRun:
        """Run a workflow once with ``data`` as the webhook's body, on a tenant's rows or nobody's.

        Raises:
            NotFound: There is no such tenant, or workflow for ``only``; see ``list_all``.
        """
        stored, _ = await self.get(workflow_id, only=only)
        time_zone = "UTC"
        if tenant_id is not None:
            tenant = await self._tenants.get(TenantId(tenant_id))
            if tenant is None:
                raise NotFound(f"There is no tenant {tenant_id!r}.", code="tenant_not_found")
            time_zone = tenant.time_zone
        return await self._engine.run_traced(
            stored.definition,
            data,
            tenant_id=TenantId(tenant_id) if tenant_id else NO_TENANT,
            time_zone=time_zone,
            debug=debug,
        )


def _not_found(workflow_id: str) -> NotFound:
    return NotFound(f"There is no workflow {workflow_id!r}.", code="workflow_not_found")
