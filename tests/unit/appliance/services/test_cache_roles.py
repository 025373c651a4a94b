"""The roles of the cache, on the disk and on a real Redis."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from appliance.domain.ids import ConversationId, SessionHash, TenantId
from appliance.domain.message import ChatMessage, Citation
from appliance.errors import StorageError
from appliance.ports.cache import Cache
from appliance.services import cache_roles
from appliance.services.cache_roles import (
    CachedAnswer,
    ConversationContext,
    ConversationContexts,
    HistoryVersion,
    LiveData,
    LiveResult,
    ResponseCache,
    SessionLock,
    forget_tenant,
)
from appliance.storage.cache import DiskCache
from appliance.storage.redis_cache import RedisCache
from appliance.storage.redis_url import RedisAddress
from tests.contract.cache_contract import until
from tests.fakes.clock import SettableClock

A, B = TenantId("0199-a"), TenantId("0199-a2")
ONE, OTHER = SessionHash("5e55104"), SessionHash("5e55104f")
NOW = datetime(2026, 3, 2, 9, 30, 0, 123456, tzinfo=UTC)
VERSION = HistoryVersion(
    conversation_id=ConversationId("c1"),
    fencing_token=3,
    last_message_at=NOW,
    content_deleted_at=None,
)
ANSWER = CachedAnswer(
    content="From 11 to 22. 🍕",
    model="builtin/1",
    citations=(Citation(title="Hours", url="https://shop.example/hours"),),
    quick_replies=("Book",),
)


@pytest.fixture(params=["disk", "redis"])
def cache(disk_cache: DiskCache, redis_cache: RedisCache, request: pytest.FixtureRequest) -> Cache:
    return disk_cache if request.param == "disk" else redis_cache


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOW)


def build_context(**fields: Any) -> ConversationContext:
    message = ChatMessage(role="user", content="שלום")
    return ConversationContext(
        **({"version": VERSION, "loaded_at": NOW, "messages": (message,)} | fields)
    )


def test_keys_are_the_documented_names_after_the_tenant():
    assert cache_roles.conversation_key(A, ONE) == "0199-a:conversation:5e55104"
    assert cache_roles.rate_limit_key(A, 29_540_730) == "0199-a:rate_limit:29540730"
    assert cache_roles.lock_key(A, ONE) == "0199-a:lock:conversation:5e55104"
    assert cache_roles.response_key(A, ["q"]).startswith("0199-a:cache:")
    assert cache_roles.live_data_key(A, "stock", {}).startswith("0199-a:live_data:stock:")


def test_keys_tell_apart_what_only_looks_alike():
    response, live = cache_roles.response_key, cache_roles.live_data_key
    assert len({response(A, basis) for basis in (["a", "b"], ["ab"], ["a b"], ["b", "a"])}) == 4
    assert live(A, "stock", {"a": 1, "b": 2}) == live(A, "stock", {"b": 2, "a": 1})
    assert live(A, "stock", {"a": 1}) != live(A, "stock", {"a": "1"})


async def test_a_context_is_found_by_its_version_only(cache: Cache, clock: SettableClock):
    contexts = ConversationContexts(cache, clock)
    assert await contexts.find(A, ONE, VERSION) is None
    await contexts.remember(A, ONE, build_context())
    assert await contexts.find(A, ONE, VERSION) == build_context()
    for field, value in (
        ("conversation_id", "c2"),
        ("fencing_token", 4),
        ("last_message_at", NOW + timedelta(microseconds=1)),
        ("content_deleted_at", NOW),
    ):
        other = HistoryVersion(**(
            {name: getattr(VERSION, name) for name in VERSION.__struct_fields__} | {field: value}
        ))  # fmt: skip
        assert await contexts.find(A, ONE, other) is None
    assert await contexts.find(B, ONE, VERSION) is None
    assert await contexts.find(A, OTHER, VERSION) is None


async def test_a_context_ends_an_hour_after_it_was_read(cache: Cache, clock: SettableClock):
    contexts = ConversationContexts(cache, clock)
    clock.advance(3_599)
    await contexts.remember(A, ONE, build_context())
    assert await contexts.find(A, ONE, VERSION) is not None
    clock.advance(1)
    assert await contexts.find(A, ONE, VERSION) is None
    await cache.delete(cache_roles.conversation_key(A, ONE))
    await contexts.remember(A, ONE, build_context())
    assert await cache.get(cache_roles.conversation_key(A, ONE)) is None


async def test_one_of_many_gets_the_lock(cache: Cache):
    lock = SessionLock(cache)
    tokens = await asyncio.gather(*(lock.acquire(A, ONE) for _ in range(50)))
    (token,) = [token for token in tokens if token]
    assert await lock.acquire(A, OTHER)
    assert await lock.acquire(B, ONE)
    assert await lock.renew(A, ONE, token)
    await lock.release(A, ONE, token)
    assert await lock.acquire(A, ONE)


async def test_only_its_owner_renews_and_releases_a_lock(cache: Cache):
    lock = SessionLock(cache)
    mine = await lock.acquire(A, ONE)
    assert mine
    assert not await lock.renew(A, ONE, "another's")
    await lock.release(A, ONE, "another's")
    assert await lock.acquire(A, ONE) is None
    await lock.release(A, ONE, mine)
    theirs = await lock.acquire(A, ONE)
    assert theirs
    assert not await lock.renew(A, ONE, mine)
    await lock.release(A, ONE, mine)
    assert await cache.get(cache_roles.lock_key(A, ONE)) == theirs


async def test_a_dead_holders_lock_ends_by_itself(cache: Cache, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cache_roles, "LOCK_TTL_S", 0.2)
    lock = SessionLock(cache)
    mine = await lock.acquire(A, ONE)
    assert mine
    assert await lock.acquire(A, ONE) is None

    async def is_free() -> bool:
        return await lock.acquire(A, ONE) is not None

    await until(is_free)
    assert not await lock.renew(A, ONE, mine)


async def test_a_forgotten_lock_is_taken_again_by_renewing(cache: Cache):
    """The cache may forget at any time; its holder goes on."""
    lock = SessionLock(cache)
    mine = await lock.acquire(A, ONE)
    assert mine
    await forget_tenant(cache, A)
    assert await lock.renew(A, ONE, mine)
    assert await lock.acquire(A, ONE) is None


async def test_an_answer_is_given_again_on_the_same_basis_only(cache: Cache):
    responses = ResponseCache(cache)
    basis = ["When are you open?", "en", "builtin/1", "7"]
    assert await responses.find(A, basis) is None
    await responses.remember(A, basis, ANSWER)
    assert await responses.find(A, basis) == ANSWER
    assert await responses.find(A, basis[:-1]) is None
    assert await responses.find(B, basis) is None


@pytest.mark.parametrize("value", [None, [], {}, {"rows": [1, 2.5, "é"]}, "text", False])
async def test_a_live_result_is_remembered_as_it_was(cache: Cache, value: Any):
    live = LiveData(cache)
    result = LiveResult(value=value, fetched_at=NOW)
    assert await live.find(A, "stock", {"sku": 1}) is None
    await live.remember(A, "stock", {"sku": 1}, result, ttl_s=60)
    assert await live.find(A, "stock", {"sku": 1}) == result
    assert await live.find(A, "stock", {"sku": 2}) is None
    assert await live.find(A, "orders", {"sku": 1}) is None
    assert await live.find(B, "stock", {"sku": 1}) is None


async def test_a_live_result_has_its_own_time(cache: Cache):
    live = LiveData(cache)
    await live.remember(A, "stock", {}, LiveResult(value=1, fetched_at=NOW), ttl_s=0.05)

    async def is_over() -> bool:
        return await live.find(A, "stock", {}) is None

    await until(is_over)


@pytest.mark.parametrize("planted", ["text", b"bytes", 7, [], {"content": 1}, {"other": "form"}])
async def test_what_has_another_form_is_a_miss(cache: Cache, clock: SettableClock, planted: Any):
    keys = (
        cache_roles.conversation_key(A, ONE),
        cache_roles.response_key(A, ["q"]),
        cache_roles.live_data_key(A, "stock", {}),
    )
    for key in keys:
        await cache.set(key, planted, ttl_s=60)
    assert await ConversationContexts(cache, clock).find(A, ONE, VERSION) is None
    assert await ResponseCache(cache).find(A, ["q"]) is None
    assert await LiveData(cache).find(A, "stock", {}) is None


async def test_everything_of_a_tenant_is_forgotten_and_nothing_of_another(
    cache: Cache, clock: SettableClock
):
    contexts, lock = ConversationContexts(cache, clock), SessionLock(cache)
    responses, live = ResponseCache(cache), LiveData(cache)
    for tenant in (A, B):
        await contexts.remember(tenant, ONE, build_context())
        await responses.remember(tenant, ["q"], ANSWER)
        await live.remember(tenant, "stock", {}, LiveResult(value=1, fetched_at=NOW), ttl_s=60)
        await lock.acquire(tenant, ONE)
        await cache.increment(cache_roles.rate_limit_key(tenant, 1), ttl_s=60)
    await forget_tenant(cache, A)
    assert await contexts.find(A, ONE, VERSION) is None
    assert await responses.find(A, ["q"]) is None
    assert await live.find(A, "stock", {}) is None
    assert await cache.get(cache_roles.rate_limit_key(A, 1)) is None
    assert await lock.acquire(A, ONE)
    assert await contexts.find(B, ONE, VERSION) is not None
    assert await responses.find(B, ["q"]) == ANSWER
    assert await live.find(B, "stock", {}) is not None
    assert await cache.get(cache_roles.rate_limit_key(B, 1)) == 1
    assert await lock.acquire(B, ONE) is None


async def test_who_erases_is_told_that_a_cache_could_not_be_reached():
    cache = RedisCache(RedisAddress(host="127.0.0.1", port=1), namespace="nobody")
    with pytest.raises(StorageError):
        await forget_tenant(cache, A)
    await cache.close()
