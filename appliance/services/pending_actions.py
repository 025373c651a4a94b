"""The action that waits for the visitor's word.

Owns taking it out, once, when the visitor decides, and the id of the call it becomes; how words are
read is left to ``appliance.agent.decisions``, running the call to the agent.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from appliance import failpoints
from appliance.agent.bound_arguments import bind_call, build_spec, unbind_call
from appliance.agent.decisions import read_decision
from appliance.agent.loop import ActionDecided
from appliance.agent.policy import build_call_id, build_ledger_key, judge_call
from appliance.domain.conversation import Conversation, PendingAction
from appliance.domain.identity import VerifiedIdentity
from appliance.domain.ids import ConversationId, TenantId, new_id
from appliance.domain.tool import TenantTool, ToolCall
from appliance.ports.clock import Clock
from appliance.ports.turn_store import ConversationRecord

CHANGED_CALL = (
    "Not carried out: what is known of the visitor is no longer what they were shown. "
    "Call the tool again, so that they are asked anew."
)


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
    ) -> ActionDecided | None:
        """Read ``text`` as a decision on the action that waits, and take that action out.

        Args:
            conversation: As it was when the turn began.
            text: The visitor's message.
            tools: What the tenant uses now, by name.
            identity: Of who confirms.

        Returns:
            ``None`` when nothing waits or the message decides nothing. What no longer is what the
            visitor was shown is decided with a refusal.
        """
        pending = conversation.pending_action
        if pending is None or pending.expires_at <= self._clock.now():
            return None
        decision = read_decision(text)
        tool = tools.get(pending.call.name)
        if decision is None or tool is None:
            return None
        place = (conversation.tenant_id, conversation.id)
        is_confirmed = decision == "yes"
        call_id = f"call_{new_id()}"
        if is_confirmed:
            call_id = await self._build_call_id(place, pending.call)
        failpoints.passed("turn.before_claim")
        is_mine = await self._turn_store.claim_pending_action(*place, pending.id)
        failpoints.passed("turn.claimed")
        if not is_mine:
            return None
        call = msgspec.structs.replace(unbind_call(pending.call, tool), id=call_id)
        refusal = _find_refusal(pending, tool, identity) if is_confirmed else None
        return ActionDecided(call=call, is_confirmed=is_confirmed, refusal=refusal)

    async def _build_call_id(self, place: tuple[TenantId, ConversationId], call: ToolCall) -> str:
        ledger_key = build_ledger_key(*place, call)
        executions = await self._turn_store.count_executions(*place, ledger_key)
        return build_call_id(ledger_key, executions)


def _find_refusal(
    pending: PendingAction, tool: TenantTool, identity: VerifiedIdentity | None
) -> str | None:
    """Return why a confirmed action may not run: the tool or who the visitor is has changed."""
    own = unbind_call(pending.call, tool)
    refusal = judge_call(own, {own.name: build_spec(tool, identity)}).refusal
    if refusal is None and bind_call(own, tool, identity) != pending.call:
        return CHANGED_CALL
    return refusal
