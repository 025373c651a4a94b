"""Server-sent events: the wire form of streams.

Owns framing, keep-alive comments and the stop at shutdown; what is sent is left to the controllers.

Source: WHATWG HTML, section 9.2 (server-sent events).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from litestar.response import Stream
from msgspec import Struct

from appliance import failpoints

KEEP_ALIVE_S = 12.0
"""Shorter than the 15 s that api.md promises and proxies wait for."""
KEEP_ALIVE = b": keep-alive\n\n"
HEADERS = {
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}


class ServerEvent(Struct, frozen=True):
    """One event; ``data`` is JSON without line breaks."""

    name: str
    data: bytes
    id: int | None = None


def encode_event(event: ServerEvent) -> bytes:
    """Return ``event`` as it goes over the wire."""
    head = f"id: {event.id}\n" if event.id is not None else ""
    return b"".join(
        (head.encode(), b"event: ", event.name.encode(), b"\ndata: ", event.data, b"\n\n")
    )


class Shutdown:
    """Tells open streams and new requests that the server stops, so that they end themselves."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    @property
    def has_begun(self) -> bool:
        """Say whether the server stops: what would take long is not begun any more."""
        return self._event.is_set()

    def begin(self) -> None:
        """End the open streams, and let nothing new begin."""
        self._event.set()
        failpoints.passed("server.draining")

    async def wait(self) -> None:
        """Return when the server stops."""
        await self._event.wait()


def build_stream(
    batches: AsyncGenerator[list[ServerEvent], None], shutdown: Shutdown | None = None
) -> Stream:
    """Return a response that sends the events, with a comment whenever nothing came for a while.

    Args:
        batches: Events that are ready at the same time, in order; closed when the client leaves or
            the server stops.
        shutdown: Ends a stream that would not end by itself.
    """
    return Stream(
        _frames(batches, shutdown),
        media_type="text/event-stream",
        headers=HEADERS,
    )


async def _frames(
    batches: AsyncGenerator[list[ServerEvent], None], shutdown: Shutdown | None
) -> AsyncGenerator[bytes, None]:
    coming: asyncio.Task[list[ServerEvent]] | None = None
    stopping = asyncio.create_task(shutdown.wait()) if shutdown else None
    try:
        while True:
            coming = coming or asyncio.create_task(_next(batches))
            await asyncio.wait(
                {task for task in (coming, stopping) if task is not None},
                timeout=KEEP_ALIVE_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if coming.done():
                batch = coming.result()
                coming = None
                if not batch:
                    return
                yield b"".join(map(encode_event, batch))
            elif stopping is not None and stopping.done():
                return
            else:
                yield KEEP_ALIVE
    finally:
        for task in (coming, stopping):
            if task is not None and not task.done():
                task.cancel()
                await asyncio.wait({task})
        await batches.aclose()


async def _next(batches: AsyncGenerator[list[ServerEvent], None]) -> list[ServerEvent]:
    """Return the next batch, or an empty one at the end: a task cannot raise StopAsyncIteration."""
    return await anext(batches, [])
