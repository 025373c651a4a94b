"""The turn as a pure state machine: a state and an event in, a new state and commands out.

Owns what happens next in a turn; carrying the commands out is left to ``appliance.agent.runner``,
the rules on single calls to ``appliance.agent.policy``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, assert_never

import msgspec
from msgspec import Struct, field

from appliance.agent.policy import (
    CallVerdict,
    ConfirmationReason,
    has_untrusted_text,
    is_same_action,
    judge_call,
)
from appliance.domain.message import (
    DECLINED_CALL,
    HELD_CALL,
    SERVER_SENTENCES,
    TOO_MANY_CALLS,
    ChatMessage,
    Citation,
)
from appliance.domain.tool import ToolCall, ToolOutcome, ToolSpec
from appliance.ports.chat_model import ModelFinished, ModelSignal

Finish = Literal["complete", "cut", "empty", "unproven"]

MAX_CORRECTIONS = 1
"""How often a model is asked again because it claimed what it had not done."""
MAX_REFUSED_ROUNDS = 2
"""How often a model may come back with calls that cannot run; then it must answer without."""
MAX_CALLS = 10
"""How many calls of one reply may run; the shop's system would have to answer them all."""


class LoopState(Struct, frozen=True, kw_only=True):
    """Where a turn stands.

    ``messages`` are what the model reads, the system message first. ``new_from`` is the index of
    the first message this turn added behind the visitor's. ``lacking`` is a call that only lacked
    something, unless another was good meanwhile.
    """

    messages: tuple[ChatMessage, ...]
    new_from: int
    tools: Mapping[str, ToolSpec]
    max_tool_rounds: int
    tool_rounds: int = 0
    refused_rounds: int = 0
    corrections: int = 0
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    awaited: tuple[ToolCall, ...] = ()
    held: ToolCall | None = None
    held_reasons: tuple[ConfirmationReason, ...] = ()
    citations: tuple[Citation, ...] = ()
    lacking: ToolCall | None = None

    @property
    def new_messages(self) -> tuple[ChatMessage, ...]:
        """What this turn added so far."""
        return self.messages[self.new_from :]


# --- events -----------------------------------------------------------------------------------


class TurnBegan(Struct, frozen=True, kw_only=True):
    """The visitor said something that decides nothing that waits."""


class ActionDecided(Struct, frozen=True, kw_only=True):
    """The visitor decided on the action that waited; ``call`` has an id of its own.

    ``refusal`` says why a confirmed action may not run after all. ``known`` is what came of one
    that was begun before and is not run again: the text for the model, and the outcome.
    """

    call: ToolCall
    is_confirmed: bool
    refusal: str | None = None
    known: tuple[str, ToolOutcome] | None = None


class FormFilled(Struct, frozen=True, kw_only=True):
    """The visitor has filled in a form; the call is judged as if a model had asked for it."""

    call: ToolCall


class ModelSaid(Struct, frozen=True, kw_only=True):
    """The model produced some more text."""

    text: str


class ModelAsked(Struct, frozen=True, kw_only=True):
    """The model asked for a tool."""

    call: ToolCall


class ModelStopped(Struct, frozen=True, kw_only=True):
    """The model's reply is complete.

    ``claim`` is a sentence of it that says something was done, and nothing proves it; the visitor
    has seen what stands before it. ``is_shown``: they have seen all of it.
    """

    finished: ModelFinished
    claim: str | None = None
    is_shown: bool = False


class ToolsReturned(Struct, frozen=True, kw_only=True):
    """Every call of the last ``RunTools`` came back, as text for the model, by call id."""

    results: Mapping[str, tuple[str, ToolOutcome]]


LoopEvent = (
    TurnBegan | ActionDecided | FormFilled | ModelSaid | ModelAsked | ModelStopped | ToolsReturned
)


# --- commands ---------------------------------------------------------------------------------


class AskModel(Struct, frozen=True, kw_only=True):
    """Call the model; ``may_use_tools`` is false when it must answer now.

    ``unproven`` is what it has just claimed, for which it must answer again behind ``shown``.
    """

    messages: tuple[ChatMessage, ...]
    may_use_tools: bool
    unproven: str | None = None
    shown: str = ""


class Say(Struct, frozen=True, kw_only=True):
    """Show the visitor some text."""

    text: str


class RunTools(Struct, frozen=True, kw_only=True):
    """Run these calls at the same time, then report ``ToolsReturned``."""

    calls: tuple[ToolCall, ...]


