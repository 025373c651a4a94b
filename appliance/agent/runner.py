"""Carries out what the loop commands: asks models, has tools run, reports progress.

Owns what a turn leaves behind; what happens next is decided by ``appliance.agent.loop``, asking
models is left to ``appliance.agent.model_calls``, running tools to ``appliance.agent.tool_runs``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from datetime import timedelta

import msgspec
import structlog
from msgspec import Struct

from appliance.agent.bound_arguments import bind_call, select_shown
from appliance.agent.claim_guard import ClaimGuard
from appliance.agent.confirmation import build_confirmation, confirmation_replies
from appliance.agent.language import texts_for
from appliance.agent.loop import (
    ActionDecided,
    AdmitUnknown,
    Answer,
    AskModel,
    AskVisitor,
    Command,
    FormFilled,
    LoopEvent,
    LoopState,
    ModelAsked,
    ModelSaid,
    ModelStopped,
    RunTools,
    Say,
    ToolsReturned,
    TurnBegan,
    advance,
)
from appliance.agent.model_calls import AnswerBroke, AnswerModel, ModelCalls
from appliance.agent.prompt import add_correction
from appliance.agent.stopping import Stopped, keep_whole
from appliance.agent.tool_forms import build_form
from appliance.agent.tool_runs import Emit, ToolRuns, TurnTally, build_result_text
from appliance.domain.conversation import PendingAction
from appliance.domain.ids import new_id
from appliance.domain.message import ChatMessage, Citation, TokenUsage, ToolReport
from appliance.domain.prices import PriceList
from appliance.domain.tenant import BUILTIN
from appliance.domain.tool import (
    ExecutorKind,
    TenantTool,
    ToolCall,
    ToolExecution,
    ToolOutcome,
    ToolSpec,
)
from appliance.domain.tool_form import ToolForm
from appliance.domain.turn_events import AnswerDelta, ToolProgress
from appliance.ports.chat_model import (
    Briefing,
    ChatRequest,
    ModelFinished,
    ModelSignal,
    TextDelta,
    ToolCallRequested,
)
from appliance.ports.clock import Clock
from appliance.ports.tool_executor import ToolContext, ToolExecutor
from appliance.ports.turn_store import ConversationRecord, ModelUsage
from appliance.tasks import TaskGroup
from appliance.wording import name_tool

logger = structlog.get_logger(__name__)

PENDING_ACTION_LIFETIME = timedelta(minutes=5)
OWN_ANSWER = ModelUsage(provider=BUILTIN, model=BUILTIN, usage=TokenUsage())
"""What is counted for an answer of ours that no model was asked for."""


class Assignment(Struct, frozen=True, kw_only=True):
    """Everything one turn needs. ``models`` are tried in order; the last one must not fail.

    ``messages`` begin with the system message and end with the visitor's; ``specs`` are the
    ``tools`` as models see them. The turn begins with what was ``decided`` or ``filled`` in, if
    anything was.
    """

    context: ToolContext
    messages: tuple[ChatMessage, ...]
    tools: Mapping[str, TenantTool]
    specs: Mapping[str, ToolSpec]
    models: Sequence[AnswerModel]
    briefing: Briefing
    temperature: float
    max_output_tokens: int
    max_tool_rounds: int
    max_input_tokens: int | None = None
    decided: ActionDecided | None = None
    filled: FormFilled | None = None


class AgentResult(Struct, frozen=True, kw_only=True):
    """What a turn leaves behind. The last of ``new_messages`` is the answer.

    ``unknown_tool`` names the tool of which the answer says that its end is not known.
    ``is_stopped``: the visitor wanted no more of it.
    """

    text: str
    new_messages: tuple[ChatMessage, ...]
    model: str
    is_degraded: bool
    executions: tuple[ToolExecution, ...]
    usage: tuple[ModelUsage, ...]
    tools: tuple[ToolReport, ...]
    pending_action: PendingAction | None = None
    citations: tuple[Citation, ...] = ()
    quick_replies: tuple[str, ...] = ()
    signal: ModelSignal | None = None
    is_cached: bool = False
    unknown_tool: str | None = None
    is_stopped: bool = False
    form: ToolForm | None = None


class AgentRunner:
    """Runs turns; one instance serves all tenants."""

    def __init__(
        self,
        *,
        executors: Mapping[ExecutorKind, ToolExecutor],
        turn_store: ConversationRecord,
        clock: Clock,
        tasks: TaskGroup,
        prices: PriceList | None = None,
    ) -> None:
        self._prices = prices or PriceList({})
        self._tool_runs = ToolRuns(
            executors=executors, turn_store=turn_store, clock=clock, tasks=tasks
        )
        self._turn_store = turn_store
        self._clock = clock

    async def run(self, assignment: Assignment, tally: TurnTally, emit: Emit) -> AgentResult:
        """Run one turn to its answer.

        Args:
            assignment: What to answer, for whom, with what.
            tally: Filled as the turn goes, so that it is known however the turn ends.
            emit: Told of text and tool progress at once.
        """
        guard = ClaimGuard(self._turn_store, assignment.context, assignment.tools, tally.trace)
        turn = _Turn(self._tool_runs, guard, self._clock, self._prices, assignment, tally, emit)
        return await turn.run()


class _Turn:
    """One running turn."""

    def __init__(
        self,
        tool_runs: ToolRuns,
        guard: ClaimGuard,
        clock: Clock,
        prices: PriceList,
        assignment: Assignment,
        tally: TurnTally,
        emit: Emit,
    ) -> None:
        self._tool_runs = tool_runs
        self._guard = guard
        self._clock = clock
        self._assignment = assignment
        self._specs = assignment.specs
        self._tally = tally
        self._emit = emit
        self._models = ModelCalls(
            assignment.models,
            tally,
            prices=prices,
            tenant_id=assignment.context.tenant_id,
            clock=clock,
            max_input_tokens=assignment.max_input_tokens,
        )
        self._state = LoopState(
            messages=assignment.messages,
            new_from=len(assignment.messages),
            tools=self._specs,
            max_tool_rounds=assignment.max_tool_rounds,
        )

    async def run(self) -> AgentResult:
        commands: deque[Command] = deque()
        begun = self._assignment.decided or self._assignment.filled or TurnBegan()
        self._feed(begun, commands)
        try:
            return await self._carry_out(commands)
        except Stopped:
            return await self._answer_stopped()

    async def _carry_out(self, commands: deque[Command]) -> AgentResult:
        stop = self._tally.stop
        while True:
            command = commands.popleft()
            match command:
                case AskModel():
                    await stop.run(self._ask_model(command, commands))
                case Say(text=text):
                    self._emit(AnswerDelta(text=text))
                case RunTools(calls=calls):
                    results = await stop.run(
                        self._run_tools(calls), may_cut=lambda: not self._tally.has_begun_write
                    )
                    self._feed(ToolsReturned(results=results), commands)
                case AskVisitor():
                    return await self._ask_visitor(command)
                case Answer():
                    return await self._answer(command)
                case AdmitUnknown(call=call):
                    return self._admit_unknown(call)

    def _feed(self, event: LoopEvent, commands: deque[Command]) -> None:
        before = len(self._state.messages)
        self._state, new = advance(self._state, event)
        if isinstance(event, ModelStopped):
            self._trace_refusals(self._state.messages[before:])
        commands.extend(new)

    def _trace_refusals(self, messages: Sequence[ChatMessage]) -> None:
        for message in messages:
            if message.role == "tool" and message.is_error:
                self._tally.trace.note(
                    "policy",
                    verdict="refused",
                    call_id=message.tool_call_id,
                    tool=message.tool_name,
                    reason=message.content,
                )

    async def _ask_model(self, command: AskModel, commands: deque[Command]) -> None:
        """Have the models answer; a beginning that the visitor has seen is kept, not repeated.

        What the guard still holds of an answer that breaks is not said: without a word seen of it,
        the next model answers.
        """
        if command.shown and not self._state.text[-1:].isspace():
            self._say(" ", commands)
        seen = self._state.text.strip()
        while True:
            try:
                await self._hear_answer(command, commands)
                return
            except AnswerBroke:
                self._guard.drop_held()
                if self._state.text.strip() == seen and self._models.leave_broken():
                    continue
                broken = ModelFinished(finish_reason="length", model=self._models.model_name)
                await self._stop(broken, commands)
                return

    async def _hear_answer(self, command: AskModel, commands: deque[Command]) -> None:
        earlier = self._state.messages[: self._state.new_from]
        self._guard.begin(self._state.new_messages, earlier=earlier, shown=command.shown)
        async with aclosing(self._models.stream(self._build_request(command))) as stream:
            async for event in stream:
                if isinstance(event, TextDelta):
                    await self._hear(event.text, commands)
                elif isinstance(event, ToolCallRequested):
                    self._feed(ModelAsked(call=event.call), commands)
                else:
                    await self._stop(event, commands)

    async def _hear(self, text: str, commands: deque[Command]) -> None:
        """Show what the guard lets through of a model's words."""
        self._say(text if self._models.only_quotes else await self._guard.take(text), commands)

    async def _stop(self, finished: ModelFinished, commands: deque[Command]) -> None:
        guard = self._guard
        self._say(await guard.finish(), commands)
        self._feed(
            ModelStopped(finished=finished, claim=guard.claim, is_shown=guard.is_shown), commands
        )

    def _say(self, text: str, commands: deque[Command]) -> None:
        if text:
            self._feed(ModelSaid(text=text), commands)
            self._say_pending(commands)

    def _say_pending(self, commands: deque[Command]) -> None:
        while commands and isinstance(commands[0], Say):
            said = commands.popleft()
            assert isinstance(said, Say)
            self._emit(AnswerDelta(text=said.text))

    def _build_request(self, command: AskModel) -> ChatRequest:
        specs = tuple(self._specs.values())
        messages = command.messages
        if command.unproven is not None:
            asked_again = add_correction(
                messages[0],
                command.unproven,
                shown=command.shown,
                language=self._assignment.briefing.language,
            )
            messages = (asked_again, *messages[1:])
        return ChatRequest(
            messages=messages,
            briefing=self._assignment.briefing,
            tools=specs if command.may_use_tools else (),
            withheld_tools=() if command.may_use_tools else specs,
            temperature=self._assignment.temperature,
            max_output_tokens=self._assignment.max_output_tokens,
        )

    async def _run_tools(self, calls: Sequence[ToolCall]) -> dict[str, tuple[str, ToolOutcome]]:
        outcomes = await self._tool_runs.run_all(
            calls, self._assignment.tools, self._assignment.context, self._tally, self._emit
        )
        return {
            call_id: (build_result_text(outcome), outcome) for call_id, outcome in outcomes.items()
        }

    async def _ask_visitor(self, command: AskVisitor) -> AgentResult:
        call, preface = command.call, command.preface
        self._tally.trace.note(
            "policy", verdict="confirm", call_id=call.id, tool=call.name, reasons=[*command.reasons]
        )
        language = self._assignment.briefing.language
        tool = self._assignment.tools[call.name]
        bound = bind_call(call, tool, self._assignment.context.identity)
        whole = msgspec.structs.replace(
            self._specs[call.name], parameters_schema=tool.tool.parameters_schema
        )
        is_again = await self._tool_runs.has_done(bound, self._assignment.context)
        question = build_confirmation(
            select_shown(bound, tool), whole, language=language, is_done_before=is_again
        )
        text = f"{preface}\n\n{question}" if preface else question
        until = self._clock.now() + PENDING_ACTION_LIFETIME
        pending = PendingAction(id=new_id(), call=bound, summary=question, expires_at=until)
        self._emit(ToolProgress(call_id=call.id, name=call.name, status="needs_confirmation"))
        self._tally.reports.append(ToolReport(name=call.name, status="needs_confirmation"))
        self._emit(AnswerDelta(text=f"\n\n{question}" if preface else question))
        asked = ChatMessage(role="assistant", content=text)
        return self._result(
            text,
            (*self._state.new_messages, asked),
            pending_action=pending,
            citations=command.citations,
            quick_replies=confirmation_replies(language),
        )

    def _admit_unknown(self, call: ToolCall) -> AgentResult:
        """Say so in our own words: no model may guess how it ended."""
        language = self._assignment.briefing.language
        tool = self._assignment.tools.get(call.name)
        schema = tool.tool.parameters_schema if tool is not None else {}
        text = texts_for(language)["outcome_unknown"].format(
            action=name_tool(call.name, schema, language)
        )
        self._emit(AnswerDelta(text=text))
        said = ChatMessage(role="assistant", content=text)
        result = self._result(text, (*self._state.new_messages, said))
        return msgspec.structs.replace(
            result, model=BUILTIN, usage=(*result.usage, OWN_ANSWER), unknown_tool=call.name
        )

    async def _answer(self, answer: Answer) -> AgentResult:
        texts = texts_for(self._assignment.briefing.language)
        messages = self._state.new_messages
        text = answer.text.strip()
        if answer.finish == "unproven":
            honest = await self._guard.tell_what_was_done(self._assignment.briefing.language)
            honest = f"\n\n{honest}" if text else honest
            self._emit(AnswerDelta(text=honest))
            text += honest
        elif answer.finish != "complete":
            text = f"{text}\n\n{texts['cut_short']}" if text else texts["no_answer"]
        if answer.finish != "complete":
            last = ChatMessage(
                role="assistant", content=text, provider_state=messages[-1].provider_state
            )
            messages = (*messages[:-1], last)
        return self._result(
            text,
            messages,
            is_cut=answer.finish != "complete",
            citations=answer.citations,
            quick_replies=answer.quick_replies,
            signal=answer.signal,
            form=self._build_form(answer),
        )

    def _build_form(self, answer: Answer) -> ToolForm | None:
        call = answer.asks_for
        spec = None if call is None else self._specs.get(call.name)
        if call is None or spec is None or spec.refusal or answer.finish != "complete":
            return None
        language = self._assignment.briefing.language
        return build_form(spec, call.arguments, language=language)

    async def _answer_stopped(self) -> AgentResult:
        """End with what the visitor has seen, and what was done if anything was to be."""
        language = self._assignment.briefing.language
        self._guard.drop_held()
        messages, said = keep_whole(self._state.new_messages, self._state.text)
        self._tally.trace.note("stopped", said_chars=len(said))
        more = ""
        if self._tally.has_begun_write or self._assignment.decided is not None:
            more = await self._guard.tell_what_was_done(language)
        elif not said:
            more = texts_for(language)["stopped"]
        text = "\n\n".join(part for part in (said, more) if part)
        if more:
            self._emit(AnswerDelta(text=text[len(said) :]))
        result = self._result(text, (*messages, ChatMessage(role="assistant", content=text)))
        return msgspec.structs.replace(result, usage=result.usage or (OWN_ANSWER,), is_stopped=True)

    def _result(
        self,
        text: str,
        new_messages: tuple[ChatMessage, ...],
        *,
        is_cut: bool = False,
        pending_action: PendingAction | None = None,
        citations: tuple[Citation, ...] = (),
        quick_replies: tuple[str, ...] = (),
        signal: ModelSignal | None = None,
        form: ToolForm | None = None,
    ) -> AgentResult:
        return AgentResult(
            text=text,
            new_messages=new_messages,
            model=self._models.model_name,
            is_degraded=is_cut or self._models.is_fallback,
            executions=tuple(self._tally.executions),
            usage=tuple(self._tally.usage),
            tools=tuple(self._tally.reports),
            pending_action=pending_action,
            citations=citations,
            quick_replies=quick_replies,
            signal=signal,
            form=form,
        )
