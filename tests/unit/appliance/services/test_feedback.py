from __future__ import annotations

import pytest

from appliance.errors import NotFound
from appliance.services.conversations import ConversationService
from appliance.services.feedback import FeedbackService, Rating
from appliance.storage.tables import feedback
from tests.fakes.live_conversations import build_live
from tests.fakes.sqlite_database import TemporaryDatabase
from tests.fakes.stored_history import StoredHistory


@pytest.mark.parametrize(("rating", "stored"), [("up", 5), ("down", 1), (3, 3)])
async def test_a_thumb_is_a_rating_too(
    temporary: TemporaryDatabase, rating: Rating, stored: int
) -> None:
    history = StoredHistory(temporary)
    reply = await history.talk("s1")
    await build(temporary).give(
        temporary.tenant_id, "s1", message_id=reply.message.id, rating=rating, comment=" Good "
    )
    [row] = await history.rows(feedback)
    assert (row.rating, row.comment) == (stored, "Good")


@pytest.mark.parametrize(
    ("session", "message_id", "code"),
    [("s2", None, "session_not_found"), ("s1", "unknown", "message_not_found")],
)
async def test_what_is_not_the_visitors_cannot_be_rated(
    temporary: TemporaryDatabase, session: str, message_id: str | None, code: str
) -> None:
    await StoredHistory(temporary).talk("s1")
    with pytest.raises(NotFound) as raised:
        await build(temporary).give(
            temporary.tenant_id, session, message_id=message_id, rating=1, comment=None
        )
    assert raised.value.code == code


def build(temporary: TemporaryDatabase) -> FeedbackService:
    conversations = ConversationService(
        turn_store=temporary.database.turn_store,
        clock=temporary.clock,
        live=build_live(temporary),
    )
    return FeedbackService(
        store=temporary.database.feedback, conversations=conversations, clock=temporary.clock
    )
