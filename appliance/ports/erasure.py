"""What erasing a visitor or a tenant needs of the database.

Owns the port and the shapes that cross it; the order of an erasure is decided by
``appliance.services.erasure``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from appliance.domain.ids import ConversationId, TenantId


class ErasureStep(Struct, frozen=True, kw_only=True):
    """One short transaction: how many rows of which table went, and how long it worked."""

    rows: dict[str, int]
    held_ms: float
    is_done: bool


class ErasureStore(Protocol):
    """Erases in short transactions; each method may be called again after a crash.

    What belongs to a conversation or a tenant is told by the tables' own columns and keys, so that
    no table is forgotten. All methods raise ``StorageError`` when the database cannot be used.
    """

    async def find_tenant_of(self, conversation_id: ConversationId) -> TenantId | None:
        """Return whose conversation it is."""
        ...

    async def close_conversation(
        self, tenant_id: TenantId, conversation_id: ConversationId, *, at: datetime
    ) -> bool:
        """Take the conversation away from its visitor and from a running turn; false if absent."""
        ...

    async def close_conversations_of(
        self, tenant_id: TenantId, user_identifier: str, *, at: datetime, limit: int
    ) -> list[ConversationId]:
        """Do so with some conversations of a visitor; empty when there are none."""
        ...

    async def erase_conversations(
        self, tenant_id: TenantId, conversation_ids: Sequence[ConversationId], *, limit: int,
        time_zone: str,
    ) -> ErasureStep:  # fmt: skip
        """Erase some rows of closed conversations, at last the conversations themselves.

        Executions are added to the daily sums by tool; usage stays as it is.
        """
        ...

    async def close_tenant(self, tenant_id: TenantId) -> bool:
        """Switch the tenant off, remove its keys and end its running turns; false if absent."""
        ...

    async def erase_tenant(self, tenant_id: TenantId, *, limit: int) -> ErasureStep:
        """Erase some rows of a closed tenant, at last the tenant itself.

        Entries of the audit log stay, without what was changed.
        """
        ...

    async def scrub(self) -> None:
        """Let nothing of erased rows stay in the database's files, as far as it is up to us."""
        ...
