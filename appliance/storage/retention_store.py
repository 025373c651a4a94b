"""Old rows in the database: finding them, and deleting them in short transactions.

Owns which rows may go and what goes with them; ages and pace are decided by
``appliance.services.retention``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from appliance.domain.ids import MessageId, TenantId
from appliance.ports.retention import Deletion, Leftover, OldContent, OldMessage, Record
from appliance.storage.backend import Backend
from appliance.storage.conversation_content import clear_emptied
from appliance.storage.tables import (
    api_keys,
    audit_log,
    conversations,
    escalations,
    feedback,
    integration_calls,
    messages,
    outbox,
    pending_archives,
    refresh_tokens,
    tool_executions,
    tool_usage,
    turn_traces,
)

UNFINISHED: Final = ("received", "running")
LOCK_NAME: Final = "retention"

_IS_FREE = conversations.c.lease_message_id.is_(None)
_IS_SETTLED = or_(messages.c.turn_state.is_(None), messages.c.turn_state.not_in(UNFINISHED))
_OF_CONVERSATION = messages.c.conversation_id == conversations.c.id
_ARCHIVED_WITH = ("channel", "user_identifier", "page_url", "started_at")
"""What of its conversation an archived message carries, so that an object can be read alone."""

_LEFTOVERS: Final[dict[Leftover, tuple[Table, Callable[[datetime], ColumnElement[bool]]]]] = {
    "audit_log": (audit_log, lambda before: audit_log.c.at < before),
    "refresh_tokens": (
        refresh_tokens,
        lambda before: or_(
            refresh_tokens.c.expires_at < before, refresh_tokens.c.revoked_at < before
        ),
    ),
    "api_keys": (
        api_keys,
        lambda before: and_(api_keys.c.kind == "publishable", api_keys.c.expires_at < before),
    ),
}


_FORGET_SUMMARIES: Final = (
    update(conversations)
    .where(conversations.c.id.in_(bindparam("ids", expanding=True)))
    .where(conversations.c.summary.is_not(None))
    .values(summary=None, summary_seq=None)
)
"""A summary tells of messages that are deleted, so it goes with the first of them."""

_RECORDS: Final[dict[Record, tuple[Column[Any], Column[Any]]]] = {
    "turn_traces": (turn_traces.c.message_id, turn_traces.c.created_at),
    "outbox": (outbox.c.id, outbox.c.created_at),
    "escalations": (escalations.c.id, escalations.c.requested_at),
    "feedback": (feedback.c.id, feedback.c.created_at),
    "integration_calls": (integration_calls.c.id, integration_calls.c.called_at),
}
"""The key of each table of records, and the time that counts."""


class StoredRetention:
    """Implements ``RetentionStore``; see there for what each method promises."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._transactions = backend.transactions

    def exclusively(self) -> AbstractAsyncContextManager[bool]:
        """Keep other runs away, of other processes too; false when one is under way."""
        return self._backend.exclusively(LOCK_NAME)

    async def count_old(
        self, tenant_id: TenantId, *, messages_before: datetime, executions_before: datetime
    ) -> OldContent:
        """Return how much there is to delete."""
        old_messages = (
            select(func.count())
            .select_from(messages)
            .join(conversations, _OF_CONVERSATION)
            .where(*_old_messages(tenant_id, messages_before))
        )
        old_executions = (
            select(func.count())
            .select_from(tool_executions)
            .join(conversations, tool_executions.c.conversation_id == conversations.c.id)
            .where(*_old_executions(tenant_id, executions_before))
        )
        old_records = [
            select(func.count())
            .select_from(at.table)
            .where(at.table.c.tenant_id == tenant_id, at < messages_before)
            for _, at in _RECORDS.values()
        ]

        def count(connection: Connection) -> OldContent:
            return OldContent(
                messages=connection.execute(old_messages).scalar_one(),
                tool_executions=connection.execute(old_executions).scalar_one(),
                records=sum(connection.execute(query).scalar_one() for query in old_records),
            )

        return await self._transactions.read(count)

    async def read_old_messages(
        self, tenant_id: TenantId, *, before: datetime, after: OldMessage | None, limit: int,
        with_content: bool,
    ) -> list[OldMessage]:  # fmt: skip
        """Return messages in the order of time, those behind ``after`` only."""
        place = (messages.c.created_at, messages.c.id)
        columns: list[ColumnElement[Any]] = list(place)
        if with_content:
            own = [column for column in messages.c if column not in place]
            columns += own + [conversations.c[name].label(f"conversation_{name}") for name in
                              _ARCHIVED_WITH]  # fmt: skip
        query = (
            select(*columns)
            .join(conversations, _OF_CONVERSATION)
            .where(*_old_messages(tenant_id, before))
            .order_by(*place)
            .limit(limit)
        )
        if after is not None:
            query = query.where(tuple_(*place) > (after.created_at, after.id))

        def read(connection: Connection) -> list[OldMessage]:
            return [
                OldMessage(row[0], row[1], dict(row._mapping) if with_content else None)
                for row in connection.execute(query)
            ]

        return await self._transactions.read(read)

    async def delete_messages(
        self, tenant_id: TenantId, message_ids: Sequence[MessageId], *, at: datetime,
        all_or_none: bool,
    ) -> Deletion:  # fmt: skip
        """Delete those of the messages that may still go, and what a conversation then holds."""
        # The tenant is compared here: SQLite would rather walk all its messages than look these up.
        may_go = (
            select(messages.c.id, messages.c.conversation_id, messages.c.tenant_id)
            .join(conversations, _OF_CONVERSATION)
            .where(messages.c.id.in_(message_ids), _IS_FREE, _IS_SETTLED)
        )
        settle = delete(pending_archives).where(pending_archives.c.tenant_id == tenant_id)

        def delete_them(connection: Connection) -> Deletion:
            started = time.perf_counter()
            rows = [row for row in connection.execute(may_go) if row.tenant_id == tenant_id]
            if all_or_none and len(rows) < len(message_ids):
                return Deletion(rows=0, held_ms=_ms_since(started))
            if rows:
                ids = [row[0] for row in rows]
                connection.execute(delete(messages).where(messages.c.id.in_(ids)))
                connection.execute(_FORGET_SUMMARIES, {"ids": [row[1] for row in rows]})
                clear_emptied(connection, {row[1] for row in rows}, at=at)
            if all_or_none:
                connection.execute(settle)
            return Deletion(rows=len(rows), held_ms=_ms_since(started))

        return await self._transactions.write(delete_them)

    async def delete_executions(
        self, tenant_id: TenantId, *, before: datetime, limit: int, time_zone: str
    ) -> Deletion:
        """Delete executions, adding them to the daily sums by tool of the tenant's own days."""
        may_go = (
            select(tool_executions)
            .with_only_columns(*SUMMED)
            .join(conversations, tool_executions.c.conversation_id == conversations.c.id)
            .where(*_old_executions(tenant_id, before))
            .order_by(tool_executions.c.executed_at, tool_executions.c.id)
            .limit(limit)
        )

        def delete_them(connection: Connection) -> Deletion:
            started = time.perf_counter()
            rows = connection.execute(may_go).all()
            delete_summed(connection, tenant_id, rows, time_zone)
            clear_emptied(connection, {row.conversation_id for row in rows})
            return Deletion(rows=len(rows), held_ms=_ms_since(started))

        return await self._transactions.write(delete_them)

    async def delete_records(
        self, kind: Record, tenant_id: TenantId, *, before: datetime, limit: int
    ) -> Deletion:
        """Delete traces, notices, escalations or ratings; a conversation's own rating stays."""
        key, at = _RECORDS[kind]
        some = (
            select(key)
            .where(at.table.c.tenant_id == tenant_id, at < before)
            .order_by(at, key)
            .limit(limit)
        )

        def delete_them(connection: Connection) -> Deletion:
            started = time.perf_counter()
            keys = connection.scalars(some).all()
            if keys:
                connection.execute(delete(at.table).where(key.in_(keys)))
            return Deletion(rows=len(keys), held_ms=_ms_since(started))

        return await self._transactions.write(delete_them)

    async def delete_leftovers(self, kind: Leftover, *, before: datetime, limit: int) -> Deletion:
        """Delete audit entries of before, and logins and keys that ended before."""
        table, is_old = _LEFTOVERS[kind]
        some = select(table.c.id).where(is_old(before)).limit(limit)

        def delete_them(connection: Connection) -> Deletion:
            started = time.perf_counter()
            ids = connection.scalars(some).all()
            if ids:
                connection.execute(delete(table).where(table.c.id.in_(ids)))
            return Deletion(rows=len(ids), held_ms=_ms_since(started))

        return await self._transactions.write(delete_them)

    async def begin_archive(self, tenant_id: TenantId, name: str, *, at: datetime) -> str:
        """Return the object to write to: ``name``, or the one that an unfinished batch wrote."""
        find = select(pending_archives.c.object_name).where(
            pending_archives.c.tenant_id == tenant_id
        )
        note = insert(pending_archives).values(tenant_id=tenant_id, object_name=name, begun_at=at)

        def begin(connection: Connection) -> str:
            begun: str | None = connection.scalar(find)
            if begun is None:
                connection.execute(note)
            return begun or name

        return await self._transactions.write(begin)

    async def scrub(self) -> None:
        """Let nothing of deleted rows stay in the database's files, as far as it is up to us."""
        await self._backend.scrub()


