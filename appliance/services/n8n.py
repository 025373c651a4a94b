"""What operators do with their n8n: look, put our workflows into it, and let tools use it.

Owns which workflow becomes which; speaking n8n's API is left to ``appliance.n8n``.
"""

from __future__ import annotations

from collections.abc import Sequence

from appliance.domain.ids import TenantId, ToolId
from appliance.domain.tool import TenantTool
from appliance.errors import ApplianceError, ConfigurationError, Conflict, NotFound
from appliance.ports.n8n import N8nServer, N8nWebhook, N8nWorkflow
from appliance.ports.repositories import WorkflowRepository
from appliance.services.tools import TenantToolChanges, ToolService

SETTING = "CSAI_N8N_URL"


class N8nService:
    """Manages the operator's n8n, if there is one."""

    def __init__(
        self, *, server: N8nServer | None, workflows: WorkflowRepository, tools: ToolService
    ) -> None:
        self._server = server
        self._workflows = workflows
        self._tools = tools

    @property
    def url(self) -> str | None:
        """Where n8n is, ``None`` when none was set."""
        return None if self._server is None else self._server.url

    async def find_trouble(self) -> str | None:
        """Return why n8n cannot be used from here, or ``None`` when it can."""
        try:
            server = self._require()
            await server.check()
            await server.list_workflows()
        except ApplianceError as error:
            return error.message
        return None

    async def list_workflows(self) -> Sequence[N8nWorkflow]:
        """Return n8n's workflows, by name.

        Raises:
            ConfigurationError: No n8n was set, or no key for it.
            UpstreamError: See ``N8nServer``.
        """
        return await self._require().list_workflows()

    async def import_workflow(
        self, workflow_id: str, *, is_replacing: bool, is_published: bool
    ) -> N8nWorkflow:
        """Put one of the stored workflows into n8n.

        Args:
            workflow_id: Of the stored workflow, shipped or imported here.
            is_replacing: Put it in the place of n8n's own of the same name.
            is_published: Let its webhook answer at once.

        Raises:
            NotFound: There is no such stored workflow.
            Conflict: n8n has one of this name (``n8n_workflow_exists``), or a published one with
                the same webhook.
            ConfigurationError, UpstreamError: As ``list_workflows``.
        """
        server = self._require()
        stored = await self._workflows.get(workflow_id)
        if stored is None:
            raise NotFound(f"There is no workflow {workflow_id!r}.", code="workflow_not_found")
        twins = [item for item in await server.list_workflows() if item.name == stored.name]
        if len(twins) > 1 or (twins and not is_replacing):
            raise Conflict(
                f"n8n has {len(twins)} workflows named {stored.name!r} already. "
                + ("Rename all but one." if is_replacing else 'Send "replace": true to renew it.'),
                code="n8n_workflow_exists",
            )
        if twins:
            made = await server.replace_workflow(twins[0].id, stored.definition)
        else:
            made = await server.create_workflow(stored.definition)
        return await server.publish_workflow(made.id) if is_published else made

    async def publish_workflow(self, n8n_id: str) -> N8nWorkflow:
        """Make a workflow's webhooks answer; see ``N8nServer.publish_workflow``."""
        return await self._require().publish_workflow(n8n_id)

    async def use_workflow(
        self, n8n_id: str, tenant_id: TenantId, tool_id: ToolId, *, path: str | None
    ) -> TenantTool:
        """Let a tenant's tool call a workflow's production webhook from now on.

        Args:
            n8n_id: Of the workflow in n8n.
            tenant_id: Whose tool.
            tool_id: Which.
            path: Of the webhook, where the workflow has several.

        Raises:
            NotFound: n8n has no such workflow, or the tenant does not use the tool.
            Conflict: The workflow is not published, or has no such webhook.
            ConfigurationError, UpstreamError: As ``list_workflows``.
        """
        listed = await self.list_workflows()
        found = next((workflow for workflow in listed if workflow.id == n8n_id), None)
        if found is None:
            raise NotFound(f"n8n has no workflow {n8n_id!r}.", code="n8n_workflow_not_found")
        if not found.is_active:
            raise Conflict(
                f"{found.name!r} is not published in n8n, so its webhook would not answer.",
                code="n8n_workflow_not_published",
            )
        webhook = _choose(found, path)
        changes = TenantToolChanges(executor="n8n_webhook", webhook_url=webhook.production_url)
        return await self._tools.change_for_tenant(tenant_id, tool_id, changes)

    def _require(self) -> N8nServer:
        if self._server is None:
            raise ConfigurationError(
                f"No n8n was set. Set {SETTING} to its address.",
                setting=SETTING,
                code="n8n_not_set",
            )
        return self._server


def _choose(workflow: N8nWorkflow, path: str | None) -> N8nWebhook:
    fitting = [
        webhook
        for webhook in workflow.webhooks
        if "POST" in webhook.method and ":" not in webhook.path and path in (None, webhook.path)
    ]
    if len(fitting) == 1:
        return fitting[0]
    paths = ", ".join(repr(webhook.path) for webhook in fitting) or "none"
    raise Conflict(
        f"{workflow.name!r} must have one webhook for POST of that path; there are: {paths}.",
        code="n8n_webhook_unclear",
    )
