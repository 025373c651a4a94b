"""Notices that wait to be sent, in the database.

Owns the rows of ``outbox`` once they are there; they are written with what they tell of, by
``storage.escalation_rows``.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, and_, select, update

from appliance.domain.escalation import Escalation
from appliance.ports.notifier import DueNotice, NoticeContent, TranscriptLine
from appliance.storage.repositories.escalations import ESCALATION_COLUMNS, build_escalation
from appliance.storage.tables import conversations, escalations, messages, outbox
from appliance.storage.transactions import Transactions

_WAITS = and_(outbox.c.sent_at.is_(None), outbox.c.failed_at.is_(None))
_SAID_BY = ("user", "assistant", "agent")


class StoredOutbox:
    """Implements ``Outbox``; see there for what each method promises."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def claim_due(self, *, now: datetime, until: datetime, limit: int) -> list[DueNotice]:
        """Take some due notices for this process, the longest waiting first."""
        due = (
            select(outbox)
            .where(_WAITS, outbox.c.next_attempt_at <= now)
            .order_by(outbox.c.next_attempt_at)
            .limit(limit)
        )
        found = await self._transactions.read(lambda connection: connection.execute(due).all())
        if not found:
            return []

        def claim(connection: Connection) -> list[DueNotice]:
            claimed = []
            for row in found:
                # Whoever was faster has moved the time on.
                taking = (
                    update(outbox)
                    .where(
                        outbox.c.id == row.id,
                        outbox.c.next_attempt_at == row.next_attempt_at,
                        _WAITS,
                    )
                    .values(next_attempt_at=until, attempts=row.attempts + 1)
                )
                if connection.execute(taking).rowcount == 1:
                    claimed.append(
                        DueNotice(
                            id=row.id,
                            tenant_id=row.tenant_id,
                            conversation_id=row.conversation_id,
                            kind=row.kind,
                            event=row.payload["event"],
                            escalation_id=row.payload["escalation_id"],
                            created_at=row.created_at,
                            attempts=row.attempts + 1,
                        )
                    )
            return claimed

        return await self._transactions.write(claim)

    async def load(self, notice: DueNotice, *, lines: int) -> NoticeContent | None:
        """Return what to tell, with the newest ``lines``; ``None`` when it was erased."""
        about = (
            select(
                *ESCALATION_COLUMNS,
                conversations.c.channel,
                conversations.c.user_identifier,
                conversations.c.page_url,
            )
            .join(conversations, escalations.c.conversation_id == conversations.c.id)
            .where(
                escalations.c.tenant_id == notice.tenant_id,
                escalations.c.id == notice.escalation_id,
            )
        )
        said = (
            select(messages.c.role, messages.c.content, messages.c.created_at)
            .where(
                messages.c.tenant_id == notice.tenant_id,
                messages.c.conversation_id == notice.conversation_id,
                messages.c.role.in_(_SAID_BY),
                messages.c.content != "",
            )
            .order_by(messages.c.seq.desc())
            .limit(lines)
        )

        def read(connection: Connection) -> NoticeContent | None:
            row = connection.execute(about).first()
            if row is None:
                return None
            *fields, channel, user_identifier, page_url = row
            escalation: Escalation = build_escalation(fields)
            return NoticeContent(
                escalation=escalation,
                channel=channel,
                user_identifier=user_identifier,
                page_url=page_url,
                lines=tuple(
                    TranscriptLine(role=line.role, content=line.content, created_at=line.created_at)
                    for line in reversed(connection.execute(said).all())
                ),
            )

        return await self._transactions.read(read)

    async def mark_sent(self, notice_id: str, *, at: datetime) -> None:
        """Note that it was taken."""
        sent = update(outbox).where(outbox.c.id == notice_id).values(sent_at=at, error=None)
        await self._transactions.write(lambda connection: connection.execute(sent))

    async def mark_failed(
        self, notice_id: str, *, error: str, at: datetime, retry_at: datetime | None
    ) -> None:
        """Note a failure; without ``retry_at`` it is given up."""
        values = {"failed_at": at} if retry_at is None else {"next_attempt_at": retry_at}
        failed = update(outbox).where(outbox.c.id == notice_id).values(error=error, **values)
        await self._transactions.write(lambda connection: connection.execute(failed))
