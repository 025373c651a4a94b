"""A small HTTP/1.1 server on a loopback port, for fakes that answer exactly as told.

Owns sockets, parsing and what was seen; what to answer is left to the handler each fake gives.
Unlike a framework it lets a handler break the protocol: cut, stall, trickle, lie.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class SeenRequest:
    """One request as it arrived; header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def json(self) -> Any:
        return json.loads(self.body)


class Exchange:
    """One request and the means to answer it, well or badly."""

    def __init__(
        self, request: SeenRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.request = request
        self.keeps_alive = True
        self._reader = reader
        self._writer = writer

    async def respond(
        self,
        status: int,
        body: bytes = b"",
        *,
        content_type: str = "application/json",
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Answer at once with a whole body."""
        lines = [("Content-Type", content_type), ("Content-Length", str(len(body))), *headers]
        await self.send_raw(self._head(status, lines) + body)

    async def respond_json(
        self, status: int, value: Any, *, headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        await self.respond(status, json.dumps(value).encode(), headers=headers)

    async def start(self, status: int, *, content_type: str) -> None:
        """Begin a chunked answer; continue with ``chunk`` and close with ``end``."""
        lines = [("Content-Type", content_type), ("Transfer-Encoding", "chunked")]
        await self.send_raw(self._head(status, lines))

    async def chunk(self, data: bytes) -> None:
        if data:
            await self.send_raw(b"%x\r\n%s\r\n" % (len(data), data))

    async def end(self) -> None:
        await self.send_raw(b"0\r\n\r\n")

    async def send_raw(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def cut(self) -> None:
        """Close the connection here, whatever was promised."""
        self.keeps_alive = False
        self._writer.close()

    async def wait_for_disconnect(self) -> None:
        """Return when the caller has gone away."""
        with contextlib.suppress(ConnectionError):
            while await self._reader.read(1024):
                pass
        self.keeps_alive = False

    def _head(self, status: int, headers: Iterable[tuple[str, str]]) -> bytes:
        known = {entry.value: entry.phrase for entry in HTTPStatus}
        lines = [f"HTTP/1.1 {status} {known.get(status, 'Unassigned')}"]
        lines += [f"{name}: {value}" for name, value in headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


Handler = Callable[[Exchange], Awaitable[None]]


@dataclass
class LoopbackHttp:
    """Serves ``handler`` on a free loopback port while its context is open.

    ``requests`` are all that arrived whole; ``connections`` counts every accepted socket, so that
    a server that must never be reached can prove it.
    """

    handler: Handler
    tls: ssl.SSLContext | None = None
    port: int = 0
    host: str = "127.0.0.1"
    requests: list[SeenRequest] = field(default_factory=list)
    connections: int = 0

    async def __aenter__(self) -> Self:
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._accept, self.host, self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{self.host}:{self.port}"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        except asyncio.CancelledError:
            # asyncio before 3.12 would report the end of this context as an unhandled error.
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await read_request(reader)
            self.requests.append(request)
            exchange = Exchange(request, reader, writer)
            await self.handler(exchange)
            if not exchange.keeps_alive:
                return


async def read_request(reader: asyncio.StreamReader) -> SeenRequest:
    """Read one request with a ``Content-Length`` body, or none.

    Raises:
        asyncio.IncompleteReadError: The caller closed instead.
    """
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return SeenRequest(method=method, target=target, headers=headers, body=body)