class AskVisitor(Struct, frozen=True, kw_only=True):
    """End the turn by asking the visitor to confirm ``call``, behind what the model just said."""

    call: ToolCall
    reasons: tuple[ConfirmationReason, ...]
    preface: str = ""
    citations: tuple[Citation, ...] = ()


class Answer(Struct, frozen=True, kw_only=True):
    """End the turn with this text; ``unproven`` is followed by what was really done.

    ``asks_for`` is the call for which it asks the visitor.
    """

    text: str
    finish: Finish = "complete"
    citations: tuple[Citation, ...] = ()
    quick_replies: tuple[str, ...] = field(default=())
    signal: ModelSignal | None = None
    asks_for: ToolCall | None = None


class AdmitUnknown(Struct, frozen=True, kw_only=True):
    """End the turn by telling the visitor that nobody can tell whether ``call`` was carried out."""

    call: ToolCall


Command = AskModel | Say | RunTools | AskVisitor | Answer | AdmitUnknown


def advance(state: LoopState, event: LoopEvent) -> tuple[LoopState, tuple[Command, ...]]:
    """Return the state after ``event`` and what must be done now, in order.

    Every ``AskModel`` is answered by any number of ``ModelSaid`` and ``ModelAsked`` and one
    ``ModelStopped``; every ``RunTools`` by one ``ToolsReturned``. A turn ends with exactly one
    ``Answer``, ``AskVisitor`` or ``AdmitUnknown``.
    """
    match event:
        case TurnBegan():
            return state, (_ask_model(state),)
        case ActionDecided():
            return _on_decision(state, event)
        case FormFilled(call=call):
            asked = ChatMessage(role="assistant", content="", tool_calls=(call,))
            state = msgspec.structs.replace(state, messages=(*state.messages, asked))
            return _on_calls(state, (call,))
        case ModelSaid(text=text):
            return msgspec.structs.replace(state, text=state.text + text), (Say(text=text),)
        case ModelAsked(call=call):
            return msgspec.structs.replace(state, calls=(*state.calls, call)), ()
        case ModelStopped():
            return _on_model_stopped(state, event)
        case ToolsReturned(results=results):
            return _on_tools_returned(state, results)
        case _:
            assert_never(event)


def _ask_model(state: LoopState) -> AskModel:
    may_use_tools = (
        bool(state.tools)
        and state.tool_rounds < state.max_tool_rounds
        and state.refused_rounds < MAX_REFUSED_ROUNDS
    )
    return AskModel(messages=state.messages, may_use_tools=may_use_tools)


def _on_decision(state: LoopState, event: ActionDecided) -> tuple[LoopState, tuple[Command, ...]]:
    asked = ChatMessage(role="assistant", content="", tool_calls=(event.call,))
    state = msgspec.structs.replace(state, messages=(*state.messages, asked))
    if event.known is not None:
        state = msgspec.structs.replace(state, awaited=(event.call,))
        return _on_tools_returned(state, {event.call.id: event.known})
    if event.is_confirmed and event.refusal is None:
        state = msgspec.structs.replace(state, awaited=(event.call,))
        return state, (RunTools(calls=(event.call,)),)
    declined = _tool_message(event.call, event.refusal or DECLINED_CALL, is_error=True)
    state = msgspec.structs.replace(state, messages=(*state.messages, declined))
    return state, (_ask_model(state),)


def _on_model_stopped(
    state: LoopState, stopped: ModelStopped
) -> tuple[LoopState, tuple[Command, ...]]:
    finished = stopped.finished
    calls = state.calls if _ask_model(state).may_use_tools else ()
    is_unproven = stopped.claim is not None and not calls
    if is_unproven and not stopped.is_shown and state.corrections < MAX_CORRECTIONS:
        return _ask_again(state, stopped)
    said = ChatMessage(
        role="assistant",
        content=state.text,
        tool_calls=calls,
        provider_state=finished.provider_state,
    )
    text = state.text
    state = msgspec.structs.replace(
        state,
        messages=(*state.messages, said),
        text="",
        calls=(),
        held=None,
        citations=finished.citations,
    )
    if calls:
        return _on_calls(state, calls)
    finish: Finish = "complete"
    if is_unproven:
        finish = "unproven"
    elif not text.strip():
        finish = "empty"
    elif finished.finish_reason == "length":
        finish = "cut"
    answer = Answer(
        text=text,
        finish=finish,
        citations=finished.citations,
        quick_replies=finished.quick_replies,
        signal=finished.signal,
        asks_for=finished.asks_for or state.lacking,
    )
    return state, (answer,)


