"""Runs a tool by running a stored workflow.

Owns finding the workflow and handing it the call in the form its webhook would receive; running
nodes is left to ``appliance.workflows``.
"""

from __future__ import annotations

from appliance.domain.json_types import JsonObject
from appliance.domain.tool import ExecutorKind, TenantTool, ToolCall, ToolOutcome
from appliance.domain.workflow import StoredWorkflow
from appliance.errors import InvalidInput, UpstreamError
from appliance.ports.clock import Clock
from appliance.ports.repositories import WorkflowRepository
from appliance.ports.tool_executor import ToolContext
from appliance.ports.workflow_engine import WorkflowRun
from appliance.tools.call_form import build_call_context, unwrap_items
from appliance.workflows.runner import WorkflowRunner


class WorkflowExecutor:
    """Implements ``ToolExecutor`` for the kind ``workflow``."""

    def __init__(self, workflows: WorkflowRepository, runner: WorkflowRunner, clock: Clock) -> None:
        self._workflows = workflows
        self._runner = runner
        self._clock = clock

    @property
    def kind(self) -> ExecutorKind:
        """The executor kind."""
        return "workflow"

    async def execute(self, tool: TenantTool, call: ToolCall, context: ToolContext) -> ToolOutcome:
        """Run the tool's workflow with the call and return what it answers.

        The workflow is the one that ``tool`` names, by name or id, or else the one with the tool's
        own name. It sees the tool's ``custom_config`` as ``_config``.
        """
        started = self._clock.monotonic()
        sent = build_input(call, context)
        run: WorkflowRun | None = None
        wanted = tool.workflow or tool.tool.tool_name
        stored = await self._find(wanted)
        if stored is None:
            error: str | None = (
                f"There is no workflow {wanted!r}. The operator should import it, "
                "or choose another one for this tool."
            )
        else:
            run, error = await self._run(stored, sent, tool, call, context)
        return ToolOutcome(
            is_success=error is None,
            output=unwrap_items(run.output) if run is not None and error is None else None,
            error=error,
            duration_ms=round((self._clock.monotonic() - started) * 1000),
            sent=sent,
        )

    async def _find(self, wanted: str) -> StoredWorkflow | None:
        return await self._workflows.find_by_name(wanted) or await self._workflows.get(wanted)

    async def _run(
        self,
        stored: StoredWorkflow,
        sent: JsonObject,
        tool: TenantTool,
        call: ToolCall,
        context: ToolContext,
    ) -> tuple[WorkflowRun | None, str | None]:
        try:
            run = await self._runner.run(
                stored.definition,
                sent,
                tenant_id=context.tenant_id,
                time_zone=context.time_zone,
                headers={"content-type": "application/json", "idempotency-key": call.id},
                config=tool.custom_config or None,
            )
        except (UpstreamError, InvalidInput) as exc:
            return None, f"The workflow {stored.name!r} failed: {exc.message}"
        if run.status_code >= 400:
            return run, (
                f"The workflow {stored.name!r} answered with the error status {run.status_code}."
            )
        return run, None


def build_input(call: ToolCall, context: ToolContext) -> JsonObject:
    """Return the body of the workflow's webhook; no parameter takes the place of ``_context``."""
    call_context = {**build_call_context(call, context), "time_zone": context.time_zone}
    return {**call.arguments, "_context": call_context}
