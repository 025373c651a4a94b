"""Histories on a real database and a real Redis: whatever happened, both tell the same."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import delete, update

from appliance.domain.ids import SessionHash, hash_token
from appliance.domain.message import ChatMessage
from appliance.domain.tenant import AgentSettings
from appliance.ports.turn_store import TurnAccepted
from appliance.services.cache_roles import conversation_key, forget_tenant
from appliance.services.turn_history import LoadedHistory, TurnHistory
from appliance.storage.cache import DiskCache
from appliance.storage.redis_cache import RedisCache
from appliance.storage.tables import conversations, messages
from appliance.storage.turn_store import StoredTurnStore
from appliance.tasks import TaskGroup
from tests.contract.turn_store_contract import OpenedTurnStore
from tests.fakes.shops import call_order
from tests.fakes.sqlite_database import TemporaryDatabase

SESSION = "the visitor's"
HASH = SessionHash(hash_token(SESSION))
WINDOW = AgentSettings().window_messages


class CountingStore(StoredTurnStore):
    """Counts how often messages are read."""

    reads = 0

    async def list_messages(self, *args, **kwargs):
        self.reads += 1
        return await super().list_messages(*args, **kwargs)


class Talk:
    """One visitor's conversation, whose history is compared with the database at every turn."""

    def __init__(self, temporary: TemporaryDatabase, cache: RedisCache, own: DiskCache) -> None:
        self.temporary = temporary
        self.cache = cache
        self.clock = temporary.clock
        self.store = CountingStore(temporary.database.backend.scripts)
        self.tasks = TaskGroup()
        self.cached = self.build(self.store, cache)
        self.plain = self.build(temporary.database.turn_store, own)
        self.opened = OpenedTurnStore(
            self.store, self.clock, temporary.tenant_id, temporary.other_tenant_id,
            temporary.read_usage,
        )  # fmt: skip
        self.is_begun = False

    def build(self, store: StoredTurnStore, cache: RedisCache | DiskCache) -> TurnHistory:
        return TurnHistory(turn_store=store, cache=cache, clock=self.clock, tasks=self.tasks)

    async def begin(
        self, text: str, *, message_id: str | None = None, is_retry: bool = False
    ) -> tuple[TurnAccepted, LoadedHistory]:
        self.clock.advance(1)
        session = SESSION if self.is_begun else None
        accepted = await self.opened.begin(
            text, session=session, new_session=SESSION, message_id=message_id
        )
        self.is_begun = True
        loaded = await self.cached.load(
            accepted, HASH, text, is_retry=is_retry, window_messages=WINDOW
        )
        expected = await self.plain.load(
            accepted, HASH, text, is_retry=is_retry, window_messages=WINDOW
        )
        assert loaded.messages == expected.messages
        assert loaded.summary == expected.summary
        return accepted, loaded

    async def finish(
        self, accepted: TurnAccepted, loaded: LoadedHistory, *new: ChatMessage
    ) -> None:
        self.clock.advance(1)
        *between, answer = new
        summary = loaded.summary if loaded.is_summary_new else None
        await self.opened.finish(accepted, answer.content, new_messages=new, summary=summary)
        self.cached.remember(
            accepted, HASH, loaded, (*between, answer), finished_at=self.clock.now()
        )
        await self.tasks.drain(timeout_s=5)

    async def say(self, text: str, *new: ChatMessage) -> None:
        accepted, loaded = await self.begin(text)
        await self.finish(accepted, loaded, *(new or (answer(f"To {text}"),)))

    async def change(self, statement) -> None:
        await self.temporary.database.backend.transactions.write(
            lambda connection: connection.execute(statement)
        )


def answer(text: str, *calls) -> ChatMessage:
    return ChatMessage(role="assistant", content=text, tool_calls=calls)


def result(call, text: str = "Baking.", **fields) -> ChatMessage:
    return ChatMessage(
        role="tool", content=text, tool_call_id=call.id, tool_name=call.name, **fields
    )


@pytest_asyncio.fixture
async def talk(
    temporary: TemporaryDatabase, redis_cache: RedisCache, disk_cache: DiskCache
) -> AsyncIterator[Talk]:
    yield Talk(temporary, redis_cache, disk_cache)


async def test_a_conversation_within_the_window_is_never_read_from_the_database(talk: Talk):
    for number in range(4):
        call, lost = call_order(f"c{number}"), call_order(f"lost{number}")
        await talk.say(f"plain {number}")
        await talk.say(
            f"with tools {number}",
            answer("", call, lost),
            result(call, "שלום 🍕", is_error=number % 2 == 0),
            result(call_order("of nobody")),
            ChatMessage(
                role="assistant", content="Done.", provider_state={"provider": "x", "n": [1, None]}
            ),
        )
    assert talk.store.reads == 0


async def test_an_empty_answer_is_left_out_of_both(talk: Talk):
    await talk.say("Hello", answer(""))
    await talk.say("Hello again", answer("", call_order("never run")))
    await talk.say("And again")
    assert talk.store.reads == 0


async def test_after_a_failed_turn_the_database_is_asked_once(talk: Talk):
    await talk.say("one")
    accepted, _ = await talk.begin("fails")
    await talk.opened.fail(accepted)
    await talk.say("two")
    assert talk.store.reads == 1
    await talk.say("three")
    assert talk.store.reads == 1


