"""Followers of conversations in a temporary database.

Owns how the service is put together for tests.
"""

from __future__ import annotations

from appliance.services.live_conversations import LiveConversations
from appliance.services.turn_streams import TurnStreams
from tests.fakes.sqlite_database import TemporaryDatabase


def build_live(
    temporary: TemporaryDatabase, streams: TurnStreams | None = None
) -> LiveConversations:
    """Return the service over ``streams``, or over none."""
    return LiveConversations(
        streams=streams or TurnStreams(temporary.clock),
        turn_store=temporary.database.turn_store,
        messages=temporary.database.agent_messages,
        clock=temporary.clock,
    )
