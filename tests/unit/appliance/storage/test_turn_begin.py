from __future__ import annotations

from appliance.domain.ids import SessionHash, hash_token
from appliance.ports.turn_store import TurnBusy
from appliance.storage.turn_begin import MAX_RETRY_AFTER_S
from tests.contract.test_stored_turn_store import TestSqliteTurnStore as Sqlite


async def test_a_busy_session_is_asked_again_soon_not_after_the_whole_lease():
    async with Sqlite().open() as opened:
        await opened.begin("one", new_session="s1", lease_s=30)
        busy = await opened.store.begin_turn(opened.build_turn("two", session="s1"))
        assert isinstance(busy, TurnBusy)
        assert busy.retry_after_s == MAX_RETRY_AFTER_S
        opened.clock.advance(29.5)
        busy = await opened.store.begin_turn(opened.build_turn("two", session="s1"))
        assert isinstance(busy, TurnBusy)
        assert busy.retry_after_s == 1


async def test_what_the_visitor_says_of_itself_is_kept_until_it_says_otherwise():
    async with Sqlite().open() as opened:
        first = await opened.begin("one", new_session="s1", locale="he", user_identifier="a")
        await opened.finish(first)
        await opened.finish(await opened.begin("two", session="s1", locale="en"))
        session = SessionHash(hash_token("s1"))
        found = await opened.store.find_conversation(opened.tenant_id, session)
        assert found is not None
        assert (found.locale, found.user_identifier) == ("en", "a")
