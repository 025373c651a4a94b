"""One HTTP/1.1 connection to an Ollama server.

Owns the socket and the framing of one request and answer at a time; keeping connections and what is
asked over them is left to ``http``. Framing is h11's; driving it here hands on everything that one
read of the socket brought at once, where a general client wakes its caller for every chunk
(docs/adr/0008).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Sequence
from typing import Self

import h11

READ_BYTES = 65_536
MAX_HEAD_BYTES = 65_536

Headers = Sequence[tuple[bytes, bytes]]


class Connection:
    """Carries one exchange after another; ``is_reusable`` says whether it can carry the next.

    All methods raise ``OSError`` when the connection breaks and ``h11.RemoteProtocolError`` when
    what arrives is not HTTP.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self.has_heard = False
        self.is_complete = True

    @classmethod
    async def open(cls, host: str, port: int, *, tls: ssl.SSLContext | None) -> Self:
        """Connect to the server."""
        reader, writer = await asyncio.open_connection(host, port, ssl=tls)
        return cls(reader, writer)

    @property
    def is_reusable(self) -> bool:
        """Whether the last answer was read to its end and neither side has closed."""
        return (
            self.is_complete
            and self._http.states == {h11.CLIENT: h11.IDLE, h11.SERVER: h11.IDLE}
            and not self._reader.at_eof()
            and not self._writer.transport.is_closing()
        )

    async def send(self, method: str, target: str, headers: Headers, body: bytes) -> None:
        """Send one whole request."""
        self.has_heard = self.is_complete = False
        head = self._http.send(h11.Request(method=method, target=target, headers=list(headers)))
        content = self._http.send(h11.Data(data=body)) if body else b""
        self._http.send(h11.EndOfMessage())
        self._writer.write(b"".join((head or b"", content or b"")))
        await self._writer.drain()

    async def read_head(self) -> h11.Response:
        """Return the answer's status and headers."""
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                await self._receive()
            elif isinstance(event, h11.Response):
                return event
            elif not isinstance(event, h11.InformationalResponse):
                raise h11.RemoteProtocolError("the connection ended before an answer")

    async def read_body(self) -> bytes:
        """Return all of the body that is here, waiting for some; nothing at its end."""
        pieces: list[bytes] = []
        while not self.is_complete:
            event = self._http.next_event()
            if isinstance(event, h11.Data):
                pieces.append(bytes(event.data))
            elif event is h11.NEED_DATA:
                if pieces:
                    break
                await self._receive()
            else:
                self._complete()
        return b"".join(pieces)

    async def close(self) -> None:
        """Hang up at once."""
        self._writer.transport.abort()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _receive(self) -> None:
        data = await self._reader.read(READ_BYTES)
        self.has_heard = self.has_heard or bool(data)
        self._http.receive_data(data)

    def _complete(self) -> None:
        self.is_complete = True
        if self._http.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
            self._http.start_next_cycle()
