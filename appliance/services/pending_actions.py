"""The action that waits for the visitor's word.

Owns taking it out, once, when the visitor decides, and the id of the call it becomes; how words are
read is left to ``appliance.agent.decisions``, running the call to the agent.
"""

from __future__ import annotations

from collections.abc import Collection

from appliance import failpoints
from appliance.agent.decisions import read_decision
from appliance.agent.loop import ActionDecided
from appliance.agent.policy import build_call_id, build_ledger_key
from appliance.domain.conversation import Conversation
from appliance.domain.ids import ConversationId, TenantId, new_id
from appliance.domain.tool import ToolCall
from appliance.ports.clock import Clock
from appliance.ports.turn_store import TurnStore


class PendingActions:
    """Takes decisions; one instance serves all turns."""

    def __init__(self, *, turn_store: TurnStore, clock: Clock) -> None:
        self._turn_store = turn_store
        self._clock = clock

    async def decide(
        self, conversation: Conversation, text: str, tool_names: Collection[str]
    ) -> ActionDecided | None:
        """Read ``text`` as a decision on the action that waits, and take that action out.

        Args:
            conversation: As it was when the turn began.
            text: The visitor's message.
            tool_names: Of the tools that the tenant uses now.

        Returns:
            ``None`` when nothing waits or the message decides nothing.
        """
        pending = conversation.pending_action
        if pending is None or pending.expires_at <= self._clock.now():
            return None
        decision = read_decision(text)
        if decision is None or pending.call.name not in tool_names:
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
        call = ToolCall(id=call_id, name=pending.call.name, arguments=pending.call.arguments)
        return ActionDecided(call=call, is_confirmed=is_confirmed)

    async def _build_call_id(self, place: tuple[TenantId, ConversationId], call: ToolCall) -> str:
        ledger_key = build_ledger_key(*place, call)
        executions = await self._turn_store.count_executions(*place, ledger_key)
        return build_call_id(ledger_key, executions)
