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


async def test_a_verified_visitor_is_told_from_one_a_page_names():
    async with Sqlite().open() as opened:
        session = SessionHash(hash_token("s1"))

        async def send(text: str, **who: object) -> tuple[str | None, bool]:
            await opened.finish(await opened.begin(text, session="s1", new_session="s1", **who))
            found = await opened.store.find_conversation(opened.tenant_id, session)
            assert found is not None
            return found.user_identifier, found.is_user_verified

        assert await send("one", user_identifier="claimed") == ("claimed", False)
        assert await send("two", user_identifier="dana", is_user_verified=True) == ("dana", True)
        assert await send("three", user_identifier="eve") == ("dana", True)
        assert await send("four") == ("dana", True)
        assert await send("five", user_identifier="dana", is_user_verified=True) == ("dana", True)


async def test_somebody_else_who_signs_in_gets_a_conversation_of_their_own():
    async with Sqlite().open() as opened:
        dana = {"user_identifier": "dana", "is_user_verified": True}
        eve = {"user_identifier": "eve", "is_user_verified": True}
        first = await opened.begin("one", new_session="s1", message_id="m1", **dana)
        await opened.finish(first)
        other = await opened.begin("one", session="s1", new_session="s2", message_id="m1", **eve)
        assert other.is_new_session
        assert other.conversation.id != first.conversation.id
        assert (other.conversation.user_identifier, other.conversation.is_user_verified) == (
            "eve",
            True,
        )
