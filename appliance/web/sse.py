"""Server-sent events: the wire form of streams.

Owns framing, keep-alive comments and the stop at shutdown; what is sent is left to the controllers.

Source: WHATWG HTML, section 9.2 (server-sent events).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from litestar import Litestar, Request
from litestar.response import Stream
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import Receive, Send
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
        self._open: set[asyncio.Future[None]] = set()
        self._has_begun = False

    @property
    def has_begun(self) -> bool:
        """Say whether the server stops: what would take long is not begun any more."""
        return self._has_begun

    def begin(self) -> None:
        """End the open streams, and let nothing new begin."""
        self._has_begun = True
        for ending in self._open:
            _settle(ending)
        failpoints.passed("server.draining")

    def add(self, ending: asyncio.Future[None]) -> None:
        """Have ``ending`` be done when the server stops, until it is discarded.

        Each stream has its own: one of very many that wait for the same would be long in leaving.
        """
        self._open.add(ending)
        if self._has_begun:
            _settle(ending)

    def discard(self, ending: asyncio.Future[None]) -> None:
        """Leave ``ending`` alone again."""
        self._open.discard(ending)


def _settle(ending: asyncio.Future[None]) -> None:
    if not ending.done():
        ending.set_result(None)


class EventStream(Stream):
    """A response of events; ``ending`` is done when its client has left, or the server stops."""

    def __init__(
        self, batches: AsyncGenerator[list[ServerEvent], None], shutdown: Shutdown | None
    ) -> None:
        self.ending: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        super().__init__(
            _frames(batches, shutdown or Shutdown(), self.ending),
            media_type="text/event-stream",
            headers=HEADERS,
        )

    def to_asgi_response(
        self, app: Litestar | None, request: Request[Any, Any, Any], **given: Any
    ) -> ASGIResponse:
        """Return the response as Litestar sends it."""
        given.pop("type_encoders", None)
        given["headers"] = {**(given.get("headers") or {}), **self.headers}
        given["media_type"] = self.media_type
        return _EventResponse(iterator=self.iterator, ending=self.ending, **given)


class _EventResponse(ASGIStreamingResponse):
    """Sends events with one task beside the request's own, where Litestar has two and a group.

    Very many of these stand open and idle.
    """

    __slots__ = ("ending",)

    def __init__(self, *, ending: asyncio.Future[None], **given: Any) -> None:
        super().__init__(**given)
        self.ending = ending

    async def send_body(self, send: Send, receive: Receive) -> None:
        """Send the frames until they end or the client leaves."""
        leaving = asyncio.create_task(_wait_for_disconnect(receive))
        leaving.add_done_callback(lambda _: _settle(self.ending))
        try:
            await self._stream(send)
        finally:
            leaving.cancel()
            await asyncio.wait({leaving})


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def build_stream(
    batches: AsyncGenerator[list[ServerEvent], None], shutdown: Shutdown | None = None
) -> Stream:
    """Return a response that sends the events, with a comment whenever nothing came for a while.

    Args:
        batches: Events that are ready at the same time, in order; closed when the client leaves or
            the server stops.
        shutdown: Ends a stream that would not end by itself.
    """
    return EventStream(batches, shutdown)


async def _frames(
    batches: AsyncGenerator[list[ServerEvent], None],
    shutdown: Shutdown,
    ending: asyncio.Future[None],
) -> AsyncGenerator[bytes, None]:
    coming: asyncio.Task[list[ServerEvent]] | None = None
    shutdown.add(ending)
    try:
        while True:
            coming = coming or asyncio.create_task(_next(batches))
            await _wait_for_either(coming, ending)
            if coming.done():
                batch = coming.result()
                coming = None
                if not batch:
                    return
                yield b"".join(map(encode_event, batch))
            elif ending.done():
                return
            else:
                yield KEEP_ALIVE
    finally:
        shutdown.discard(ending)
        if coming is not None and not coming.done():
            coming.cancel()
            await asyncio.wait({coming})
        await batches.aclose()


async def _wait_for_either(coming: asyncio.Future[Any], ending: asyncio.Future[Any]) -> None:
    """Return when one of them is done, or it is time to say that the stream is alive.

    What ``asyncio.wait`` would do, in a kilobyte less of each stream.
    """
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def wake(_: object) -> None:
        _settle(waiter)

    timer = loop.call_later(KEEP_ALIVE_S, wake, None)
    coming.add_done_callback(wake)
    ending.add_done_callback(wake)
    try:
        await waiter
    finally:
        timer.cancel()
        coming.remove_done_callback(wake)
        ending.remove_done_callback(wake)


async def _next(batches: AsyncGenerator[list[ServerEvent], None]) -> list[ServerEvent]:
    """Return the next batch, or an empty one at the end: a task cannot raise StopAsyncIteration."""
    return await anext(batches, [])
