"""The action that waits for the visitor's word.

Owns taking it out, once, when the visitor decides, the id of the call it becomes, and what follows
from a decision whose turn never ended; how words are read is left to ``appliance.agent.decisions``,
running the call to the agent. See docs/adr/0026.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from appliance import failpoints
from appliance.agent.bound_arguments import bind_call, build_spec, unbind_call
from appliance.agent.decisions import read_decision
from appliance.agent.loop import ActionDecided
from appliance.agent.policy import build_call_id, build_ledger_key, judge_call
from appliance.agent.tool_runs import build_result_text
from appliance.domain.conversation import Conversation, Decision, PendingAction
from appliance.domain.identity import VerifiedIdentity
from appliance.domain.ids import MessageId, new_id
from appliance.domain.message import CHANGED_CALL, LAPSED_CALL, WITHDRAWN_CALL
from appliance.domain.tool import TenantTool, ToolCall, ToolExecution
from appliance.ports.clock import Clock
from appliance.ports.turn_store import ConversationRecord


class PendingActions:
    """Takes decisions; one instance serves all turns."""

    def __init__(self, *, turn_store: ConversationRecord, clock: Clock) -> None:
        self._turn_store = turn_store
        self._clock = clock

    async def decide(
        self,
        conversation: Conversation,
        text: str,
        tools: Mapping[str, TenantTool],
        identity: VerifiedIdentity | None = None,
        *,
        message_id: MessageId,
    ) -> ActionDecided | None:
        """Read ``text`` as a decision on the action that waits, and take that action out.

        Args:
            conversation: As it was when the turn began.
            text: The visitor's message.
            tools: What the tenant uses now, by name.
            identity: Of who confirms.
            message_id: Of the visitor's message.

        Returns:
            ``None`` when nothing waits or the message decides nothing. What no longer is what the
            visitor was shown, or is offered no more, is decided with a refusal. A decision whose
            turn broke off is gone on with.
        """
        pending = conversation.pending_action
        if pending is None:
            return None
        tool = tools.get(pending.call.name)
        if pending.decision is not None:
            return await self._go_on(
                conversation, pending, pending.decision, tool, identity, message_id
            )
        word = read_decision(text)
        if word is None or pending.expires_at <= self._clock.now():
            return None
        is_confirmed = word == "yes"
        call_id = f"call_{new_id()}"
        if is_confirmed:
            call_id = build_call_id(pending.id, await self._list(conversation, pending))
        decision = Decision(message_id=message_id, is_confirmed=is_confirmed, call_id=call_id)
        failpoints.passed("turn.before_claim")
        is_mine = await self._turn_store.claim_pending_action(
            conversation.tenant_id,
            conversation.id,
            msgspec.structs.replace(pending, decision=decision),
        )
        failpoints.passed("turn.claimed")
        return _decided(pending, decision, tool, identity) if is_mine else None

    async def _go_on(
        self,
        conversation: Conversation,
        pending: PendingAction,
        decision: Decision,
        tool: TenantTool | None,
        identity: VerifiedIdentity | None,
        message_id: MessageId,
    ) -> ActionDecided | None:
        """Go on with a decision whose turn never ended, the visitor having sent ``message_id``.

        What was begun is never refused as if it had not been, and what was not begun runs only for
        the message that decided it, within its time.
        """
        is_same = decision.message_id == message_id
        if not decision.is_confirmed:
            return _decided(pending, decision, tool, identity) if is_same else None
        executions = await self._list(conversation, pending)
        begun = next((one for one in executions if one.call.id == decision.call_id), None)
        decided = _decided(pending, decision, tool, identity)
        if begun is None:
            is_due = is_same and pending.expires_at > self._clock.now()
            return decided if is_due else msgspec.structs.replace(decided, refusal=LAPSED_CALL)
        if decided.refusal is None:
            return decided  # the ledger knows whether it may run again
        known = (build_result_text(begun.outcome), begun.outcome)
        return msgspec.structs.replace(decided, refusal=None, known=known)

    async def _list(
        self, conversation: Conversation, pending: PendingAction
    ) -> list[ToolExecution]:
        return await self._turn_store.list_executions(
            conversation.tenant_id,
            conversation.id,
            build_ledger_key(conversation.tenant_id, conversation.id, pending.call),
        )


def _decided(
    pending: PendingAction,
    decision: Decision,
    tool: TenantTool | None,
    identity: VerifiedIdentity | None,
) -> ActionDecided:
    """Return the decision as the agent takes it: with the call as a model would have made it."""
    arguments = {} if tool is None else unbind_call(pending.call, tool).arguments
    refusal = None
    if decision.is_confirmed:
        refusal = WITHDRAWN_CALL if tool is None else _find_refusal(pending, tool, identity)
    return ActionDecided(
        call=ToolCall(id=decision.call_id, name=pending.call.name, arguments=arguments),
        is_confirmed=decision.is_confirmed,
        refusal=refusal,
    )


def _find_refusal(
    pending: PendingAction, tool: TenantTool, identity: VerifiedIdentity | None
) -> str | None:
    """Return why a confirmed action may not run: the tool or who the visitor is has changed."""
    own = unbind_call(pending.call, tool)
    refusal = judge_call(own, {own.name: build_spec(tool, identity)}).refusal
    if refusal is None and bind_call(own, tool, identity) != pending.call:
        return CHANGED_CALL
    return refusal
