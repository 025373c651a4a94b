"""Trying a tenant's tool by hand, before a visitor does.

Owns the trial call, and that one which changes something is asked for expressly; it counts as
nobody's usage and is not logged as an execution. The receiver knows it by the call's id, which
begins with ``test_``.
"""

from __future__ import annotations

from collections.abc import Mapping

from appliance.agent.bound_arguments import bind_call, build_spec
from appliance.agent.policy import find_argument_problem, judge_call
from appliance.agent.tool_breakers import ToolBreakers
from appliance.domain.identity import Claim, VerifiedIdentity
from appliance.domain.ids import ToolId, new_id
from appliance.domain.json_types import JsonObject
from appliance.domain.tenant import Tenant
from appliance.domain.tool import ExecutorKind, ToolCall, ToolOutcome
from appliance.errors import ConfigurationError, FieldError, InvalidInput, NotFound
from appliance.ports.clock import Clock
from appliance.ports.repositories import ToolRepository
from appliance.ports.tool_executor import ToolContext, ToolExecutor


def build_trial_identity(claims: Mapping[str, Claim] | None) -> VerifiedIdentity | None:
    """Return the visitor an operator plays.

    Raises:
        InvalidInput: The claims do not say who that is.
    """
    if claims is None:
        return None
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise InvalidInput(
            "The identity does not fit.",
            errors=[FieldError("identity.sub", "Give the person's id as a text.")],
        )
    return VerifiedIdentity(subject=subject, claims=dict(claims))


class ToolTrials:
    """Runs trial calls."""

    def __init__(
        self,
        *,
        tools: ToolRepository,
        executors: Mapping[ExecutorKind, ToolExecutor],
        breakers: ToolBreakers,
        clock: Clock,
    ) -> None:
        self._tools = tools
        self._executors = executors
        self._breakers = breakers
        self._clock = clock

    async def run(
        self,
        tenant: Tenant,
        tool_id: ToolId,
        parameters: JsonObject,
        identity: VerifiedIdentity | None = None,
        *,
        is_confirmed: bool = False,
    ) -> ToolOutcome:
        """Run the tool once with ``parameters``, also when it is switched off or left alone.

        An answer ends the rest of a tool that was left alone; silence lets no visitor wait.

        Args:
            tenant: For whom.
            tool_id: Which of the tenant's tools.
            parameters: Those that are bound to the visitor's identity are of ``identity``.
            identity: The visitor whom the operator plays.
            is_confirmed: The operator knows that a tool which changes something changes it.

        Raises:
            NotFound: The tenant does not use this tool.
            InvalidInput: The parameters do not fit the tool's schema, or the tool changes something
                and that was not confirmed (``code="confirmation_needed"``).
            ConfigurationError: There is nothing here that can run it.
        """
        tool = await self._tools.get_for_tenant(tenant.id, tool_id)
        if tool is None:
            raise NotFound(f"The tenant does not use the tool {tool_id!r}.", code="tool_not_found")
        call = ToolCall(id=f"test_{new_id()}", name=tool.tool.tool_name, arguments=parameters)
        problem = judge_call(call, {call.name: build_spec(tool, identity)}).refusal
        call = bind_call(call, tool, identity)
        problem = problem or find_argument_problem(call.arguments, tool.tool.parameters_schema)
        if problem is not None:
            raise InvalidInput(
                "The parameters do not fit the tool's schema.",
                errors=[FieldError("parameters", problem)],
            )
        if tool.risk != "read" and not is_confirmed:
            raise InvalidInput(
                f"A trial of {call.name!r} really runs it, and it changes something.",
                errors=[FieldError("confirm", "Send true to run it all the same.")],
                code="confirmation_needed",
            )
        executor = self._executors.get(tool.executor)
        if executor is None:
            raise ConfigurationError(
                f"Nothing here runs tools of the kind {tool.executor!r}.", code="executor_unknown"
            )
        context = ToolContext(tenant_id=tenant.id, time_zone=tenant.time_zone, identity=identity)
        began_at = self._clock.monotonic()
        outcome = await executor.execute(tool, call, context)
        self._breakers.note_trial(tool, outcome, began_at=began_at)
        return outcome