SUMMED: Final = (
    tool_executions.c.id,
    tool_executions.c.conversation_id,
    tool_executions.c.tool_name,
    tool_executions.c.is_success,
    tool_executions.c.execution_time_ms,
    tool_executions.c.executed_at,
)


def delete_summed(
    connection: Connection, tenant_id: TenantId, rows: Sequence[Any], time_zone: str
) -> None:
    """Delete executions and add them to the daily sums by tool.

    Args:
        connection: In the transaction that does both.
        tenant_id: Whose executions.
        rows: Each with ``id``, ``tool_name``, ``is_success``, ``execution_time_ms`` and
            ``executed_at``.
        time_zone: Of the tenant, whose days count.
    """
    zone = ZoneInfo(time_zone)
    sums: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        day = row.executed_at.astimezone(zone).date().isoformat()
        added = sums.setdefault((day, row.tool_name), [0, 0, 0])
        added[0] += 1
        added[1] += not row.is_success
        added[2] += row.execution_time_ms
    for (day, tool_name), (calls, failures, execution_time_ms) in sorted(sums.items()):
        values = {"calls": calls, "failures": failures, "execution_time_ms": execution_time_ms}
        key = {"tenant_id": tenant_id, "day": day, "tool_name": tool_name}
        adding = (
            update(tool_usage)
            .where(*(tool_usage.c[name] == value for name, value in key.items()))
            .values({name: tool_usage.c[name] + value for name, value in values.items()})
        )
        if connection.execute(adding).rowcount == 0:
            connection.execute(insert(tool_usage).values(**key, **values))
    if rows:
        ids = [row.id for row in rows]
        connection.execute(delete(tool_executions).where(tool_executions.c.id.in_(ids)))


def _old_messages(tenant_id: TenantId, before: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        messages.c.tenant_id == tenant_id,
        messages.c.created_at < before,
        _IS_SETTLED,
        _IS_FREE,
    )


def _old_executions(tenant_id: TenantId, before: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        tool_executions.c.tenant_id == tenant_id,
        tool_executions.c.executed_at < before,
        _IS_FREE,
    )


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
