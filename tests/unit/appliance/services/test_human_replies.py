from __future__ import annotations

import pytest

from appliance.errors import Conflict, NotFound
from tests.unit.appliance.services.test_live_conversations import SESSION, Desk, desk

__all__ = ["desk"]


async def test_nobody_types_in_a_conversation_of_the_assistants(desk: Desk) -> None:
    with pytest.raises(Conflict) as refused:
        await desk.type(is_typing=True)
    assert refused.value.code == "not_taken_over"
    conversation_id = await desk.history.conversation_id(SESSION)
    with pytest.raises(NotFound):
        await desk.replies.type(
            desk.temporary.other_tenant_id, conversation_id, "Dana", is_typing=True
        )
    with pytest.raises(NotFound):
        await desk.replies.say(
            desk.temporary.other_tenant_id, conversation_id, "Hi", author_name="Dana"
        )


async def test_the_same_again_is_answered_alike_and_ends_typing(desk: Desk) -> None:
    await desk.take_over()
    conversation_id = await desk.history.conversation_id(SESSION)
    await desk.type(is_typing=True)
    assert desk.live.find_typing(conversation_id) == "Dana"
    first, again = [
        await desk.replies.say(
            desk.tenant.id, conversation_id, "Hi", author_name="Dana", client_message_id="k1"
        )
        for _ in range(2)
    ]
    assert first == again
    assert desk.live.find_typing(conversation_id) is None
