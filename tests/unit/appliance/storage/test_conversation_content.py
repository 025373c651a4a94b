from __future__ import annotations

from appliance.domain.visitor import VisitorDetails
from appliance.storage.conversation_content import clear_emptied
from appliance.storage.tables import conversations, messages
from tests.fakes.stored_history import open_history


async def test_only_emptied_conversations_are_cleared():
    async with open_history() as history:
        for session in ("s1", "s2"):
            await history.talk(
                session,
                user_identifier="dana",
                page_url="https://shop.example",
                visitor=VisitorDetails(name="Dana"),
            )
        emptied = await history.conversation_id("s1")
        ids = {row.id for row in await history.rows(conversations)}
        now = history.clock.now()
        transactions = history.temporary.database.backend.transactions

        def clear(connection):
            connection.execute(messages.delete().where(messages.c.conversation_id == emptied))
            clear_emptied(connection, ids, at=now)
            clear_emptied(connection, set(), at=now)

        await transactions.write(clear)
        found = {row.id: row for row in await history.rows(conversations)}
        (other,) = ids - {emptied}
        assert found[emptied].page_url is found[emptied].user_identifier is None
        assert (found[emptied].visitor, found[other].visitor) == (None, {"name": "Dana"})
        assert found[emptied].content_deleted_at == now
        assert (found[other].page_url, found[other].user_identifier) == (
            "https://shop.example",
            "dana",
        )
