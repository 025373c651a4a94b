"""Reading executed tool calls over all conversations.

Owns the port and its shapes; a conversation's own calls are read by ``conversation_reader``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from appliance.domain.ids import ConversationId, TenantId
from appliance.ports.conversation_reader import ExecutionRow
from appliance.ports.repositories import Page


class ExecutionSearch(Struct, frozen=True, kw_only=True):
    """Which executed calls; ``None`` stands for any. ``until`` is not included."""

    tenant_id: TenantId | None = None
    tool_name: str | None = None
    conversation_id: ConversationId | None = None
    is_success: bool | None = None
    since: datetime | None = None
    until: datetime | None = None


class LoggedExecution(ExecutionRow, frozen=True, kw_only=True):
    """One executed call, and whose it was."""

    id: str
    tenant_id: str
    conversation_id: str


class ExecutionLogStore(Protocol):
    """Reads executed calls. Raises ``StorageError`` when the database cannot be used."""

    async def list_page(
        self, wanted: ExecutionSearch, *, limit: int, cursor: str | None
    ) -> Page[LoggedExecution]:
        """Return executed calls, the newest first.

        Raises:
            InvalidInput: ``cursor`` was not made by this method.
        """
        ...

    def read_all(self, wanted: ExecutionSearch) -> AsyncIterator[list[LoggedExecution]]:
        """Yield executed calls some at a time, tenant by tenant, the oldest first.

        What is written meanwhile may be there or not.
        """
        ...
