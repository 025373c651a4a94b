from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from appliance.web import sse
from appliance.web.sse import KEEP_ALIVE, ServerEvent, Shutdown, build_stream, encode_event

HELLO = ServerEvent("delta", b'{"text":"Hello"}', 7)
BYE = ServerEvent("done", b"{}", 8)


class Source:
    """Batches that a test hands out; ``is_closed`` once nobody wants them any more."""

    def __init__(self) -> None:
        self.is_closed = False
        self._queue: asyncio.Queue[list[ServerEvent] | Exception | None] = asyncio.Queue()

    def put(self, item: list[ServerEvent] | Exception | None) -> None:
        self._queue.put_nowait(item)

    async def batches(self) -> AsyncGenerator[list[ServerEvent], None]:
        try:
            while (item := await self._queue.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            self.is_closed = True


def open_frames(source: Source, shutdown: Shutdown | None = None) -> AsyncGenerator[bytes, None]:
    frames = build_stream(source.batches(), shutdown).iterator
    assert isinstance(frames, AsyncGenerator)
    return frames


async def waiting(frames: AsyncGenerator[bytes, None]) -> asyncio.Future[bytes]:
    """Return the next frame's future, once the stream waits for its source."""
    coming = asyncio.ensure_future(anext(frames))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not coming.done()
    return coming


def leftover_tasks() -> set[asyncio.Task[object]]:
    return asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]


def test_an_event_is_framed_by_lines() -> None:
    assert encode_event(HELLO) == b'id: 7\nevent: delta\ndata: {"text":"Hello"}\n\n'
    assert (
        encode_event(ServerEvent("log", "שלום".encode())) == "event: log\ndata: שלום\n\n".encode()
    )
    assert encode_event(ServerEvent("first", b"1", 0)).startswith(b"id: 0\n")


async def test_a_stream_is_neither_cached_nor_buffered() -> None:
    stream = build_stream(Source().batches())
    assert stream.media_type == "text/event-stream"
    assert stream.headers["Cache-Control"] == "no-cache, no-transform"
    assert stream.headers["X-Accel-Buffering"] == "no"


async def test_what_is_ready_together_is_sent_together_and_the_end_ends() -> None:
    source = Source()
    source.put([HELLO, BYE])
    source.put([BYE])
    source.put(None)
    async with aclosing(open_frames(source)) as frames:
        sent = [frame async for frame in frames]
    assert sent == [encode_event(HELLO) + encode_event(BYE), encode_event(BYE)]
    assert source.is_closed
    assert not leftover_tasks()


async def test_silence_is_filled_with_comments_and_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sse, "KEEP_ALIVE_S", 0.0)
    source = Source()
    async with aclosing(open_frames(source)) as frames:
        assert [await anext(frames) for _ in range(3)] == [KEEP_ALIVE] * 3
        source.put([HELLO])
        while (frame := await anext(frames)) == KEEP_ALIVE:
            pass
        assert frame == encode_event(HELLO)
        assert await anext(frames) == KEEP_ALIVE


def test_a_comment_comes_at_least_every_fifteen_seconds() -> None:
    assert sse.KEEP_ALIVE_S < 15
    assert KEEP_ALIVE.startswith(b":")
    assert KEEP_ALIVE.endswith(b"\n\n")


async def test_a_client_that_leaves_between_events_closes_the_source() -> None:
    source = Source()
    source.put([HELLO])
    frames = open_frames(source, Shutdown())
    assert await anext(frames) == encode_event(HELLO)
    await frames.aclose()
    assert source.is_closed
    assert not leftover_tasks()


async def test_a_client_that_leaves_while_it_waits_closes_the_source() -> None:
    source = Source()
    frames = open_frames(source, Shutdown())
    coming = await waiting(frames)
    coming.cancel()
    await asyncio.wait({coming})
    assert coming.cancelled()
    assert source.is_closed
    assert not leftover_tasks()


async def test_a_shutdown_ends_a_waiting_stream() -> None:
    source, shutdown = Source(), Shutdown()
    frames = open_frames(source, shutdown)
    coming = await waiting(frames)
    shutdown.begin()
    with pytest.raises(StopAsyncIteration):
        await coming
    assert source.is_closed
    assert not leftover_tasks()


async def test_what_is_ready_at_a_shutdown_is_still_sent() -> None:
    source, shutdown = Source(), Shutdown()
    frames = open_frames(source, shutdown)
    coming = await waiting(frames)
    source.put([HELLO])
    shutdown.begin()
    assert await coming == encode_event(HELLO)
    with pytest.raises(StopAsyncIteration):
        await anext(frames)
    assert source.is_closed


async def test_a_stream_without_a_shutdown_outlives_it() -> None:
    """A running turn's stream is drained, not cut."""
    source = Source()
    frames = open_frames(source)
    coming = await waiting(frames)
    source.put([HELLO])
    assert await coming == encode_event(HELLO)
    await frames.aclose()


async def test_a_source_that_breaks_breaks_the_stream_and_leaves_nothing_behind() -> None:
    source = Source()
    source.put(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await anext(open_frames(source, Shutdown()))
    assert source.is_closed
    assert not leftover_tasks()
