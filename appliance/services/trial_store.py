"""Trial conversations: what operators try out with a tenant's assistant, in memory only.

Owns whose they are, how long they are remembered and that each answers one message at a time;
nothing of them reaches the database. Finding the answers is left to
``appliance.services.trial_chat``.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime

import msgspec
from msgspec import Struct, field

from appliance.domain.conversation import Conversation, PendingAction
from appliance.domain.identity import VerifiedIdentity
from appliance.domain.ids import (
    ConversationId,
    MessageId,
    TenantId,
    UserId,
    hash_token,
    new_id,
    new_token,
)
from appliance.domain.message import ChatMessage, ChatReply, ReplyMessage, StoredMessage
from appliance.domain.tool import ToolExecution
from appliance.errors import Conflict
from appliance.ports.clock import Clock
from appliance.ports.turn_store import TurnAccepted, WrittenTools
from appliance.services.answering import Answered

SESSION_PREFIX = "ts_"
CONVERSATION_PREFIX = "test_"
"""Tells a tool that its call comes from a trial."""

MAX_TRIALS = 200
MAX_AGE_S = 3_600.0
"""How long a trial that is not gone on with is remembered."""
MAX_MESSAGES = 1_000


class Trier(Struct, frozen=True, kw_only=True):
    """Who tries which tenant's assistant; nobody else finds the conversation."""

    tenant_id: TenantId
    user_id: UserId


class TrialTurn(Struct, frozen=True, kw_only=True):
    """A message that is taken and now answered by its caller alone."""

    session_id: str
    accepted: TurnAccepted


class _Trial(Struct, kw_only=True):
    trier: Trier
    conversation: Conversation
    messages: list[StoredMessage] = field(default_factory=list)
    executions: list[ToolExecution] = field(default_factory=list)
    last_seq: int = 0
    turns: int = 0
    is_busy: bool = False
    used_at_s: float

    def add(
        self, message: ChatMessage, *, at: datetime, said: ReplyMessage | None = None
    ) -> MessageId:
        """Append ``message``, the answer as it was ``said``."""
        self.last_seq += 1
        stored = StoredMessage(
            id=said.id if said else MessageId(new_id()),
            conversation_id=self.conversation.id,
            seq=self.last_seq,
            role=message.role,
            content=said.content if said else message.content,
            created_at=at,
            tool_calls=message.tool_calls,
            tool_call_id=message.tool_call_id,
            tool_name=message.tool_name,
            is_error=message.is_error,
            provider_state=message.provider_state,
            citations=said.citations if said else (),
        )
        self.messages.append(stored)
        del self.messages[:-MAX_MESSAGES]
        self.change(last_message_at=at)
        return stored.id

    def change(self, **fields: object) -> None:
        self.conversation = msgspec.structs.replace(self.conversation, **fields)


