"""One HTTP/1.1 connection to an Ollama server.

Owns the socket and one request and answer at a time; keeping connections and what is asked over
them is left to ``http``. Answers are read by httptools (llhttp); driving it here hands on
everything that one read of the socket brought at once, where a general client wakes its caller for
every chunk (docs/adr/0008).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Sequence
from typing import NamedTuple, Self

import httptools

READ_BYTES = 65_536
MAX_HEAD_BYTES = 65_536

Headers = Sequence[tuple[bytes, bytes]]


class ProtocolBroken(Exception):
    """What arrives is not HTTP, or not all of it; never leaves the package."""


class Head(NamedTuple):
    """An answer's status and its headers, by their names in lower case."""

    status: int
    headers: dict[bytes, bytes]


class _Answer:
    """One answer as it is read; the methods that begin with ``on_`` are httptools' callbacks."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._head_bytes = 0
        self._pieces: list[bytes] = []
        self.head: Head | None = None
        self.is_complete = False
        self.is_reusable = False

    def feed(self, data: bytes) -> None:
        """Read on; nothing means that the other side has closed."""
        if not data:
            self._end()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as exc:
            self.is_reusable = False
            if not self.is_complete:  # what stands behind an answer spoils only what would follow
                raise ProtocolBroken(str(exc)) from exc
        if self.head is None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                raise ProtocolBroken("the headers do not end")

    def take_body(self) -> bytes:
        """Return what of the body has come since the last call."""
        body, self._pieces = b"".join(self._pieces), []
        return body

    def _end(self) -> None:
        is_measured = self.head is not None and (
            b"content-length" in self.head.headers or b"transfer-encoding" in self.head.headers
        )
        if self.head is None or is_measured:
            raise ProtocolBroken("the connection ended before the answer did")
        self.is_complete = True

    def on_message_begin(self) -> None:
        self.is_reusable = False  # something stands behind the answer

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.is_complete:
            self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200 and self.head is None:
            self.head = Head(status, self._headers)
        self._headers = {}

    def on_body(self, body: bytes) -> None:
        if not self.is_complete:
            self._pieces.append(body)

    def on_message_complete(self) -> None:
        if self.head is not None and not self.is_complete:
            self.is_complete = True
            self.is_reusable = self._parser.should_keep_alive()


class Connection:
    """Carries one exchange after another; ``is_reusable`` says whether it can carry the next.

    All methods raise ``OSError`` when the connection breaks and ``ProtocolBroken`` when what
    arrives is not HTTP.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._answer: _Answer | None = None
        self.has_heard = False

    @classmethod
    async def open(cls, host: str, port: int, *, tls: ssl.SSLContext | None) -> Self:
        """Connect to the server."""
        reader, writer = await asyncio.open_connection(host, port, ssl=tls)
        return cls(reader, writer)

    @property
    def is_complete(self) -> bool:
        """Whether the last answer was read to its end."""
        return self._answer is None or self._answer.is_complete

    @property
    def is_reusable(self) -> bool:
        """Whether the last answer was read to its end and neither side has closed."""
        return (
            (self._answer is None or self._answer.is_reusable)
            and not self._reader.at_eof()
            and not self._writer.transport.is_closing()
        )

    async def send(self, method: str, target: str, headers: Headers, body: bytes) -> None:
        """Send one whole request; nothing in its head may break a line."""
        self.has_heard = False
        self._answer = _Answer()
        lines = [f"{method} {target} HTTP/1.1".encode("ascii")]
        lines += [b"%b: %b" % header for header in headers]
        self._writer.write(b"\r\n".join((*lines, b"", body)))
        await self._writer.drain()

    async def read_head(self) -> Head:
        """Return the answer's status and headers."""
        answer = self._current
        while answer.head is None:
            await self._receive(answer)
        return answer.head

    async def read_body(self) -> bytes:
        """Return all of the body that is here, waiting for some; nothing at its end."""
        answer = self._current
        while not (body := answer.take_body()) and not answer.is_complete:
            await self._receive(answer)
        return body

    async def close(self) -> None:
        """Hang up at once."""
        self._writer.transport.abort()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    @property
    def _current(self) -> _Answer:
        assert self._answer is not None, "nothing was sent"
        return self._answer

    async def _receive(self, answer: _Answer) -> None:
        data = await self._reader.read(READ_BYTES)
        self.has_heard = self.has_heard or bool(data)
        answer.feed(data)
