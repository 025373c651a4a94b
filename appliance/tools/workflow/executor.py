"""Runs a tool by running a stored workflow.

Owns finding the workflow and handing it the call in the form its webhook would receive; running
nodes is left to ``appliance.workflows``.
"""

from __future__ import annotations

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.secrets import mask_known, mask_text
from appliance.domain.tool import ExecutorKind, TenantTool, ToolCall, ToolOutcome
from appliance.domain.tool_failures import FailureKind
from appliance.domain.workflow import StoredWorkflow
from appliance.errors import InvalidInput, UpstreamError
from appliance.ports.clock import Clock
from appliance.ports.integrations import IntegrationAccess
from appliance.ports.repositories import WorkflowRepository
from appliance.ports.tool_executor import ToolContext
from appliance.tools.call_form import (
    build_call_context,
    build_integrations,
    list_keys,
    read_error_status,
    unwrap_items,
)
from appliance.workflows.runner import WorkflowRunner


class _Failed(Exception):
    """The workflow brought no result; the text is for the operator, ``said`` for people."""

    def __init__(self, sentence: str, failure: FailureKind, said: str | None = None) -> None:
        super().__init__(sentence)
        self.failure = failure
        self.said = said


class WorkflowExecutor:
    """Implements ``ToolExecutor`` for the kind ``workflow``."""

    def __init__(
        self,
        workflows: WorkflowRepository,
        runner: WorkflowRunner,
        integrations: IntegrationAccess,
        clock: Clock,
    ) -> None:
        self._workflows = workflows
        self._runner = runner
        self._integrations = integrations
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
        access = await self._integrations.describe(context.tenant_id, tool.integration_mapping)
        body = build_input(call, context)
        output: JsonValue = None
        error: str | None = None
        failure: FailureKind | None = None
        try:
            stored = await self._find(tool.workflow_reference)
            whole = {**body, **build_integrations(access, is_shown=False)}
            output = await self._run(stored, whole, tool, call, context)
        except _Failed as exc:
            error, failure, output = str(exc), exc.failure, exc.said
        keys = list_keys(access)
        return ToolOutcome(
            is_success=failure is None,
            output=mask_known(output, keys),
            error=mask_text(error, keys),
            failure=failure,
            duration_ms=round((self._clock.monotonic() - started) * 1000),
            sent={**body, **build_integrations(access, is_shown=True)},
        )

    async def _find(self, wanted: str) -> StoredWorkflow:
        found = await self._workflows.find(wanted)
        if found is None:
            raise _Failed(
                f"There is no workflow {wanted!r}. The operator should import it, "
                "or choose another one for this tool.",
                "not_available",
            )
        return found

    async def _run(
        self,
        stored: StoredWorkflow,
        body: JsonObject,
        tool: TenantTool,
        call: ToolCall,
        context: ToolContext,
    ) -> JsonValue:
        """Return the workflow's answer; one that broke off may have changed something before."""
        try:
            run = await self._runner.run(
                stored.definition,
                body,
                tenant_id=context.tenant_id,
                time_zone=context.time_zone,
                headers={"content-type": "application/json", "idempotency-key": call.id},
                config=tool.custom_config or None,
            )
        except (UpstreamError, InvalidInput) as exc:
            has_begun = isinstance(exc, UpstreamError)
            sentence = f"The workflow {stored.name!r} failed: {exc.message}"
            raise _Failed(sentence, "unknown" if has_begun else "not_available") from exc
        if run.status_code >= 400:
            raise _Failed(
                f"The workflow {stored.name!r} answered with the error status {run.status_code}.",
                *read_error_status(run.status_code, run.output),
            )
        return unwrap_items(run.output)


def build_input(call: ToolCall, context: ToolContext) -> JsonObject:
    """Return the body of the workflow's webhook; no parameter takes the place of ``_context``."""
    return {**call.arguments, "_context": build_call_context(call, context)}