def _ask_again(state: LoopState, stopped: ModelStopped) -> tuple[LoopState, tuple[Command, ...]]:
    """Drop the claim and what follows it; what the visitor has seen stays the beginning."""
    asking = msgspec.structs.replace(
        _ask_model(state), unproven=stopped.claim, shown=state.text.strip()
    )
    state = msgspec.structs.replace(state, calls=(), corrections=state.corrections + 1)
    return state, (asking,)


def _on_calls(
    state: LoopState, calls: tuple[ToolCall, ...]
) -> tuple[LoopState, tuple[Command, ...]]:
    """Sort a round's calls into those that run, the one that waits, and those refused."""
    runnable: list[ToolCall] = []
    refusals: list[ChatMessage] = []
    held: ToolCall | None = None
    reasons: tuple[ConfirmationReason, ...] = ()
    lacking = state.lacking
    is_tainted = has_untrusted_text(state.messages)
    for number, call in enumerate(calls):
        verdict: CallVerdict = judge_call(call, state.tools, has_untrusted_text=is_tainted)
        if number >= MAX_CALLS:
            refusals.append(_tool_message(call, TOO_MANY_CALLS, is_error=True))
        elif verdict.refusal is not None:
            refusals.append(_tool_message(call, verdict.refusal, is_error=True))
            lacking = call if verdict.is_incomplete else lacking
        elif not verdict.needs_confirmation:
            runnable.append(call)
        elif (known := _find_result(state, call)) is not None:
            refusals.append(_tool_message(call, known))
        elif held is None:
            held, reasons = call, verdict.reasons
        else:
            refusals.append(
                _tool_message(
                    call, "Only one action can wait for confirmation at a time.", is_error=True
                )
            )
    if held is not None:
        refusals.append(_tool_message(held, HELD_CALL))
    state = msgspec.structs.replace(
        state,
        messages=(*state.messages, *refusals),
        held=held,
        awaited=tuple(runnable),
        held_reasons=reasons,
        lacking=None if runnable or held is not None else lacking,
    )
    if runnable:
        return state, (RunTools(calls=tuple(runnable)),)
    if held is not None:
        return state, (_ask_visitor(state, held),)
    state = msgspec.structs.replace(state, refused_rounds=state.refused_rounds + 1)
    return state, (_ask_model(state),)


def _find_result(state: LoopState, call: ToolCall) -> str | None:
    """Return what this very action brought in this turn: nobody asked for it twice."""
    done = {
        earlier.id
        for message in state.new_messages
        for earlier in message.tool_calls
        if earlier.id != call.id and is_same_action(earlier, call)
    }
    for message in state.new_messages:
        is_result = message.role == "tool" and message.content not in SERVER_SENTENCES
        if is_result and not message.is_error and message.tool_call_id in done:
            return message.content
    return None


def _on_tools_returned(
    state: LoopState, results: Mapping[str, tuple[str, ToolOutcome]]
) -> tuple[LoopState, tuple[Command, ...]]:
    messages = [
        _tool_message(call, results[call.id][0], is_error=not results[call.id][1].is_answered)
        for call in state.awaited
    ]
    unknown = [call for call in state.awaited if results[call.id][1].is_unknown]
    state = msgspec.structs.replace(
        state,
        messages=(*state.messages, *messages),
        awaited=(),
        tool_rounds=state.tool_rounds + 1,
    )
    if unknown:
        return state, (AdmitUnknown(call=unknown[0]),)
    if state.held is not None:
        return state, (_ask_visitor(state, state.held),)
    return state, (_ask_model(state),)


def _ask_visitor(state: LoopState, held: ToolCall) -> AskVisitor:
    asked = next(message for message in reversed(state.messages) if held in message.tool_calls)
    return AskVisitor(
        call=held,
        reasons=state.held_reasons,
        preface=asked.content.strip(),
        citations=state.citations,
    )


def _tool_message(call: ToolCall, content: str, *, is_error: bool = False) -> ChatMessage:
    return ChatMessage(
        role="tool",
        content=content,
        tool_call_id=call.id,
        tool_name=call.name,
        is_error=is_error,
    )
