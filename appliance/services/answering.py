"""How the answer to one visitor message is found.

Owns what goes into it, in which order: the conversation so far, the decision on an action that
waits, the models, the agent. Storing the answer and telling the visitor is left to
``appliance.services.turns``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from appliance.agent.bound_arguments import build_spec
from appliance.agent.language import detect_language
from appliance.agent.loop import FormFilled
from appliance.agent.prompt import build_system_message
from appliance.agent.runner import AgentResult, AgentRunner, Assignment
from appliance.agent.tool_forms import read_form
from appliance.agent.tool_runs import Emit, TurnTally
from appliance.domain.conversation import Conversation, Summary
from appliance.domain.identity import VerifiedIdentity
from appliance.domain.ids import ConversationId, SessionHash, hash_token, new_id
from appliance.domain.message import ChatMessage
from appliance.domain.tenant import Tenant
from appliance.domain.tool import ToolCall, ToolSpec
from appliance.domain.tool_form import FilledForm
from appliance.domain.turn_events import AnswerDelta
from appliance.ports.chat_model import Briefing
from appliance.ports.clock import Clock
from appliance.ports.tool_executor import ToolContext
from appliance.ports.turn_store import TurnAccepted
from appliance.services.answer_cache import AnswerCache, build_basis
from appliance.services.budgets import Budgets
from appliance.services.handover import Closing, Concluded, Handover, Visit
from appliance.services.model_selection import ModelSelector
from appliance.services.pending_actions import PendingActions
from appliance.services.tenant_directory import KnownTenant
from appliance.services.turn_history import LoadedHistory, TurnHistory
from appliance.wording import tells_language


class Question(Struct, frozen=True, kw_only=True):
    """One accepted message that wants an answer."""

    known: KnownTenant
    accepted: TurnAccepted
    session_id: str
    text: str
    locale: str | None = None
    identity: VerifiedIdentity | None = None
    form: FilledForm | None = None
    is_retry: bool = False

    @property
    def tenant(self) -> Tenant:
        """The shop that is asked."""
        return self.known.tenant

    @property
    def conversation(self) -> Conversation:
        """The conversation as it was when the turn began."""
        return self.accepted.conversation

    @property
    def conversation_id(self) -> ConversationId:
        """The conversation's id."""
        return self.accepted.conversation.id

    @property
    def session_hash(self) -> SessionHash:
        """The session as it is stored."""
        return SessionHash(hash_token(self.session_id))


class Answered(Struct, frozen=True, kw_only=True):
    """What the agent came to, what it means for the conversation, and what was read for it.

    Nothing was read where a person has the conversation.
    """

    result: AgentResult
    closing: Closing = Closing()
    history: LoadedHistory | None = None


