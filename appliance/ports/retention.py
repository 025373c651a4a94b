"""What retention needs of the database: what is old, and its deletion in small steps.

Owns the port and the shapes that cross it; when and how fast is decided by
``appliance.services.retention``.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

from appliance.domain.ids import MessageId, TenantId
from appliance.domain.json_types import JsonObject

Leftover = Literal["audit_log", "refresh_tokens", "api_keys"]
"""What is deleted for its age besides messages and executions."""

Record = Literal["turn_traces", "outbox", "escalations", "feedback", "integration_calls"]
"""What is kept beside a conversation's messages and goes at their age."""


class OldContent(Struct, frozen=True, kw_only=True):
    """How many rows of one tenant are older than they may be."""

    messages: int = 0
    tool_executions: int = 0
    records: int = 0


class OldMessage(Struct, frozen=True):
    """A message to delete: its place in time, and all of it when it is to be archived."""

    created_at: datetime
    id: MessageId
    line: JsonObject | None = None


class Deletion(Struct, frozen=True, kw_only=True):
    """How many rows one write deleted, and how long it worked within its transaction."""

    rows: int
    held_ms: float


class RetentionStore(Protocol):
    """Deletes old rows. Each deleting method is one short transaction.

    A message is left alone while its turn is unfinished or its conversation holds a lease, and so
    is an execution of such a conversation. All methods raise ``StorageError`` when the database
    cannot be used.
    """

    def exclusively(self) -> AbstractAsyncContextManager[bool]:
        """Keep other runs away, of other processes too; false when one is under way."""
        ...

    async def count_old(
        self, tenant_id: TenantId, *, messages_before: datetime, executions_before: datetime
    ) -> OldContent:
        """Return how much there is to delete."""
        ...

    async def read_old_messages(
        self, tenant_id: TenantId, *, before: datetime, after: OldMessage | None, limit: int,
        with_content: bool,
    ) -> list[OldMessage]:  # fmt: skip
        """Return messages in the order of time, those behind ``after`` only."""
        ...

    async def delete_messages(
        self, tenant_id: TenantId, message_ids: Sequence[MessageId], *, at: datetime,
        all_or_none: bool,
    ) -> Deletion:  # fmt: skip
        """Delete those of the messages that may still go, and what a conversation then holds.

        A conversation without messages loses its page, its metadata and its waiting action, and the
        visitor's identifier too once it has no executions left; its counters stay.

        Args:
            tenant_id: Whose messages.
            message_ids: As ``read_old_messages`` gave them.
            at: Noted as the moment when the last message went.
            all_or_none: Delete nothing when one of them must stay now; otherwise the tenant's
                pending archive is settled with them.
        """
        ...

    async def delete_executions(
        self, tenant_id: TenantId, *, before: datetime, limit: int, time_zone: str
    ) -> Deletion:
        """Delete executions, adding them to the daily sums by tool of the tenant's own days."""
        ...

    async def delete_records(
        self, kind: Record, tenant_id: TenantId, *, before: datetime, limit: int
    ) -> Deletion:
        """Delete traces, notices, escalations or ratings; a conversation's own rating stays."""
        ...

    async def delete_leftovers(self, kind: Leftover, *, before: datetime, limit: int) -> Deletion:
        """Delete audit entries of before, and logins and keys that ended before."""
        ...

    async def begin_archive(self, tenant_id: TenantId, name: str, *, at: datetime) -> str:
        """Return the object to write to: ``name``, or the one that an unfinished batch wrote."""
        ...

    async def scrub(self) -> None:
        """Let nothing of deleted rows stay in the database's files, as far as it is up to us."""
        ...
