from __future__ import annotations

import pytest

from appliance.domain.ids import ConversationId, TenantId
from appliance.storage.tables import conversations
from tests.fakes.stored_history import DATABASES, open_history


@pytest.mark.parametrize("kind", DATABASES)
async def test_a_closed_conversation_is_no_session_any_more(kind: str):
    async with open_history(kind) as history:
        accepted = await history.ask("s1", user_identifier="dana")
        store, now = history.temporary.database.erasure, history.clock.now()
        found = accepted.conversation.id
        assert not await store.close_conversation(TenantId("nobody"), found, at=now)
        assert await store.close_conversation(history.tenant_id, found, at=now)
        assert await store.close_conversation(history.tenant_id, found, at=now)
        (row,) = await history.rows(conversations)
        assert (row.session_hash, row.status) == (f"erased:{found}", "ended")
        assert row.lease_message_id is row.lease_until is None
        assert row.fencing_token == accepted.fencing_token + 2


@pytest.mark.parametrize("kind", DATABASES)
async def test_visitors_are_told_apart_to_the_letter(kind: str):
    async with open_history(kind) as history:
        for number, name in enumerate(("dana", "Dana", "dana ", "דנה", "%")):
            await history.talk(f"s{number}", user_identifier=name)
        await history.talk("unnamed")
        store, now = history.temporary.database.erasure, history.clock.now()
        for name in ("dana", "דנה", "%"):
            ids = await store.close_conversations_of(history.tenant_id, name, at=now, limit=9)
            assert len(ids) == 1
        assert await store.find_tenant_of(ConversationId("none")) is None