class TrialStore:
    """Keeps trials; implements ``ConversationRecord`` for them.

    The longest unused one gives way to a new one beyond ``MAX_TRIALS``, unless it is answering.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._trials: OrderedDict[ConversationId, _Trial] = OrderedDict()

    def begin(
        self,
        trier: Trier,
        text: str,
        *,
        session_id: str | None = None,
        identity: VerifiedIdentity | None = None,
        locale: str | None = None,
    ) -> TrialTurn:
        """Take a message; a session that is unknown, another's or ended starts anew.

        So does one in which another signed-in visitor was played. Every turn is ended with ``end``.

        Raises:
            Conflict: ``turn_in_progress`` when the session's last message is being answered.
        """
        self._forget_old()
        trial = self._find(trier, session_id, identity)
        is_new = trial is None
        if session_id is None or trial is None:
            session_id = new_token(SESSION_PREFIX)
            trial = self._open(trier, session_id, locale)
        if trial.is_busy:
            raise Conflict(
                "The previous message of this trial is still being answered.",
                code="turn_in_progress",
                retry_after_s=2,
            )
        now = self._clock.now()
        if identity is not None:
            trial.change(user_identifier=identity.subject, is_user_verified=True)
        before = trial.conversation
        message_id = trial.add(ChatMessage(role="user", content=text), at=now)
        trial.turns += 1
        trial.is_busy = True
        self._touch(trial)
        return TrialTurn(
            session_id=session_id,
            accepted=TurnAccepted(
                conversation=before,
                user_message_id=message_id,
                fencing_token=trial.turns,
                is_new_session=is_new,
            ),
        )

    def finish(self, accepted: TurnAccepted, answered: Answered, reply: ChatReply) -> None:
        """Keep an answer and what it means for the conversation; nobody is called."""
        trial = self._trials[accepted.conversation.id]
        result, closing, history = answered.result, answered.closing, answered.history
        at = self._clock.now()
        if reply.message is not None:
            *between, answer = result.new_messages
            for message in between:
                trial.add(message, at=at)
            trial.add(answer, at=at, said=reply.message)
        trial.change(pending_action=result.pending_action, failed_rounds=closing.failed_rounds)
        if history is not None and history.is_summary_new:
            trial.change(summary=history.summary)
        if closing.escalation is not None:
            trial.change(status="waiting_for_human")
        if closing.ends_conversation:
            trial.change(status="ended", ended_at=at)

    def end(self, accepted: TurnAccepted) -> None:
        """Let the session take its next message, whatever became of this one."""
        trial = self._trials[accepted.conversation.id]
        trial.is_busy = False
        self._touch(trial)

    async def list_messages(
        self, tenant_id: TenantId, conversation_id: ConversationId, *, limit: int
    ) -> list[StoredMessage]:
        """Return the newest ``limit`` messages, oldest first, tool messages included."""
        return self._get(tenant_id, conversation_id).messages[-limit:]

    async def claim_pending_action(
        self, tenant_id: TenantId, conversation_id: ConversationId, decided: PendingAction
    ) -> bool:
        """Note the decision on the waiting action; false when it is decided or gone."""
        trial = self._get(tenant_id, conversation_id)
        pending = trial.conversation.pending_action
        if pending is None or pending.id != decided.id or pending.decision is not None:
            return False
        trial.change(pending_action=decided)
        return True

    async def list_executions(
        self, tenant_id: TenantId, conversation_id: ConversationId, ledger_key: str
    ) -> list[ToolExecution]:
        """Return the executions under ``ledger_key``, oldest first, failed ones included."""
        executions = self._get(tenant_id, conversation_id).executions
        return [item for item in executions if item.ledger_key == ledger_key]

    async def list_writes(
        self, tenant_id: TenantId, conversation_id: ConversationId
    ) -> WrittenTools:
        """Return which tools have changed something in the trial, or may have."""
        executions = self._get(tenant_id, conversation_id).executions
        writes = [item for item in executions if item.ledger_key is not None]
        return WrittenTools(
            done=frozenset(item.call.name for item in writes if item.outcome.is_success),
            unknown=frozenset(item.call.name for item in writes if item.outcome.is_unknown),
        )

    async def record_execution(
        self,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        execution: ToolExecution,
        *,
        usage_day: str,
    ) -> None:
        """Note one execution, unless its trial is forgotten; it counts as nobody's usage."""
        if conversation_id not in self._trials:
            return
        executions = self._get(tenant_id, conversation_id).executions
        executions[:] = [
            item
            for item in executions
            if not (item.call.id == execution.call.id and item.outcome.is_unknown)
        ]
        executions.append(execution)

    def _get(self, tenant_id: TenantId, conversation_id: ConversationId) -> _Trial:
        """Return a trial in which a turn runs, so that it cannot have been forgotten."""
        trial = self._trials[conversation_id]
        assert trial.trier.tenant_id == tenant_id
        return trial

    def _find(
        self, trier: Trier, session_id: str | None, identity: VerifiedIdentity | None
    ) -> _Trial | None:
        if session_id is None:
            return None
        trial = self._trials.get(_name_conversation(session_id))
        if trial is None or trial.trier != trier or trial.conversation.status == "ended":
            return None
        known = trial.conversation
        is_another = identity is not None and identity.subject != known.user_identifier
        return None if known.is_user_verified and is_another else trial

    def _open(self, trier: Trier, session_id: str, locale: str | None) -> _Trial:
        self._make_room()
        conversation_id = _name_conversation(session_id)
        trial = self._trials[conversation_id] = _Trial(
            trier=trier,
            conversation=Conversation(
                id=conversation_id,
                tenant_id=trier.tenant_id,
                channel="test",
                locale=locale,
                started_at=self._clock.now(),
            ),
            used_at_s=self._clock.monotonic(),
        )
        return trial

    def _touch(self, trial: _Trial) -> None:
        trial.used_at_s = self._clock.monotonic()
        self._trials.move_to_end(trial.conversation.id)

    def _forget_old(self) -> None:
        oldest_s = self._clock.monotonic() - MAX_AGE_S
        for trial in self._list_idle():
            if trial.used_at_s <= oldest_s:
                del self._trials[trial.conversation.id]

    def _make_room(self) -> None:
        surplus = len(self._trials) - MAX_TRIALS + 1
        for trial in self._list_idle()[: max(0, surplus)]:
            del self._trials[trial.conversation.id]

    def _list_idle(self) -> list[_Trial]:
        return [trial for trial in self._trials.values() if not trial.is_busy]


def _name_conversation(session_id: str) -> ConversationId:
    return ConversationId(CONVERSATION_PREFIX + hash_token(session_id)[:32])
