"""Running the calls of a turn: at most once where they write, logged in every case.

Owns the ledger's rule, the log of executions and what is reported of a call; which calls may run
is decided by ``appliance.agent.loop``, how one runs by its executor.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence

import msgspec
import structlog
from msgspec import Struct, field

from appliance import failpoints
from appliance.agent.bound_arguments import bind_call
from appliance.agent.policy import (
    build_ledger_key,
    find_argument_problem,
    find_known_outcome,
)
from appliance.agent.stopping import StopSign
from appliance.agent.trace import TurnTrace
from appliance.domain.bound_parameters import find_bindings
from appliance.domain.json_types import JsonValue
from appliance.domain.message import ToolReport
from appliance.domain.tenant import local_day
from appliance.domain.tool import (
    ExecutorKind,
    TenantTool,
    ToolCall,
    ToolExecution,
    ToolOutcome,
    ToolStatus,
)
from appliance.domain.tool_failures import build_failure_text, says_undone
from appliance.domain.turn_events import ToolProgress, TurnEvent
from appliance.errors import UpstreamError
from appliance.ports.clock import Clock
from appliance.ports.tool_executor import ToolContext, ToolExecutor
from appliance.ports.turn_store import ConversationRecord, ModelUsage
from appliance.tasks import TaskGroup

logger = structlog.get_logger(__name__)

MAX_AT_ONCE = 5
MAX_RESULT_CHARS = 8_000
UNFIT_IDENTITY = "Not carried out: what the visitor's sign-in tells does not fit this tool."
SAID_UNDONE = "The tool's own answer says that it was not done."
BEGUN = ToolOutcome(
    is_success=False,
    failure="unknown",
    error="It was begun, and its end is not known: the call still runs, or the server was stopped.",
)
"""What is known of a write from its beginning to its end."""

Emit = Callable[[TurnEvent], None]


class TurnTally(Struct, kw_only=True):
    """What a running turn has done and used so far, also when it ends badly.

    ``has_begun_write``: something may have changed already, whether or not that is known yet.
    ``stop`` is set when the visitor wants no more of it.
    """

    executions: list[ToolExecution] = field(default_factory=list)
    usage: list[ModelUsage] = field(default_factory=list)
    reports: list[ToolReport] = field(default_factory=list)
    trace: TurnTrace = field(default_factory=TurnTrace)
    has_begun_write: bool = False
    stop: StopSign = field(default_factory=StopSign)


class ToolRuns:
    """Runs calls; one instance serves all turns."""

    def __init__(
        self,
        *,
        executors: Mapping[ExecutorKind, ToolExecutor],
        turn_store: ConversationRecord,
        clock: Clock,
        tasks: TaskGroup,
    ) -> None:
        self._executors = executors
        self._turn_store = turn_store
        self._clock = clock
        self._tasks = tasks

    async def run_all(
        self,
        calls: Sequence[ToolCall],
        tools: Mapping[str, TenantTool],
        context: ToolContext,
        tally: TurnTally,
        emit: Emit,
    ) -> dict[str, ToolOutcome]:
        """Run all calls to their end, also when one breaks: none goes on behind the turn.

        They run together, but never more than ``MAX_AT_ONCE`` of them.

        Args:
            calls: Calls of tools in ``tools``, with arguments that fit.
            tools: The tenant's tools, by name.
            context: For whom.
            tally: Told of every execution.
            emit: Told of every change of a call's state.

        Returns:
            The outcomes by call id.
        """
        turn = asyncio.Semaphore(MAX_AT_ONCE)

        async def run(call: ToolCall) -> ToolOutcome:
            async with turn:
                return await _Run(self, tools[call.name], call, context, tally, emit).run()

        ended = await asyncio.gather(*map(run, calls), return_exceptions=True)
        outcomes: dict[str, ToolOutcome] = {}
        for call, result in zip(calls, ended, strict=True):
            if isinstance(result, BaseException):
                raise result
            outcomes[call.id] = result
        return outcomes

    async def has_done(self, call: ToolCall, context: ToolContext) -> bool:
        """Say whether the very same was done in this conversation before."""
        place = context.conversation_id
        if place is None:
            return False
        key = build_ledger_key(context.tenant_id, place, call)
        earlier = await self._turn_store.list_executions(context.tenant_id, place, key)
        return any(execution.outcome.is_success for execution in earlier)

    async def execute_once(
        self, tool: TenantTool, call: ToolCall, context: ToolContext, tally: TurnTally
    ) -> ToolOutcome:
        """Run ``call`` as the server completes it, or return what came of it before."""
        if find_bindings(tool):
            call = bind_call(call, tool, context.identity)
            problem = find_argument_problem(call.arguments, tool.tool.parameters_schema)
            if problem is not None:
                tally.trace.note(
                    "policy", verdict="refused", call_id=call.id, tool=call.name, reason=problem
                )
                return ToolOutcome(is_success=False, error=UNFIT_IDENTITY, failure="not_available")
        conversation_id = context.conversation_id
        if tool.risk == "read" or conversation_id is None:
            return await self._execute_and_log(tool, call, context, tally, None)
        ledger_key = build_ledger_key(context.tenant_id, conversation_id, call)
        earlier = await self._turn_store.list_executions(
            context.tenant_id, conversation_id, ledger_key
        )
        known = find_known_outcome(earlier, call, tool)
        if known is not None:
            verdict = "unknown_end" if known.is_unknown else "repeated"
            tally.trace.note("policy", verdict=verdict, call_id=call.id, tool=call.name)
            return known
        # A write that has begun is finished and logged, whoever stops waiting for it.
        tally.has_begun_write = True
        writing = self._execute_and_log(tool, call, context, tally, ledger_key)
        return await asyncio.shield(self._tasks.start_for_caller(writing, name=f"write-{call.id}"))

    async def _execute_and_log(
        self,
        tool: TenantTool,
        call: ToolCall,
        context: ToolContext,
        tally: TurnTally,
        ledger_key: str | None,
    ) -> ToolOutcome:
        if ledger_key is not None:
            await self._record(self._log(call, BEGUN, ledger_key), context)
        failpoints.passed("tool.before_run")
        outcome = await self._execute(tool, call, context)
        failpoints.passed("tool.after_run")
        execution = self._log(call, outcome, ledger_key)
        tally.executions.append(execution)
        tally.trace.note(
            "tool_call",
            call_id=call.id,
            name=call.name,
            executor=tool.executor,
            arguments=call.arguments,
            is_success=outcome.is_success,
            result=build_result_text(outcome),
            failure=outcome.failure,
            error=outcome.error,
            duration_ms=outcome.duration_ms,
            attempts=outcome.attempts,
        )
        if ledger_key is not None:
            await self._record(execution, context)
            failpoints.passed("tool.recorded")
        return outcome

    def _log(self, call: ToolCall, outcome: ToolOutcome, ledger_key: str | None) -> ToolExecution:
        return ToolExecution(
            call=call, outcome=outcome, ledger_key=ledger_key, executed_at=self._clock.now()
        )

    async def _record(self, execution: ToolExecution, context: ToolContext) -> None:
        if context.conversation_id is not None:
            await self._turn_store.record_execution(
                context.tenant_id,
                context.conversation_id,
                execution,
                usage_day=local_day(execution.executed_at, context.time_zone),
            )

    async def _execute(self, tool: TenantTool, call: ToolCall, context: ToolContext) -> ToolOutcome:
        executor = self._executors.get(tool.executor)
        if executor is None:
            return ToolOutcome(
                is_success=False,
                error=f"This tool is set to run by {tool.executor!r}, which is not available.",
                failure="not_available",
            )
        started = self._clock.monotonic()
        try:
            outcome = await executor.execute(tool, call, context)
        except UpstreamError as error:
            duration_ms = round((self._clock.monotonic() - started) * 1000)
            outcome = ToolOutcome(is_success=False, error=error.message, duration_ms=duration_ms)
        if not outcome.is_success:
            return _settle_failure(outcome, tool)
        if tool.risk != "read" and says_undone(outcome.output):
            return msgspec.structs.replace(
                outcome, is_success=False, failure="refused", error=SAID_UNDONE
            )
        return outcome


class _Run(Struct, frozen=True):
    """One call on its way, with who is told of it."""

    runs: ToolRuns
    tool: TenantTool
    call: ToolCall
    context: ToolContext
    tally: TurnTally
    emit: Emit

    async def run(self) -> ToolOutcome:
        self._tell("running")
        outcome = await self.runs.execute_once(self.tool, self.call, self.context, self.tally)
        self._report(outcome)
        return outcome

    def _report(self, outcome: ToolOutcome) -> None:
        status: ToolStatus = "succeeded" if outcome.is_success else "failed"
        self.tally.reports.append(
            ToolReport(
                name=self.call.name,
                status="succeeded" if outcome.is_success else "failed",
                duration_ms=outcome.duration_ms,
            )
        )
        self._tell(status)
        if not outcome.is_success:
            logger.warning(
                "tool_failed",
                tool=self.call.name,
                failure=outcome.failure,
                error=outcome.error,
                attempts=outcome.attempts,
                tenant_id=self.context.tenant_id,
                conversation_id=self.context.conversation_id,
            )

    def _tell(self, status: ToolStatus) -> None:
        self.emit(ToolProgress(call_id=self.call.id, name=self.call.name, status=status))


def _settle_failure(outcome: ToolOutcome, tool: TenantTool) -> ToolOutcome:
    """Return ``outcome`` with its kind: what only reads has changed nothing, whatever happened."""
    failure = outcome.failure or "unknown"
    if failure == "unknown" and tool.risk == "read":
        failure = "no_answer"
    return msgspec.structs.replace(outcome, failure=failure)


def build_result_text(outcome: ToolOutcome) -> str:
    """Return a tool's outcome as the model reads it and may repeat it to the visitor.

    That is JSON text, or the sentence of a failure, never the operator's.
    """
    if outcome.is_answered:
        return _bounded(outcome.output)
    said = outcome.output if isinstance(outcome.output, str) else None
    return build_failure_text(outcome.failure or "unknown", said)


def _bounded(output: JsonValue) -> str:
    text = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
    if len(text) <= MAX_RESULT_CHARS:
        return text
    return text[:MAX_RESULT_CHARS] + f"\n[cut: {len(text) - MAX_RESULT_CHARS} more characters]"
