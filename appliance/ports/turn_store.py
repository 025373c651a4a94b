"""The hot path of storage: one turn from the visitor's message to the durable answer.

Owns the port and the shapes that cross it. Both SQLite and Postgres pass the same contract suite
(tests/contract/turn_store_contract.py). Everything that is not a turn is left to
``appliance.ports.repositories``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from appliance.domain.conversation import Conversation, PendingAction, Summary
from appliance.domain.escalation import NewEscalation
from appliance.domain.ids import ConversationId, MessageId, SessionHash, TenantId
from appliance.domain.message import ChatMessage, ChatReply, StoredMessage, TokenUsage
from appliance.domain.tool import ToolExecution
from appliance.domain.visitor import VisitorDetails

OWNER_GONE = "owner_gone"
"""The code of ``NotFound`` when a turn's tenant was erased meanwhile."""


class NewTurn(Struct, frozen=True, kw_only=True):
    """A visitor's message that asks for a turn.

    ``session_hash`` is of the session the visitor named, or ``None``. When it is unknown, foreign
    or ended, a new conversation is made under ``new_conversation_id`` and ``new_session_hash``.

    ``is_opening``: both hashes are of the session that this message opens, so that the same message
    sent again finds it; no other message does.

    ``is_user_verified``: the shop's server vouched for ``user_identifier``. In a conversation of
    another such person the message counts as one of an ended session; what a page merely says never
    takes the place of such a person.
    """

    tenant_id: TenantId
    session_hash: SessionHash | None
    new_session_hash: SessionHash
    new_conversation_id: ConversationId
    user_message_id: MessageId
    client_message_id: str | None
    content: str
    channel: str = "widget"
    user_identifier: str | None = None
    is_user_verified: bool = False
    locale: str | None = None
    page_url: str | None = None
    visitor: VisitorDetails | None = None
    received_at: datetime
    lease_s: int = 30
    is_opening: bool = False


class TurnAccepted(Struct, frozen=True, kw_only=True):
    """The message is durable and this caller runs the turn.

    ``fencing_token`` must be given back at the end: a turn whose lease was taken over by another
    cannot commit. ``conversation`` is as it was when the turn began, with what the message tells of
    its visitor.
    """

    conversation: Conversation
    user_message_id: MessageId
    fencing_token: int
    is_new_session: bool


class TurnReplayed(Struct, frozen=True, kw_only=True):
    """The same message was answered before, by the turn that had ``fencing_token``.

    ``reply`` has an empty ``session_id``.
    """

    reply: ChatReply
    user_message_id: MessageId
    fencing_token: int


class TurnInFlight(Struct, frozen=True, kw_only=True):
    """The same message is being answered now."""

    conversation_id: ConversationId
    user_message_id: MessageId


class TurnBusy(Struct, frozen=True, kw_only=True):
    """Another message of the session is being answered."""

    conversation_id: ConversationId
    retry_after_s: int


class TurnMismatch(Struct, frozen=True, kw_only=True):
    """The client's message id was used for another text, or its session opened by another one."""

    conversation_id: ConversationId


TurnStart = TurnAccepted | TurnReplayed | TurnInFlight | TurnBusy | TurnMismatch


class ModelUsage(Struct, frozen=True, kw_only=True):
    """Tokens one model used in a turn; ``cost_micro_usd`` is ``None`` when its price is unknown."""

    provider: str
    model: str
    usage: TokenUsage
    cost_micro_usd: int | None = None


class FinishedTurn(Struct, frozen=True, kw_only=True):
    """Everything a turn leaves behind, committed at once.

    ``new_messages`` are the assistant and tool messages of the turn in order; the last one is the
    answer and is ``reply.message``. ``usage_day`` is the tenant's calendar day, ISO 8601.
    ``pending_action`` replaces what waited before, ``None`` clears it.

    Without ``reply.message`` nobody answered: a person has the conversation, and nothing is counted
    but the visitor's message. ``escalation`` is opened, or adds to the open one; the conversation
    then waits for a person unless one has it already.
    """

    tenant_id: TenantId
    conversation_id: ConversationId
    user_message_id: MessageId
    fencing_token: int
    reply: ChatReply
    new_messages: Sequence[ChatMessage]
    executions: Sequence[ToolExecution]
    usage: Sequence[ModelUsage]
    usage_day: str
    pending_action: PendingAction | None
    finished_at: datetime
    failed_rounds: int = 0
    summary: Summary | None = None
    escalation: NewEscalation | None = None
    ends_conversation: bool = False