async def test_a_message_tried_again_is_not_read_twice(talk: Talk):
    await talk.say("one")
    accepted, _ = await talk.begin("fails", message_id="m1")
    await talk.opened.fail(accepted)
    await talk.say("two")
    accepted, loaded = await talk.begin("fails", message_id="m1", is_retry=True)
    assert [message.content for message in loaded.messages].count("fails") == 1
    await talk.finish(accepted, loaded, answer("At last."))
    await talk.say("three")


async def test_a_turn_that_another_server_finished_is_seen(talk: Talk):
    """That server has no cache, or could not reach it."""
    await talk.say("one")
    accepted, _ = await talk.begin("elsewhere")
    await talk.opened.finish(accepted, "Answered elsewhere.")
    _, loaded = await talk.begin("two")
    assert "Answered elsewhere." in [message.content for message in loaded.messages]


async def test_a_late_write_of_an_earlier_turn_is_not_believed(talk: Talk):
    accepted, loaded = await talk.begin("one")
    await talk.finish(accepted, loaded, answer("1"))
    old = await talk.cache.get(conversation_key(talk.temporary.tenant_id, HASH))
    await talk.say("two")
    await talk.cache.set(conversation_key(talk.temporary.tenant_id, HASH), old, ttl_s=60)
    await talk.begin("three")
    assert talk.store.reads == 1


async def test_deleted_messages_are_not_read(talk: Talk):
    """Even when the cached copy was forgotten too early, or not at all."""
    await talk.say("My secret")
    await talk.say("two")
    await talk.change(delete(messages).where(messages.c.content == "My secret"))
    await talk.change(update(conversations).values(content_deleted_at=talk.clock.now()))
    _, loaded = await talk.begin("three")
    assert "My secret" not in [message.content for message in loaded.messages]


async def test_an_erased_tenant_leaves_nothing_behind(talk: Talk):
    await talk.say("My secret")
    key = conversation_key(talk.temporary.tenant_id, HASH)
    assert b"My secret" in await talk.cache.get(key)
    await forget_tenant(talk.cache, talk.temporary.other_tenant_id)
    assert await talk.cache.get(key) is not None
    await forget_tenant(talk.cache, talk.temporary.tenant_id)
    assert await talk.cache.get(key) is None


async def test_a_database_restored_from_a_backup_is_believed_rather_than_the_cache(talk: Talk):
    """The same turn number with another text, as after a restore."""
    await talk.say("one")
    await talk.say("two, in the future that was lost")
    await talk.change(
        update(messages)
        .where(messages.c.content == "two, in the future that was lost")
        .values(content="two, as it was")
    )
    restored_at = talk.clock.now().replace(microsecond=1)
    await talk.change(update(conversations).values(last_message_at=restored_at))
    _, loaded = await talk.begin("three")
    assert "two, as it was" in [message.content for message in loaded.messages]


async def test_what_falls_out_of_the_window_is_summarised_and_stored(talk: Talk):
    for number in range(15):
        await talk.say(f"plain {number}")
    _, loaded = await talk.begin("and now?")
    assert loaded.messages[0].content == "plain 6"
    assert loaded.summary is not None
    asked = [line.split('"')[1] for line in loaded.summary.text.splitlines()]
    assert asked == [f"plain {number}" for number in range(6)]
    stored = await talk.store.find_conversation(talk.temporary.tenant_id, HASH)
    assert stored is not None
    assert stored.summary is not None
    assert (stored.summary.through_seq, loaded.summary.through_seq) == (10, 12)
    assert loaded.is_summary_new


async def test_an_hour_after_it_was_read_it_is_read_again(talk: Talk):
    """However busily the visitor talks meanwhile."""
    await talk.say("one")
    for number in range(5):
        talk.clock.advance(11 * 60)
        await talk.say(f"{number}")
    assert talk.store.reads == 0
    talk.clock.advance(5 * 60)
    await talk.say("an hour later")
    assert talk.store.reads == 1
    await talk.say("and on")
    assert talk.store.reads == 1


async def test_another_tenants_session_of_the_same_hash_is_another(talk: Talk):
    await talk.say("My secret")
    other = await talk.opened.begin("Hi", tenant_id=talk.opened.other_tenant_id)
    loaded = await talk.cached.load(other, HASH, "Hi", is_retry=False, window_messages=WINDOW)
    assert [message.content for message in loaded.messages] == ["Hi"]


@pytest.mark.parametrize("planted", [b"", b"{}", b"not JSON", "text", {"version": 1}, 7])
async def test_a_foreign_value_is_a_miss(talk: Talk, planted: object):
    await talk.say("one")
    await talk.cache.set(conversation_key(talk.temporary.tenant_id, HASH), planted, ttl_s=60)
    await talk.begin("two")
    assert talk.store.reads == 1


async def test_a_cache_of_ones_own_is_left_alone(
    temporary: TemporaryDatabase, disk_cache: DiskCache
):
    """It would save little, and leave one more copy of what visitors said; see docs/adr/0012."""
    talk = Talk(temporary, disk_cache, disk_cache)
    await talk.say("one")
    await talk.say("two")
    assert await disk_cache.get(conversation_key(temporary.tenant_id, HASH)) is None
    assert talk.store.reads == 1
