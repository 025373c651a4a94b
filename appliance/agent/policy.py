"""The rules on a single tool call: may it run, must the visitor confirm it.

Owns the verdicts on calls and the identity of an action; when they are asked is decided by
``appliance.agent.loop``, what the visitor's yes or no means by ``appliance.agent.decisions``.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from appliance.domain.argument_checks import find_excess, find_misfits
from appliance.domain.ids import ConversationId, TenantId
from appliance.domain.json_types import JsonObject
from appliance.domain.message import SERVER_SENTENCES, ChatMessage
from appliance.domain.tool import (
    UNREADABLE_ARGUMENTS,
    Risk,
    TenantTool,
    ToolCall,
    ToolExecution,
    ToolOutcome,
    ToolSpec,
)

ConfirmationReason = Literal["write", "destructive", "untrusted_text"]


class CallVerdict(Struct, frozen=True, kw_only=True):
    """What may happen with a call.

    ``refusal`` is a sentence for the model; ``reasons`` are why the visitor must be asked first.
    ``is_incomplete``: it is refused for nothing but what it lacks.
    """

    reasons: tuple[ConfirmationReason, ...] = ()
    refusal: str | None = None
    is_incomplete: bool = False

    @property
    def needs_confirmation(self) -> bool:
        """Whether the visitor must be asked first."""
        return bool(self.reasons)


def find_confirmation_reasons(
    risk: Risk, *, has_untrusted_text: bool
) -> tuple[ConfirmationReason, ...]:
    """Return why the visitor must confirm a call of this risk; nothing for one that only reads.

    Every write is asked for. After text that others wrote (a tool's result) has entered the
    context, that alone is a reason, which holds whatever else may be waived.
    """
    if risk == "read":
        return ()
    return (risk, "untrusted_text") if has_untrusted_text else (risk,)


def has_untrusted_text(messages: Sequence[ChatMessage]) -> bool:
    """Say whether the context holds text that neither the shop, the visitor nor we wrote."""
    return any(
        message.role == "tool" and message.content not in SERVER_SENTENCES for message in messages
    )


def judge_call(
    call: ToolCall, tools: Mapping[str, ToolSpec], *, has_untrusted_text: bool = False
) -> CallVerdict:
    """Decide on a call: refused, to be confirmed, or free to run.

    A name that does not exist never runs; arguments must fit the tool's schema, and none may say
    who the visitor is; whatever writes needs the visitor's word on exactly these arguments.
    """
    spec = tools.get(call.name)
    if spec is None:
        known = ", ".join(sorted(tools)) or "none"
        return CallVerdict(refusal=f"There is no tool named {call.name!r}. Available: {known}.")
    if spec.refusal is not None:
        return CallVerdict(refusal=spec.refusal)
    if UNREADABLE_ARGUMENTS in call.arguments:
        return CallVerdict(refusal="The arguments are no JSON object. Call again with one.")
    forged = [name for name in spec.bound if name in call.arguments]
    if forged:
        return CallVerdict(refusal=f"Leave out {forged[0]!r}: the system knows who the visitor is.")
    problem = find_argument_problem(call.arguments, spec.parameters_schema)
    if problem is not None:
        rest = find_argument_problem(call.arguments, {**spec.parameters_schema, "required": []})
        return CallVerdict(
            refusal=f"The arguments do not fit: {problem}", is_incomplete=rest is None
        )
    reasons = find_confirmation_reasons(spec.risk, has_untrusted_text=has_untrusted_text)
    return CallVerdict(reasons=reasons)


def find_argument_problem(arguments: JsonObject, schema: JsonObject) -> str | None:
    """Return the first reason why ``arguments`` do not fit ``schema``, or ``None``.

    Arguments beyond measure, or a schema that cannot be used, are such a reason too.

    Source: JSON Schema 2020-12, formats asserted.
    """
    excess = find_excess(arguments)
    if excess is not None:
        return excess
    misfits = find_misfits(arguments, schema)
    if isinstance(misfits, str):
        return f"the tool's schema cannot be used. {misfits}"
    if not misfits:
        return None
    first = min(misfits, key=lambda error: list(map(str, error.path)))
    where = ".".join(str(part) for part in first.path)
    message = str(first.message)[:300]
    return f"{where}: {message}" if where else message


def build_ledger_key(tenant_id: TenantId, conversation_id: ConversationId, call: ToolCall) -> str:
    """Return the key under which this very action counts as done: same words, same place.

    The order of arguments, letter case and outer blanks of texts do not make another action.
    """
    canonical = json.dumps(_canonical(call.arguments), sort_keys=True, ensure_ascii=False)
    text = "\x1f".join((tenant_id, conversation_id, call.name, canonical))
    return hashlib.sha256(text.encode()).hexdigest()


def build_call_id(action_id: str, executions: Sequence[ToolExecution]) -> str:
    """Return the id of the call that runs a confirmed action.

    A call whose end never became known gets the same id when the visitor confirms the action again,
    so a receiver that minds the id does the work once.

    Args:
        action_id: Of the action that waited for the visitor's word.
        executions: Those of the same action, confirmed earlier in this conversation.
    """
    for execution in executions:
        if execution.outcome.is_unknown:
            return execution.call.id
    return f"call_{action_id}"


def is_same_action(one: ToolCall, other: ToolCall) -> bool:
    """Say whether two calls would do the same: letter case and outer blanks make no other."""
    return one.name == other.name and _canonical(one.arguments) == _canonical(other.arguments)


def find_known_outcome(
    executions: Sequence[ToolExecution], call: ToolCall, tool: TenantTool
) -> ToolOutcome | None:
    """Return what stands in the place of running ``call``, or ``None`` when it may run.

    What was done for an earlier yes is done again for a new one: the visitor was asked anew.

    Args:
        executions: Those of the same action, oldest first.
        call: The call, with the id it will run under.
        tool: Its tool; one that may have done the work runs again only if that does no harm.
    """
    for execution in executions:
        outcome = execution.outcome
        if outcome.is_unknown and not tool.is_repeatable:
            return outcome
        if execution.call.id == call.id and not outcome.is_unknown:
            return outcome
    return None


def _canonical(value: object) -> object:
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, str):
        return unicodedata.normalize("NFKC", value).strip().casefold()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
