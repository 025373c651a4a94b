"""What earlier messages of the conversation tell: the open form, the last calls and results.

Owns reading and writing ``provider_state``; messages of other providers carry none and are fine.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from appliance.domain.json_types import JsonObject
from appliance.domain.message import ChatMessage
from appliance.providers.builtin.answers import Answer, Form

PROVIDER = "builtin"


class ConversationView(Struct, frozen=True, kw_only=True):
    """The parts of a conversation that the next answer depends on.

    ``results`` are tool messages behind the last visitor message, oldest first; ``form`` is the one
    left open, or handed over, by our last message.
    """

    text: str
    results: tuple[ChatMessage, ...] = ()
    form: Form | None = None
    is_declined: bool = False
    """The visitor, or the policy, refused the call that ``form`` was handed over for."""


def view_conversation(messages: tuple[ChatMessage, ...]) -> ConversationView:
    """Return what the messages, oldest first, tell."""
    last_user = max((i for i, m in enumerate(messages) if m.role == "user"), default=-1)
    text = messages[last_user].content if last_user >= 0 else ""
    behind = messages[last_user + 1 :]
    start = max((i for i, m in enumerate(behind) if m.role == "assistant"), default=-1)
    results = tuple(m for m in behind[start + 1 :] if m.role == "tool")
    holder = max(
        (i for i, m in enumerate(messages) if m.role == "assistant" and _is_ours(m)), default=-1
    )
    form = read_form(messages[holder].provider_state) if holder >= 0 else None
    answers = [m for m in messages[holder + 1 :] if m.role == "tool"] if holder >= 0 else []
    return ConversationView(
        text=text,
        results=results,
        form=form,
        is_declined=bool(answers) and is_declined(answers[-1]),
    )


def is_declined(message: ChatMessage) -> bool:
    """Say whether a tool message tells that the visitor did not want the call."""
    return message.is_error and "declin" in message.content.casefold()


def _is_ours(message: ChatMessage) -> bool:
    state = message.provider_state
    return isinstance(state, dict) and state.get("provider") == PROVIDER


def read_form(state: JsonObject | None) -> Form | None:
    """Return the form of a stored state, or ``None`` where there is none that can be read."""
    if not state or state.get("form") is None:
        return None
    try:
        return msgspec.convert(state["form"], Form)
    except msgspec.ValidationError:
        return None


def write_state(answer: Answer) -> JsonObject:
    """Return the state to be kept with our message."""
    state: JsonObject = {"provider": PROVIDER, "intent": answer.intent}
    if answer.form is not None:
        state["form"] = msgspec.to_builtins(answer.form)
    return state
