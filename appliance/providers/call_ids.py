"""Ids of tool calls that are unique within a conversation.

Owns the choice; models name calls as they like, some all alike, some not at all.
"""

from __future__ import annotations

from collections.abc import Iterable

from appliance.domain.ids import new_id


class CallIds:
    """Hands out ids, none twice and none of ``taken``."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def take(self, wanted: str) -> str:
        """Return ``wanted``, or a new id when it is empty or taken."""
        call_id = wanted if wanted and wanted not in self._taken else f"call_{new_id()}"
        self._taken.add(call_id)
        return call_id
