"""Escalations and feedback in the database.

Owns the rows of ``escalations`` and ``feedback`` but for those that a turn writes with its end
(``storage.escalation_rows``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, select, update

from appliance.domain.conversation import Conversation
from appliance.domain.escalation import (
    Escalation,
    EscalationStatus,
    NewEscalation,
    NoticeState,
    NoticeStatus,
)
from appliance.domain.ids import ConversationId, MessageId, SessionHash, TenantId, new_id
from appliance.ports.repositories import Page
from appliance.storage.escalation_rows import escalate
from appliance.storage.repositories.pages import read_cursor, select_page
from appliance.storage.statements import Script, build_statement
from appliance.storage.tables import conversations, escalations, feedback, messages, outbox
from appliance.storage.transactions import Transactions
from appliance.storage.turn_begin import FIND_AND_LOCK_CONVERSATION, FIND_CONVERSATION
from appliance.storage.turn_rows import ConversationRow, columns_of
from appliance.storage.turn_store import Scripts

_FIELDS = tuple(name for name in Escalation.__struct_fields__ if name != "notices")
ESCALATION_COLUMNS = [escalations.c[name] for name in _FIELDS]

_TAKE_OVER = build_statement("""
    UPDATE conversations SET status = 'human', human_name = ?3, pending_action = NULL
    WHERE tenant_id = ?1 AND id = ?2 AND status <> 'ended'
""")

_HAND_BACK = build_statement("""
    UPDATE conversations SET status = 'open', failed_rounds = 0
    WHERE tenant_id = ?1 AND id = ?2 AND status <> 'ended'
""")

_CLOSE = build_statement("""
    UPDATE escalations SET status = 'closed', closed_at = ?3
    WHERE tenant_id = ?1 AND conversation_id = ?2 AND status = 'open'
""")

_FIND_BY_ID = build_statement(f"""
    SELECT {columns_of(ConversationRow)} FROM conversations WHERE tenant_id = ?1 AND id = ?2
""")


class StoredEscalations:
    """Implements ``EscalationStore``; see there for what each method promises."""

    def __init__(self, transactions: Transactions, scripts: Scripts) -> None:
        self._transactions = transactions
        self._scripts = scripts

    async def escalate(
        self, tenant_id: TenantId, session_hash: SessionHash, new: NewEscalation, *, at: datetime
    ) -> Conversation | None:
        """Open an escalation with its notices, or add to the open one, in one commit."""

        def run() -> Script[Conversation | None]:
            found = yield FIND_AND_LOCK_CONVERSATION, (tenant_id, session_hash)
            if not found:
                return None
            asking = ConversationRow(*found[0]).build()
            contact = new.contact or (asking.visitor.contact if asking.visitor else None)
            wish = msgspec.structs.replace(new, contact=contact)
            yield from escalate(tenant_id, asking.id, wish, at=at)
            rows = yield FIND_CONVERSATION, (tenant_id, session_hash)
            return ConversationRow(*rows[0]).build()

        return await self._scripts.write(run)

    async def list_page(
        self,
        *,
        limit: int,
        cursor: str | None,
        tenant_id: TenantId | None,
        status: EscalationStatus | None,
    ) -> Page[Escalation]:
        """Return escalations with their notices, newest first."""
        after = None if cursor is None else read_cursor(cursor)
        query = select(*ESCALATION_COLUMNS)
        if tenant_id is not None:
            query = query.where(escalations.c.tenant_id == tenant_id)
        if status is not None:
            query = query.where(escalations.c.status == status)

        def read(connection: Connection) -> Page[Escalation]:
            page = select_page(
                connection,
                query,
                escalations,
                build_escalation,
                limit=limit,
                after=after,
                time_column="requested_at",
                is_newest_first=True,
            )
            notices = _read_notices(connection, [item.conversation_id for item in page.items])
            items = [
                msgspec.structs.replace(item, notices=tuple(notices[item.id]))
                for item in page.items
            ]
            return Page(items=items, next_cursor=page.next_cursor)

        return await self._transactions.read(read)

    async def get(
        self, tenant_id: TenantId, conversation_id: ConversationId
    ) -> Conversation | None:
        """Return the tenant's conversation of this id."""
        return await self._scripts.read(lambda: _find(tenant_id, conversation_id))

    async def take_over(
        self, tenant_id: TenantId, conversation_id: ConversationId, *, human_name: str
    ) -> Conversation | None:
        """Give the conversation to a person; one that has ended stays as it is."""

        def take() -> Script[Conversation | None]:
            yield _TAKE_OVER, (tenant_id, conversation_id, human_name)
            return (yield from _find(tenant_id, conversation_id))

        return await self._scripts.write(take)

    async def hand_back(
        self, tenant_id: TenantId, conversation_id: ConversationId, *, at: datetime
    ) -> Conversation | None:
        """Give it back to the assistant and close its escalation; one that has ended stays so."""

        def give() -> Script[Conversation | None]:
            yield _HAND_BACK, (tenant_id, conversation_id)
            yield _CLOSE, (tenant_id, conversation_id, at)
            return (yield from _find(tenant_id, conversation_id))

        return await self._scripts.write(give)


