"""Keeping what happened in turns.

Owns the port; traces go when their messages go, by retention and erasure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from appliance.domain.ids import ConversationId
from appliance.domain.trace import StoredTrace


class TraceStore(Protocol):
    """Keeps traces. Raises ``StorageError`` when the database cannot be used."""

    async def add(self, traces: Sequence[StoredTrace]) -> None:
        """Keep the traces; of a message that was tried again, the last.

        A trace whose conversation was erased meanwhile is not kept.
        """
        ...

    async def list_traces(self, conversation_id: ConversationId) -> list[StoredTrace]:
        """Return a conversation's traces, oldest first."""
        ...
