"""Reading everything of a visitor or a tenant, part by part.

Owns the port; the form it is handed out in is decided by ``appliance.services.exports``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from appliance.domain.ids import ConversationId, TenantId
from appliance.domain.json_types import JsonObject


class ConversationFilter(Struct, frozen=True, kw_only=True):
    """Which conversations; ``None`` stands for any. ``until`` is not included."""

    tenant_id: TenantId | None = None
    user_identifier: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class ExportStore(Protocol):
    """Reads rows as JSON objects, some at a time, so that memory does not grow with them.

    Neither secrets nor hashes are ever among them. What changes meanwhile may be there or not. All
    methods raise ``StorageError`` when the database cannot be used.
    """

    def table_names(self) -> Sequence[str]:
        """Return the tables that a tenant's export has, the tenant's own first."""
        ...

    def read_table(self, table: str, tenant_id: TenantId) -> AsyncIterator[list[JsonObject]]:
        """Yield the tenant's rows of a table."""
        ...

    def read_conversations(self, wanted: ConversationFilter) -> AsyncIterator[list[JsonObject]]:
        """Yield conversations, oldest first."""
        ...

    def read_messages(
        self, tenant_id: TenantId, conversation_id: ConversationId
    ) -> AsyncIterator[list[JsonObject]]:
        """Yield a conversation's messages in their order."""
        ...

    def read_executions(
        self, tenant_id: TenantId, conversation_id: ConversationId
    ) -> AsyncIterator[list[JsonObject]]:
        """Yield a conversation's executed tools in their order."""
        ...

    def read_escalations(
        self, tenant_id: TenantId, conversation_id: ConversationId
    ) -> AsyncIterator[list[JsonObject]]:
        """Yield a conversation's escalations in their order."""
        ...

    def read_feedback(
        self, tenant_id: TenantId, conversation_id: ConversationId
    ) -> AsyncIterator[list[JsonObject]]:
        """Yield the ratings of a conversation and its answers."""
        ...
