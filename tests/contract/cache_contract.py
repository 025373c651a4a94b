"""What every ``Cache`` must do.

Owns the suite; opening the cache is left to the subclasses.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import pytest_asyncio

from appliance.ports.cache import Cache

SHORT_S = 0.05
LONG_S = 60.0
DEADLINE_S = 20.0

VALUES = [
    b"",
    b"\x00j\xff",
    b'j"not JSON"',
    bytes(range(256)) * 4_000,
    "",
    "text",
    "שלום 🍕 \x00",
    "x" * 2_000_000,
    0,
    -1,
    2**53,
    1.5,
    True,
    False,
    [],
    {},
    {"a": [None, "é", {"b": [1, 2.5]}]},
]
KEYS = [
    "plain",
    "with space",
    "line\r\nbreak",
    "שלום",
    "🍕:é",
    "a*b?c[d]e\\f",
    "k" * 2_000,
]


class CacheContract(ABC):
    """Subclass and implement ``open``."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[Cache]:
        """Open an empty cache, closed again afterwards."""

    @pytest_asyncio.fixture
    async def cache(self) -> AsyncIterator[Cache]:
        async with self.open() as cache:
            yield cache

    @pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
    async def test_what_is_set_is_got(self, cache: Cache, value: Any):
        await cache.set("key", value, ttl_s=LONG_S)
        got = await cache.get("key")
        assert got == value
        assert type(got) is type(value)

    @pytest.mark.parametrize("key", KEYS, ids=lambda key: ascii(key)[:20])
    async def test_any_text_is_a_key(self, cache: Cache, key: str):
        await cache.set(key, "value", ttl_s=LONG_S)
        await cache.set(f"{key}+", "neighbour", ttl_s=LONG_S)
        assert await cache.get(key) == "value"
        assert await cache.get(key[:-1]) is None
        await cache.delete(key)
        assert await cache.get(key) is None
        assert await cache.get(f"{key}+") == "neighbour"

    async def test_what_is_absent_or_deleted_is_a_miss(self, cache: Cache):
        assert await cache.get("key") is None
        await cache.delete("key")
        await cache.set("key", 1, ttl_s=LONG_S)
        await cache.set("key", 2, ttl_s=LONG_S)
        assert await cache.get("key") == 2
        await cache.delete("key")
        await cache.delete("key")
        assert await cache.get("key") is None

    async def test_everything_lapses(self, cache: Cache):
        await cache.set("set", 1, ttl_s=SHORT_S)
        await cache.add("added", 1, ttl_s=SHORT_S)
        await cache.hold("held", "me", ttl_s=SHORT_S)
        await cache.increment("counted", ttl_s=SHORT_S)
        await cache.set("stays", 1, ttl_s=LONG_S)
        for key in ("set", "added", "held", "counted"):
            await until(lambda key=key: _is_miss(cache, key))
        assert await cache.get("stays") == 1
        assert await cache.add("added", "again", ttl_s=LONG_S)
        assert await cache.hold("held", "you", ttl_s=LONG_S)
        assert await cache.increment("counted", ttl_s=LONG_S) == 1

    async def test_a_new_value_has_a_life_of_its_own(self, cache: Cache):
        await cache.set("longer", 1, ttl_s=SHORT_S)
        await cache.set("longer", 2, ttl_s=LONG_S)
        await cache.set("other", 1, ttl_s=2 * SHORT_S)
        await until(lambda: _is_miss(cache, "other"))
        assert await cache.get("longer") == 2

    async def test_of_many_that_add_at_once_one_is_told_so(self, cache: Cache):
        added = await asyncio.gather(*(cache.add("key", n, ttl_s=LONG_S) for n in range(50)))
        assert added.count(True) == 1
        assert await cache.get("key") == added.index(True)
        await cache.delete("key")
        assert await cache.add("key", "after", ttl_s=LONG_S)

    async def test_of_many_that_count_at_once_none_is_lost(self, cache: Cache):
        counts = await asyncio.gather(*(cache.increment("key", ttl_s=LONG_S) for _ in range(100)))
        assert sorted(counts) == list(range(1, 101))
        assert await cache.get("key") == 100
        assert await cache.increment("other", ttl_s=LONG_S) == 1

    async def test_a_count_lives_from_its_first_increment(self, cache: Cache):
        """However often it is increased meanwhile, and with whatever life."""
        started = time.monotonic()
        count = await cache.increment("key", ttl_s=0.3)
        while (again := await cache.increment("key", ttl_s=LONG_S)) > count:
            count = again
            assert time.monotonic() - started < DEADLINE_S
            await asyncio.sleep(0.01)
        assert again == 1
        assert time.monotonic() - started >= 0.3

    @pytest.mark.parametrize("value", ["7", b"7", 1.5, True, None, [1], -3])
    async def test_what_is_no_count_is_replaced(self, cache: Cache, value: Any):
        await cache.set("key", value, ttl_s=LONG_S)
        assert await cache.increment("key", ttl_s=LONG_S) == 1
        assert await cache.increment("key", ttl_s=LONG_S) == 2

    async def test_only_one_holds(self, cache: Cache):
        holding = await asyncio.gather(
            *(cache.hold("key", str(number), ttl_s=LONG_S) for number in range(50))
        )
        assert holding.count(True) == 1
        holder = str(holding.index(True))
        assert await cache.get("key") == holder
        assert await cache.hold("key", holder, ttl_s=LONG_S)
        assert not await cache.hold("key", "another", ttl_s=LONG_S)

    async def test_holding_again_prolongs(self, cache: Cache):
        await cache.hold("key", "me", ttl_s=SHORT_S)
        assert await cache.hold("key", "me", ttl_s=LONG_S)
        await cache.set("other", 1, ttl_s=2 * SHORT_S)
        await until(lambda: _is_miss(cache, "other"))
        assert await cache.get("key") == "me"

    async def test_only_the_named_value_is_deleted(self, cache: Cache):
        assert not await cache.delete_if("key", "me")
        await cache.set("key", "me", ttl_s=LONG_S)
        assert not await cache.delete_if("key", "you")
        assert await cache.get("key") == "me"
        assert await cache.delete_if("key", "me")
        assert await cache.get("key") is None

    async def test_a_prefix_is_deleted_without_its_neighbours(self, cache: Cache):
        prefix = "tenant-1:"
        gone = [prefix, f"{prefix}a", f"{prefix}שלום", f"{prefix}\U0010ffff", f"{prefix}a:b:c"]
        stay = ["tenant-1", "tenant-10:a", "tenant-1;", "Tenant-1:a", "xtenant-1:a", "tenant-0:z"]
        for key in gone + stay:
            await cache.set(key, key, ttl_s=LONG_S)
        await cache.increment(f"{prefix}count", ttl_s=LONG_S)
        await cache.delete_prefix(prefix)
        assert [await cache.get(key) for key in [*gone, f"{prefix}count"]] == [None] * 6
        assert [await cache.get(key) for key in stay] == stay
        await cache.delete_prefix(prefix)
        await cache.delete_prefix("nobody")

    @pytest.mark.parametrize("prefix", ["a*", "a?", "a[b]", "a\\", "[^x]", "שלום:", "a_", "a%"])
    async def test_a_prefix_is_no_pattern(self, cache: Cache, prefix: str):
        for key in (f"{prefix}1", "ab1", "axyz", "abc", "b1", "שלומית:1"):
            await cache.set(key, 1, ttl_s=LONG_S)
        await cache.delete_prefix(prefix)
        assert await cache.get(f"{prefix}1") is None
        for key in ("ab1", "axyz", "abc", "b1", "שלומית:1"):
            assert await cache.get(key) == 1

    async def test_many_keys_of_a_prefix_are_deleted(self, cache: Cache):
        for start in range(0, 3_000, 100):
            await asyncio.gather(
                *(cache.set(f"many:{start + n}", n, ttl_s=LONG_S) for n in range(100))
            )
        await cache.set("other", 1, ttl_s=LONG_S)
        await cache.delete_prefix("many:")
        left = await asyncio.gather(*(cache.get(f"many:{number}") for number in range(3_000)))
        assert left == [None] * 3_000
        assert await cache.get("other") == 1

    async def test_callers_that_leave_disturb_nobody(self, cache: Cache):
        """A call cancelled half way must not leave its answer to the next one."""
        for number in range(60):
            await cache.set(f"key-{number}", number, ttl_s=LONG_S)
        for wait_steps in range(30):
            leaving = [asyncio.ensure_future(cache.get(f"key-{n}")) for n in range(20)]
            for _ in range(wait_steps):
                await asyncio.sleep(0)
            for task in leaving:
                task.cancel()
            await asyncio.gather(*leaving, return_exceptions=True)
            got = await asyncio.gather(*(cache.get(f"key-{n}") for n in range(60)))
            assert got == list(range(60))

    async def test_it_is_healthy(self, cache: Cache):
        await cache.health()


async def until(is_true: Callable[[], Awaitable[bool]]) -> None:
    """Wait until ``is_true``."""
    deadline = time.monotonic() + DEADLINE_S
    while not await is_true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


async def _is_miss(cache: Cache, key: str) -> bool:
    return await cache.get(key) is None