class StoredFeedback:
    """Implements ``FeedbackStore``; see there for what each method promises."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def put(
        self,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        *,
        message_id: MessageId | None,
        rating: int,
        comment: str | None,
        at: datetime,
    ) -> bool:
        """Store the rating in place of an earlier one; without a message, of the conversation."""
        # The row is held, so that two ratings of the same thing at once are not both new.
        hold = (
            select(conversations.c.id)
            .where(conversations.c.tenant_id == tenant_id, conversations.c.id == conversation_id)
            .with_for_update()
        )
        answer = select(messages.c.id).where(
            messages.c.tenant_id == tenant_id,
            messages.c.conversation_id == conversation_id,
            messages.c.id == message_id,
            messages.c.role == "assistant",
            messages.c.content != "",
        )
        key = {"conversation_id": conversation_id, "message_id": message_id or ""}
        values = {"rating": rating, "comment": comment, "updated_at": at}

        def store(connection: Connection) -> bool:
            if connection.scalar(hold) is None:
                return False
            if message_id is None:
                rated = update(conversations).where(conversations.c.id == conversation_id)
                connection.execute(rated.values(rating=rating))
            elif connection.scalar(answer) is None:
                return False
            earlier = update(feedback).where(*(feedback.c[name] == key[name] for name in key))
            if connection.execute(earlier.values(values)).rowcount == 0:
                new = {"id": new_id(), "tenant_id": tenant_id, "created_at": at}
                connection.execute(insert(feedback).values(**new, **key, **values))
            return True

        return await self._transactions.write(store)


def _find(tenant_id: TenantId, conversation_id: ConversationId) -> Script[Conversation | None]:
    rows = yield _FIND_BY_ID, (tenant_id, conversation_id)
    return ConversationRow(*rows[0]).build() if rows else None


def build_escalation(row: Sequence[Any]) -> Escalation:
    """Return the escalation of a row of ``ESCALATION_COLUMNS``, without its notices."""
    return msgspec.convert(dict(zip(_FIELDS, row, strict=True)), Escalation)


def _read_notices(
    connection: Connection, conversation_ids: Sequence[ConversationId]
) -> defaultdict[str, list[NoticeState]]:
    """Return the notices of these conversations by escalation, oldest first."""
    query = (
        select(outbox)
        .where(outbox.c.conversation_id.in_(conversation_ids))
        .order_by(outbox.c.created_at, outbox.c.id)
    )
    found: defaultdict[str, list[NoticeState]] = defaultdict(list)
    for row in connection.execute(query):
        notice = NoticeState(
            id=row.id,
            kind=row.kind,
            event=row.payload["event"],
            status=_read_status(row),
            attempts=row.attempts,
            error=row.error,
            created_at=row.created_at,
        )
        found[row.payload["escalation_id"]].append(notice)
    return found


def _read_status(row: Row[Any]) -> NoticeStatus:
    if row.sent_at is not None:
        return "sent"
    return "pending" if row.failed_at is None else "failed"
