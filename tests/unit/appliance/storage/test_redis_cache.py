"""What visitors notice of a real Redis that is down, hangs, is full or is closed to us: nothing."""

from __future__ import annotations

import asyncio
import pickle
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog

from appliance.domain.ids import new_id
from appliance.errors import StorageError
from appliance.storage import redis_cache
from appliance.storage.redis_cache import DEADLINE_S, RedisCache
from appliance.storage.redis_url import RedisAddress, parse_redis_url
from tests.contract.cache_contract import until
from tests.fakes.certificates import TestAuthority
from tests.fakes.free_ports import find_free_port
from tests.fakes.redis_server import RedisServer

pytestmark = pytest.mark.alone

PASSWORD = "c4n4ry-password"
SLACK_S = 1.0
"""What a busy machine may add to a deadline."""


@pytest.fixture(scope="module")
def shared_server() -> Iterator[RedisServer]:
    server = RedisServer(password=PASSWORD)
    yield server
    server.stop()


@pytest.fixture
def server(shared_server: RedisServer) -> Iterator[RedisServer]:
    """A server that a test may mistreat; it is as new for the next one."""
    yield shared_server
    shared_server.thaw()
    shared_server.kill()
    shared_server.start()


@pytest_asyncio.fixture
async def cache(shared_server: RedisServer) -> AsyncIterator[RedisCache]:
    cache = RedisCache(parse_redis_url(shared_server.url), namespace=new_id())
    yield cache
    await cache.close()


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as logs:
        yield logs


async def use(cache: RedisCache) -> list[Any]:
    """Call everything once; return what came of it."""
    return [
        await cache.get("key"),
        await cache.set("key", 1, ttl_s=60),
        await cache.add("key", 1, ttl_s=60),
        await cache.hold("key", "me", ttl_s=60),
        await cache.increment("key", ttl_s=60),
        await cache.delete_if("key", "me"),
        await cache.delete("key"),
    ]


MISSES = [None, None, True, True, 0, False, None]


async def took_s(work: Awaitable[Any]) -> float:
    started = time.monotonic()
    await work
    return time.monotonic() - started


def outages(logs: list[Any]) -> list[str]:
    return [entry["event"] for entry in logs if entry["event"].startswith("cache_")]


async def check_unusable(cache: RedisCache, logs: list[Any]) -> str:
    """Everything is a miss, health says why, one line tells it; return the reason."""
    assert await use(cache) == MISSES
    with pytest.raises(StorageError) as caught:
        await cache.health()
    for _ in range(20):
        assert await use(cache) == MISSES
    assert outages(logs) == ["cache_failed"]
    assert PASSWORD not in f"{logs} {caught.value} {caught.value.__cause__!r}"
    with pytest.raises(StorageError):
        await cache.delete_prefix("")
    return caught.value.message


async def check_usable(cache: RedisCache) -> None:
    await cache.health()
    await cache.set("again", "here", ttl_s=60)
    assert await cache.get("again") == "here"


async def test_a_killed_server_is_a_miss_until_it_is_back(
    server: RedisServer, cache: RedisCache, logs: list[Any]
):
    await cache.set("key", "value", ttl_s=60)
    assert await cache.get("key") == "value"
    server.kill()
    assert "refused" in (await check_unusable(cache, logs)).lower()
    server.start()
    await check_usable(cache)
    assert await cache.get("key") is None
    assert outages(logs) == ["cache_failed", "cache_restored"]


async def test_a_restart_between_two_calls_is_not_noticed(
    server: RedisServer, cache: RedisCache, logs: list[Any]
):
    await asyncio.gather(*(cache.set(f"{n}", n, ttl_s=60) for n in range(20)))
    server.kill()
    server.start()
    await cache.set("key", "value", ttl_s=60)
    assert await cache.get("key") == "value"
    assert outages(logs) == []


