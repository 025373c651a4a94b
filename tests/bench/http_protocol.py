"""A very cheap HTTP/1.1 server connection, so that a fake costs far less than what is measured.

Owns parsing whole requests on kept-alive connections and framing answers; which answer, and what a
broken connection means, is left to the handler. ``tests.fakes.loopback_http`` is the server for
tests: it can break the protocol in every way, and costs more than twice as much.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

HEAD_END = b"\r\n\r\n"


class Connection(asyncio.Protocol):
    """One caller; ``handle`` gets each request as ``(connection, method, path, body)``.

    ``on_lost`` is what to call when the caller goes away; a handler sets it while it streams.
    """

    def __init__(self, handle: Callable[[Connection, str, str, bytes], None]) -> None:
        self._handle = handle
        self._received = b""
        self.on_lost: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.on_lost is not None:
            self.on_lost()

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(HEAD_END)) >= 0:
            head = self._received[:end]
            start = end + len(HEAD_END)
            size = content_length(head)
            if len(self._received) < start + size:
                return
            body = self._received[start : start + size]
            self._received = self._received[start + size :]
            method, path, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
            self._handle(self, method, path, body)

    def respond(self, body: bytes, *, status: str = "200 OK") -> None:
        """Answer with a whole JSON body."""
        self._transport.write(
            b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (status.encode(), len(body), body)
        )

    def write(self, data: bytes) -> None:
        """Send raw bytes at once, as a packet of their own."""
        self._transport.write(data)


def content_length(head: bytes) -> int:
    """Return the size of the body that ``head`` announces, 0 without one."""
    at = head.lower().find(b"content-length:")
    return int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def frame(data: bytes) -> bytes:
    """Return ``data`` as one chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)