class FailedTurn(Struct, frozen=True, kw_only=True):
    """A turn that ended without an answer; what was executed and used by then still counts."""

    tenant_id: TenantId
    conversation_id: ConversationId
    user_message_id: MessageId
    fencing_token: int
    error_code: str
    executions: Sequence[ToolExecution] = ()
    usage: Sequence[ModelUsage] = ()
    usage_day: str
    failed_at: datetime


class WrittenTools(Struct, frozen=True, kw_only=True):
    """Names of tools: ``done`` have changed something, of ``unknown`` ones nobody can tell."""

    done: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()


class ConversationRecord(Protocol):
    """What a turn reads of its conversation and notes in it while its answer is found.

    All methods raise ``StorageError`` when the record cannot be used.
    """

    async def list_messages(
        self, tenant_id: TenantId, conversation_id: ConversationId, *, limit: int
    ) -> list[StoredMessage]:
        """Return the newest ``limit`` messages, oldest first, tool messages included."""
        ...

    async def claim_pending_action(
        self, tenant_id: TenantId, conversation_id: ConversationId, decided: PendingAction
    ) -> bool:
        """Note the decision on the waiting action, once; false when it is decided or gone.

        The decision stays until its turn ends with an answer.
        """
        ...

    async def list_executions(
        self, tenant_id: TenantId, conversation_id: ConversationId, ledger_key: str
    ) -> list[ToolExecution]:
        """Return the executions under ``ledger_key``, oldest first, failed ones included."""
        ...

    async def list_writes(
        self, tenant_id: TenantId, conversation_id: ConversationId
    ) -> WrittenTools:
        """Return which tools have changed something in the conversation, or may have."""
        ...

    async def record_execution(
        self,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        execution: ToolExecution,
        *,
        usage_day: str,
    ) -> None:
        """Make one execution durable before the turn ends: no write that happened is forgotten.

        It counts as used on ``usage_day``, with the model that answered the conversation last.
        The turn's end neither logs nor counts an execution of the same call id again. One whose
        outcome is unknown is completed by the next one of its call id.
        """
        ...


class TurnStore(ConversationRecord, Protocol):
    """Keeps turns. Every write is durable when its method returns, and shielded from cancellation.

    All methods raise ``StorageError`` when the database cannot be used.
    """

    async def begin_turn(self, turn: NewTurn) -> TurnStart:
        """Make the visitor's message durable and take the session's lease.

        One turn at a time per conversation, one per ``client_message_id``. A message whose turn
        failed, or whose lease ran out, may be begun again under the same id and text; its stored
        row is used again.

        Raises:
            NotFound: The tenant was erased meanwhile (``OWNER_GONE``).
        """
        ...

    async def renew_lease(
        self, tenant_id: TenantId, conversation_id: ConversationId, fencing_token: int,
        *, until: datetime,
    ) -> bool:  # fmt: skip
        """Extend the lease; false when another turn has taken it over."""
        ...

    async def finish_turn(self, turn: FinishedTurn) -> None:
        """Commit the answer, the executions, the counters and the usage in one transaction.

        Raises:
            Conflict: The lease was taken over by another turn (``code="turn_superseded"``).
        """
        ...

    async def fail_turn(self, turn: FailedTurn) -> None:
        """Mark the visitor's message as failed and free the session; a lost lease is no error."""
        ...

    async def find_conversation(
        self, tenant_id: TenantId, session_hash: SessionHash
    ) -> Conversation | None:
        """Return the tenant's conversation of this session, ended or not."""
        ...

    async def end_conversation(
        self, tenant_id: TenantId, session_hash: SessionHash, *, ended_at: datetime
    ) -> Conversation | None:
        """End it, once; return it, or ``None`` when the tenant has no such session."""
        ...

    async def fail_unfinished_turns(self, *, failed_at: datetime, is_alone: bool = True) -> int:
        """At start: mark every turn a dead process left unfinished as failed; return how many.

        While other servers serve the same database, ``is_alone`` is false and only turns whose
        lease has run out are taken for dead.
        """
        ...