async def test_use_alone_finds_out_that_the_server_is_back(
    server: RedisServer, cache: RedisCache, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(redis_cache, "RETRY_AFTER_S", 0.05)
    server.kill()
    await cache.set("key", 1, ttl_s=60)
    server.start()

    async def is_back() -> bool:
        await cache.set("key", 2, ttl_s=60)
        return await cache.get("key") == 2

    await until(is_back)


async def test_killed_and_started_under_load_nothing_but_misses(
    server: RedisServer, cache: RedisCache, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(redis_cache, "RETRY_AFTER_S", 0.05)
    stop, seen, slowest_s = asyncio.Event(), set(), 0.0

    async def load(number: int) -> None:
        nonlocal slowest_s
        while not stop.is_set():
            started = time.monotonic()
            await cache.set(f"key-{number}", number, ttl_s=60)
            seen.add((number, await cache.get(f"key-{number}")))
            await cache.increment("count", ttl_s=60)
            slowest_s = max(slowest_s, time.monotonic() - started)
            await asyncio.sleep(0)

    loads = [asyncio.create_task(load(number)) for number in range(16)]
    for _ in range(3):
        await asyncio.sleep(0.1)
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(0.1)
        await asyncio.to_thread(server.start)
        await cache.health()
    await asyncio.sleep(0.1)
    stop.set()
    await asyncio.gather(*loads)
    assert seen <= {(number, got) for number in range(16) for got in (number, None)}
    assert {number for number, got in seen if got is not None} == set(range(16))
    assert slowest_s < 2 * DEADLINE_S + SLACK_S


async def test_a_hanging_server_delays_once_by_the_deadline(
    server: RedisServer, cache: RedisCache, logs: list[Any]
):
    for number in range(20):
        await cache.set(f"key-{number}", number, ttl_s=60)
    server.freeze()
    waited_s = await took_s(asyncio.gather(*(cache.get(f"key-{n}") for n in range(50))))
    assert DEADLINE_S - 0.05 < waited_s < DEADLINE_S + SLACK_S
    assert await took_s(asyncio.gather(*(use(cache) for _ in range(100)))) < SLACK_S
    assert "no answer" in await check_unusable(cache, logs)
    server.thaw()
    await check_usable(cache)
    got = await asyncio.gather(*(cache.get(f"key-{number}") for number in range(20)))
    assert got == list(range(20)), "An answer of before must not be taken for one of now."


async def test_very_many_calls_at_once_are_no_outage(
    server: RedisServer, cache: RedisCache, logs: list[Any], monkeypatch: pytest.MonkeyPatch
):
    """Whoever has to queue for too long gets a miss, and the server is not blamed for it."""
    monkeypatch.setattr(redis_cache, "DEADLINE_S", 10.0)  # so many take a busy machine long
    await cache.set("key", "value", ttl_s=60)
    assert set(await asyncio.gather(*(cache.get("key") for _ in range(3_000)))) <= {None, "value"}
    for _ in range(redis_cache.MAX_CONNECTIONS):
        await cache._slots.acquire()
    with monkeypatch.context() as hasty:
        hasty.setattr(redis_cache, "DEADLINE_S", 0.2)
        assert await cache.get("key") is None
        with pytest.raises(StorageError):
            await cache.health()
    for _ in range(redis_cache.MAX_CONNECTIONS):
        cache._slots.release()
    assert await cache.get("key") == "value"
    assert outages(logs) == []


async def test_while_it_is_tried_in_the_background_nobody_waits(
    server: RedisServer, cache: RedisCache, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(redis_cache, "RETRY_AFTER_S", 0.0)
    server.freeze()
    await cache.get("key")
    for _ in range(5):
        assert await took_s(use(cache)) < 2 * DEADLINE_S  # of seven calls


async def test_a_server_that_is_never_reached_delays_once_by_the_deadline(logs: list[Any]):
    """Its port is open and its queue of connections full, as behind a firewall."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        cache = RedisCache(RedisAddress(host="127.0.0.1", port=port), namespace="x")
        assert await took_s(cache.get("key")) < DEADLINE_S + SLACK_S
        assert await took_s(use(cache)) < SLACK_S
        await cache.close()
        for filler in fillers:
            filler.close()
    assert outages(logs) == ["cache_failed"]


@pytest.mark.parametrize("password", ["", ":wr0ng-c4n4ry-password@", f"nobody:{PASSWORD}@"])
async def test_a_server_that_wants_another_password_is_a_miss(
    server: RedisServer, logs: list[Any], password: str
):
    url = f"redis://{password}127.0.0.1:{server.port}/0"
    cache = RedisCache(parse_redis_url(url), namespace="x")
    message = await check_unusable(cache, logs)
    assert f"redis://127.0.0.1:{server.port}/0" in message
    assert "c4n4ry" not in f"{message} {logs}"
    await cache.close()


async def test_a_read_only_server_is_a_miss(
    server: RedisServer, cache: RedisCache, logs: list[Any]
):
    """A replica, as after a failover to which nobody told us."""
    assert server.ask("REPLICAOF", "127.0.0.1", "1") == b"+OK\r\n"
    assert "read only" in (await check_unusable_for_writing(cache, logs)).lower()
    server.ask("REPLICAOF", "NO", "ONE")
    await check_usable(cache)


async def test_a_full_server_is_a_miss(server: RedisServer, cache: RedisCache, logs: list[Any]):
    assert server.ask("CONFIG", "SET", "maxmemory", "1") == b"+OK\r\n"
    assert "memory" in await check_unusable_for_writing(cache, logs)
    server.ask("CONFIG", "SET", "maxmemory", "0")
    await check_usable(cache)


async def check_unusable_for_writing(cache: RedisCache, logs: list[Any]) -> str:
    """It reads, but whoever cannot write has no use for that; and it must not log at each try."""
    await cache.set("key", 1, ttl_s=60)
    for _ in range(10):
        with pytest.raises(StorageError):
            await cache.health()
        assert await use(cache) == MISSES
    assert outages(logs) == ["cache_failed"]
    with pytest.raises(StorageError) as caught:
        await cache.health()
    return caught.value.message


async def test_a_server_that_talks_something_else_is_a_miss(logs: list[Any]):
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    other = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = other.sockets[0].getsockname()[1]
    cache = RedisCache(RedisAddress(host="127.0.0.1", port=port), namespace="x")
    await check_unusable(cache, logs)
    await cache.close()
    other.close()


@pytest.mark.parametrize(
    "plant",
    [
        lambda key: ("SET", key, "12"),
        lambda key: ("SET", key, "j{not JSON"),
        lambda key: ("SET", key, pickle.dumps("boom", 0).decode()),
        lambda key: ("RPUSH", key, "a", "b"),
        lambda key: ("HSET", key, "field", "value"),
        lambda key: ("SADD", key, "a"),
    ],
)
async def test_a_foreign_value_is_a_miss_and_no_outage(
    shared_server: RedisServer, logs: list[Any], plant: Callable[[str], tuple[str, ...]]
):
    namespace = new_id()
    cache = RedisCache(parse_redis_url(shared_server.url), namespace=namespace)
    for key in ("got", "held", "counted", "set"):
        assert not shared_server.ask(*plant(f"{namespace}:{key}")).startswith(b"-")
    assert await cache.get("got") is None
    assert not await cache.hold("held", "me", ttl_s=60)
    assert not await cache.delete_if("held", "me")
    assert await cache.increment("counted", ttl_s=60) == 1
    await cache.set("set", "ours", ttl_s=60)
    assert await cache.get("set") == "ours"
    await cache.delete("got")
    assert await cache.add("got", "ours", ttl_s=60)
    assert outages(logs) == []
    await cache.close()


async def test_installations_on_one_server_do_not_meet(shared_server: RedisServer):
    address = parse_redis_url(shared_server.url)
    one, other = RedisCache(address, namespace="csai:1"), RedisCache(address, namespace="csai:11")
    await one.set("key", "one", ttl_s=60)
    await other.set("key", "other", ttl_s=60)
    await one.delete_prefix("")
    assert await one.get("key") is None
    assert await other.get("key") == "other"
    assert shared_server.ask("EXISTS", "csai:11:key") == b":1\r\n"
    await one.close()
    await other.close()


async def test_everything_has_an_end(shared_server: RedisServer):
    """Nothing may fill a server that is shared with others for ever."""
    namespace = new_id()
    cache = RedisCache(parse_redis_url(shared_server.url), namespace=namespace)
    await cache.set("set", 1, ttl_s=60)
    await cache.add("added", 1, ttl_s=60)
    await cache.hold("held", "me", ttl_s=60)
    await cache.increment("counted", ttl_s=60)
    await cache.increment("counted", ttl_s=60)
    await cache.health()
    for key in ("set", "added", "held", "counted", "appliance:health"):
        left_s = int(shared_server.ask("TTL", f"{namespace}:{key}")[1:])
        assert 50 < left_s <= 60
    await cache.close()


async def test_an_account_that_may_do_little_else_is_enough(
    shared_server: RedisServer, logs: list[Any]
):
    """What docs/operations.md names is all it needs."""
    allowed = ("+get", "+set", "+del", "+unlink", "+scan", "+eval")
    made = shared_server.ask("ACL", "SETUSER", "csai", "on", f">{PASSWORD}", "~csai:*", *allowed)
    assert made == b"+OK\r\n"
    url = f"redis://csai:{PASSWORD}@127.0.0.1:{shared_server.port}/0"
    cache = RedisCache(parse_redis_url(url), namespace="csai:1")
    await use(cache)
    await cache.delete_prefix("k")
    await check_usable(cache)
    await cache.close()
    assert outages(logs) == []
    elsewhere = RedisCache(parse_redis_url(url), namespace="other")
    assert await use(elsewhere) == MISSES
    assert outages(logs) == ["cache_failed"]
    await elsewhere.close()


async def test_a_database_of_its_own_is_used(shared_server: RedisServer):
    url = shared_server.url.removesuffix("/0") + "/5"
    cache, first = (RedisCache(parse_redis_url(one), namespace="db") for one in (
        url, shared_server.url))  # fmt: skip
    await cache.set("key", 1, ttl_s=60)
    assert await first.get("key") is None
    await cache.close()
    await first.close()


async def test_tls_is_spoken_with_servers_whose_certificate_is_trusted(
    tmp_path: Path, logs: list[Any]
):
    authority, stranger = TestAuthority(tmp_path), TestAuthority(tmp_path)
    authority.serve("localhost")
    certificate = str(tmp_path / "localhost.pem")
    port = find_free_port()
    server = RedisServer(
        *("--port", "0", "--tls-port", str(port), "--tls-auth-clients", "no"),
        *("--tls-cert-file", certificate, "--tls-key-file", certificate),
        *("--tls-ca-cert-file", certificate),
    )
    try:
        trusted, other = tmp_path / "ca.pem", tmp_path / "other.pem"
        trusted.write_bytes(authority.certificate_pem)
        other.write_bytes(stranger.certificate_pem)
        for host, ca_file in (("localhost", other), ("127.0.0.1", trusted), ("localhost", None)):
            option = f"?ssl_ca_certs={ca_file}" if ca_file else ""
            url = f"rediss://{host}:{port}/0{option}"
            await refused(RedisCache(parse_redis_url(url), namespace="x"))
        url = f"rediss://localhost:{port}/0?ssl_ca_certs={trusted}"
        cache = RedisCache(parse_redis_url(url), namespace="x")
        await check_usable(cache)
        await cache.close()
    finally:
        server.stop()


async def refused(cache: RedisCache) -> None:
    with pytest.raises(StorageError) as caught:
        await cache.health()
    assert "certificate" in caught.value.message.lower()
    await cache.close()


async def test_closing_does_not_wait_for_a_server_that_hangs(server: RedisServer):
    cache = RedisCache(parse_redis_url(server.url), namespace="x")
    await cache.set("key", 1, ttl_s=60)
    server.freeze()
    waiting = asyncio.create_task(cache.get("key"))
    await asyncio.sleep(0.01)
    assert await took_s(cache.close()) < DEADLINE_S + SLACK_S
    await waiting
