"""What earlier messages of the conversation tell: the open form, the last calls and results.

Owns reading and writing ``provider_state``; messages of other providers carry none and are fine.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from appliance.domain.json_types import JsonObject
from appliance.domain.message import DECLINED_CALL, HELD_CALL, ChatMessage
from appliance.providers.builtin.answers import Answer, Form
from appliance.wording import tells_language

PROVIDER = "builtin"


class ConversationView(Struct, frozen=True, kw_only=True):
    """The parts of a conversation that the next answer depends on.

    ``results`` are the tool messages behind the last visitor message, oldest first. ``form`` is the
    one that our message of the turn before left open or handed over; ``is_unrun`` says that the
    call it was handed over for was refused or still waits for the visitor's yes.
    """

    text: str
    told: str = ""
    """What the visitor was told last before it."""
    results: tuple[ChatMessage, ...] = ()
    form: Form | None = None
    is_unrun: bool = False
    worded_text: str = ""
    """The visitor's last message that is of a language."""
    is_held: bool = False
    """Whether that call waits for the visitor's yes."""


def view_conversation(messages: tuple[ChatMessage, ...]) -> ConversationView:
    """Return what the messages, oldest first, tell."""
    last_user = max((i for i, m in enumerate(messages) if m.role == "user"), default=-1)
    behind = messages[last_user + 1 :]
    start = max((i for i, m in enumerate(behind) if m.role == "assistant"), default=-1)
    holder = max(
        (i for i, m in enumerate(messages) if m.role == "assistant" and _is_ours(m)), default=-1
    )
    since = messages[holder + 1 :] if holder >= 0 else ()
    form = read_form(messages[holder].provider_state) if holder >= 0 else None
    taken = _find_taken(form, since)
    if form is not None and taken is not None:
        called, since = since[taken].tool_calls[0], since[taken + 1 :]
        form = msgspec.structs.replace(
            form, values=_flatten(called.arguments), partial={}, asked=None, status="called"
        )
    is_stale = sum(m.role == "user" for m in since) > 1  # another provider answered meanwhile
    answers = [m for m in since if m.role == "tool"]
    return ConversationView(
        text=messages[last_user].content if last_user >= 0 else "",
        told=_last_told(messages[: max(last_user, 0)]),
        results=tuple(m for m in behind[start + 1 :] if m.role == "tool"),
        form=None if is_stale else form,
        is_unrun=bool(answers) and is_not_run(answers[-1]),
        worded_text=_last_worded(messages),
        is_held=bool(answers) and answers[-1].content == HELD_CALL,
    )


def _find_taken(form: Form | None, since: tuple[ChatMessage, ...]) -> int | None:
    """Return where the form's tool was called for the visitor's next message, if it was.

    A visitor may fill in all of it at once, or say yes to what waits; such a call is not ours.
    """
    if form is None:
        return None
    visitors = 0
    for index, message in enumerate(since):
        visitors += message.role == "user"
        is_call = len(message.tool_calls) == 1 and message.tool_calls[0].name == form.tool
        if visitors == 1 and is_call:
            return index
    return None


def _flatten(arguments: JsonObject, path: tuple[str, ...] = ()) -> JsonObject:
    """Return arguments by the keys of their slots."""
    flat: JsonObject = {}
    for name, value in arguments.items():
        if isinstance(value, dict):
            flat |= _flatten(value, (*path, name))
        else:
            flat[".".join((*path, name))] = value
    return flat


def _last_told(messages: tuple[ChatMessage, ...]) -> str:
    told = (m.content for m in reversed(messages) if m.role == "assistant" and m.content)
    return next(told, "")


def _last_worded(messages: tuple[ChatMessage, ...]) -> str:
    said = (message.content for message in reversed(messages) if message.role == "user")
    return next(filter(tells_language, said), "")


def is_not_run(message: ChatMessage) -> bool:
    """Say whether a tool message tells that the call did not run for want of the visitor's yes."""
    return message.content in (HELD_CALL, DECLINED_CALL)


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
