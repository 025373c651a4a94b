"""Conversations as operators look at them, read from the database.

Owns the queries; nothing is written here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Row, Select, Table, exists, func, or_, select

from appliance.domain.ids import ConversationId
from appliance.ports.conversation_reader import (
    ConversationRow,
    ConversationSearch,
    ExecutionRow,
    FeedbackRow,
    MessageRow,
)
from appliance.ports.repositories import Page
from appliance.storage.repositories.pages import read_cursor, select_page
from appliance.storage.tables import conversations, feedback, messages, tool_executions
from appliance.storage.transactions import Transactions

Shape = TypeVar("Shape", bound=msgspec.Struct)


class StoredConversations:
    """Implements ``ConversationReader``; see there for what each method promises."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def list_page(
        self, wanted: ConversationSearch, *, limit: int, cursor: str | None
    ) -> Page[ConversationRow]:
        """Return conversations, the newest first."""
        after = None if cursor is None else read_cursor(cursor)
        query = _select(conversations, ConversationRow).where(*_conditions(wanted))
        return await self._transactions.read(
            lambda connection: select_page(
                connection,
                query,
                conversations,
                lambda row: _build(ConversationRow, row),
                limit=limit,
                after=after,
                time_column="started_at",
                is_newest_first=True,
            )
        )

    async def get(self, conversation_id: ConversationId) -> ConversationRow | None:
        """Return one conversation."""
        query = _select(conversations, ConversationRow).where(conversations.c.id == conversation_id)
        found = await self._read(query, ConversationRow)
        return found[0] if found else None

    async def list_messages(self, conversation_id: ConversationId) -> Sequence[MessageRow]:
        """Return all messages of a conversation in their order."""
        query = (
            _select(messages, MessageRow)
            .where(messages.c.conversation_id == conversation_id)
            .order_by(messages.c.seq)
        )
        return await self._read(query, MessageRow)

    async def list_executions(self, conversation_id: ConversationId) -> Sequence[ExecutionRow]:
        """Return a conversation's executed calls in their order."""
        query = (
            _select(tool_executions, ExecutionRow)
            .where(tool_executions.c.conversation_id == conversation_id)
            .order_by(tool_executions.c.executed_at, tool_executions.c.call_id)
        )
        return await self._read(query, ExecutionRow)

    async def list_feedback(self, conversation_id: ConversationId) -> Sequence[FeedbackRow]:
        """Return the ratings of a conversation and its answers, oldest first."""
        query = (
            _select(feedback, FeedbackRow)
            .where(feedback.c.conversation_id == conversation_id)
            .order_by(feedback.c.created_at, feedback.c.id)
        )
        return [
            msgspec.structs.replace(row, message_id=row.message_id or None)
            for row in await self._read(query, FeedbackRow)
        ]

    async def _read(self, query: Select[Any], shape: type[Shape]) -> list[Shape]:
        rows = await self._transactions.read(lambda connection: connection.execute(query).all())
        return [_build(shape, row) for row in rows]


def _select(table: Table, shape: type[msgspec.Struct]) -> Select[Any]:
    return select(*(table.c[name] for name in shape.__struct_fields__))


def _build(shape: type[Shape], row: Row[Any]) -> Shape:
    return shape(**row._mapping)


def _conditions(wanted: ConversationSearch) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [
        conversations.c[name] == value
        for name, value in (
            ("tenant_id", wanted.tenant_id),
            ("status", wanted.status),
            ("channel", wanted.channel),
        )
        if value is not None
    ]
    if wanted.since is not None:
        found.append(conversations.c.started_at >= wanted.since)
    if wanted.until is not None:
        found.append(conversations.c.started_at < wanted.until)
    if wanted.text is not None:
        said = exists().where(
            messages.c.conversation_id == conversations.c.id,
            _contains(messages.c.content, wanted.text),
        )
        found.append(or_(_contains(conversations.c.user_identifier, wanted.text), said))
    return found


def _contains(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    return func.lower(column).contains(text.lower(), autoescape=True)