class Answering:
    """Finds answers; one instance serves all turns.

    Without ``budgets`` nothing is reckoned, without ``answers`` none is remembered.
    """

    def __init__(
        self,
        *,
        history: TurnHistory,
        agent: AgentRunner,
        models: ModelSelector,
        pending_actions: PendingActions,
        handover: Handover,
        clock: Clock,
        budgets: Budgets | None = None,
        answers: AnswerCache | None = None,
    ) -> None:
        self._history = history
        self._agent = agent
        self._models = models
        self._pending_actions = pending_actions
        self._budgets = budgets
        self._answers = answers
        self._handover = handover
        self._clock = clock

    async def answer(self, question: Question, tally: TurnTally, emit: Emit) -> Answered:
        """Return the answer to ``question``.

        Args:
            question: What the visitor wants to know.
            tally: Told of what is used and done, however this ends.
            emit: Told of text and tool progress at once.

        Raises:
            ApplianceError: There is no answer.
        """
        silence = self._handover.keep_silent(question.conversation)
        if silence is not None:
            return Answered(result=silence.result, closing=silence.closing)
        history = await self._history.load(
            question.accepted,
            question.session_hash,
            question.text,
            is_retry=question.is_retry,
            window_messages=question.tenant.agent.window_messages,
        )
        visit = Visit(
            tenant=question.tenant,
            conversation=question.conversation,
            messages=history.messages,
            language=_find_language(
                history.messages, default=question.locale or question.tenant.language
            ),
            tools=tuple(_build_specs(question).values()),
        )
        said = 0
        filled = _read_form(question)
        concluded = None if filled is not None else self._handover.answer_alone(visit)
        if concluded is None:
            assignment = await self._build_assignment(
                question, visit, history.summary, tally, filled=filled
            )
            _trace_context(question, history.summary, assignment, tally)
            result = await self._ask(question, assignment, tally, emit)
            said = len(result.text)
            concluded = self._handover.conclude(visit, result)
        if more := concluded.result.text[said:]:
            emit(AnswerDelta(text=more))
        _trace_closing(concluded, tally)
        return Answered(result=concluded.result, closing=concluded.closing, history=history)

    async def _ask(
        self, question: Question, assignment: Assignment, tally: TurnTally, emit: Emit
    ) -> AgentResult:
        """Return what was answered to the same question before, or what the agent comes to now."""
        if self._answers is None:
            return await self._agent.run(assignment, tally, emit)
        is_anonymous = question.identity is None and question.conversation.visitor is None
        is_first = question.accepted.is_new_session and assignment.filled is None
        is_anybodys = is_first and is_anonymous
        basis = build_basis(question.tenant, assignment, is_first=is_anybodys)
        if basis is not None:
            cached = await self._answers.find(question.tenant, basis, tally.trace)
            if cached is not None:
                emit(AnswerDelta(text=cached.text))
                return cached
        result = await self._agent.run(assignment, tally, emit)
        if basis is not None:
            self._answers.remember(question.tenant, basis, result)
        return result

    async def close(self, question: Question) -> None:
        """Settle the accounts of a turn that is over, whatever became of it."""
        if self._budgets is not None:
            await self._budgets.close(question.tenant, question.accepted.user_message_id)

    def remember(self, question: Question, answered: Answered, *, finished_at: datetime) -> None:
        """Remember what a stored answer leaves for the next turn."""
        self._handover.stored(answered.closing)
        result = answered.result
        if answered.history is None:
            return
        *between, answer = result.new_messages
        told = msgspec.structs.replace(answer, content=result.text)
        self._history.remember(
            question.accepted,
            question.session_hash,
            answered.history,
            (*between, told),
            finished_at=finished_at,
        )

    async def _build_assignment(
        self,
        question: Question,
        visit: Visit,
        summary: Summary | None,
        tally: TurnTally,
        *,
        filled: FormFilled | None,
    ) -> Assignment:
        tenant, tools = question.tenant, question.known.tools
        models = await self._models.choose(tenant)
        if self._budgets is not None:
            turn_id = question.accepted.user_message_id
            models = await self._budgets.limit(tenant, turn_id, models, tally.trace)
        now = self._clock.now().astimezone(ZoneInfo(tenant.time_zone))
        system = build_system_message(
            tenant,
            now=now,
            has_tools=bool(tools),
            asked="" if models[0].only_quotes else question.text,
            summary=summary.text if summary else "",
            visitor=question.conversation.visitor,
        )
        return Assignment(
            context=ToolContext(
                tenant_id=tenant.id,
                conversation_id=question.conversation_id,
                time_zone=tenant.time_zone,
                identity=question.identity,
            ),
            messages=(system, *visit.messages),
            tools=tools,
            specs=_build_specs(question),
            models=models,
            briefing=Briefing(
                shop_name=tenant.name,
                business_info=tenant.business_info,
                language=visit.language,
                now=now,
            ),
            temperature=tenant.llm.temperature,
            max_output_tokens=tenant.llm.max_output_tokens,
            max_tool_rounds=tenant.agent.max_tool_rounds,
            max_input_tokens=tenant.agent.max_input_tokens,
            decided=None
            if filled is not None
            else await self._pending_actions.decide(
                question.conversation,
                question.text,
                tools,
                question.identity,
                message_id=question.accepted.user_message_id,
            ),
            filled=filled,
        )


def _build_specs(question: Question) -> Mapping[str, ToolSpec]:
    """Return the tools as models see them, for who the visitor was proved to be."""
    specs = question.known.specs
    if question.identity is None:
        return specs
    tools = question.known.tools
    bound = (name for name, spec in specs.items() if spec.bound)
    return specs | {name: build_spec(tools[name], question.identity) for name in bound}


def _read_form(question: Question) -> FormFilled | None:
    """Return the call that a filled form makes; one that does not fit is read as the text it is."""
    form = question.form
    tool = None if form is None else question.known.tools.get(form.tool)
    if form is None or tool is None:
        return None
    arguments = read_form(form, build_spec(tool, question.identity))
    if arguments is None:
        return None
    call = ToolCall(id=f"call_{new_id()}", name=form.tool, arguments=arguments)
    return FormFilled(call=call)


def _trace_context(
    question: Question, summary: Summary | None, assignment: Assignment, tally: TurnTally
) -> None:
    decided = assignment.decided
    tally.trace.note(
        "context",
        language=assignment.briefing.language,
        messages=len(assignment.messages) - 1,
        summarised_through=None if summary is None else summary.through_seq,
        models=[
            f"{choice.provider.name}/{choice.model}" if choice.model else choice.provider.name
            for choice in assignment.models
        ],
        tools=sorted(assignment.tools),
        decision=None
        if decided is None
        else {"tool": decided.call.name, "is_confirmed": decided.is_confirmed},
        is_retry=question.is_retry,
        form=None if assignment.filled is None else assignment.filled.call.name,
    )


def _trace_closing(concluded: Concluded, tally: TurnTally) -> None:
    closing = concluded.closing
    if closing == Closing():
        return
    tally.trace.note(
        "handover",
        cause=None if closing.escalation is None else closing.escalation.cause,
        ends_conversation=closing.ends_conversation,
        failed_rounds=closing.failed_rounds,
    )


def _find_language(history: Sequence[ChatMessage], *, default: str) -> str:
    """Return the language of the visitor's last message that is of one."""
    texts = (message.content for message in reversed(history) if message.role == "user")
    text = next(filter(tells_language, texts), "")
    return detect_language(text, default=default)
