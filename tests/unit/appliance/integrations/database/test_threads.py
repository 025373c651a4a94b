from __future__ import annotations

import asyncio
import threading

import pytest

from appliance.integrations.database.threads import MAX_THREADS, QueryThreads


async def test_work_returns_and_raises() -> None:
    threads = QueryThreads()
    assert await threads.run(lambda: 7, stop=lambda: None) == 7

    def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await threads.run(fail, stop=lambda: None)


async def test_who_waits_no_longer_ends_the_work() -> None:
    threads = QueryThreads()
    stopped = threading.Event()
    ended = threading.Event()

    def work() -> None:
        stopped.wait(10)
        ended.set()
        raise OSError("stopped")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await threads.run(work, stop=stopped.set)
    assert await asyncio.to_thread(ended.wait, 10)


async def test_work_that_was_not_begun_is_not_done() -> None:
    threads = QueryThreads()
    go_on = threading.Event()
    busy = [
        asyncio.ensure_future(threads.run(lambda: go_on.wait(10), stop=go_on.set))
        for _ in range(MAX_THREADS)
    ]
    await asyncio.sleep(0)
    done: list[int] = []
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await threads.run(lambda: done.append(1), stop=lambda: None)
    go_on.set()
    await asyncio.gather(*busy)
    assert await threads.run(lambda: list(done), stop=lambda: None) == []
