"""A bad line: a proxy on a loopback port that breaks what passes through it, as it is told.

Owns the bytes between a browser and a real server and the ways in which a line fails; which request
meets which fault is its caller's choice, and what must hold all the same is the test's.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self, get_args

from tests.fakes.loopback_http import SeenRequest

Kind = Literal[
    "before_request",
    "in_request",
    "before_answer",
    "in_head",
    "in_body",
    "at_end",
    "unframed",
    "held",
    "held_unframed",
    "held_cut",
    "plain",
    "gateway",
    "twice",
    "trickle",
    "away",
]
"""Where the line breaks: before the request gets to the server, within it, when the server has it
and has begun to answer, within the answer's head, within its body, before its last bytes.
``unframed``: within the body, of which nothing says how long it is, so that it looks whole.
``held`` answers come all at once, with a length or (``held_unframed``) without one, or not whole.
``plain``: the proxy takes no streams and asks for JSON. ``gateway``: it answers itself, with a
page, when the server has the request. ``twice``: the server gets the request twice. ``trickle``: a
few bytes at a time. ``away``: nothing gets through for a while."""
KINDS: tuple[Kind, ...] = get_args(Kind)
End = Literal["reset", "close", "half_close"]
ENDS: tuple[End, ...] = get_args(End)

_LAST_CHUNK = b"0\r\n\r\n"
_PATIENCE_S = 30.0
_HALF_CLOSED_S = 2.0
_PAGE = b"<html><body><h1>Bad Gateway</h1></body></html>"


@dataclass(frozen=True)
class Fault:
    """One failure of the line; ``at`` is where, as a share of the bytes there are."""

    kind: Kind
    at: float = 0.5
    end: End = "reset"
    lasts_s: float = 0.0

    def __str__(self) -> str:
        return f"{self.kind} {self.at:.3f} {self.end}"


def draw_fault(rng: random.Random) -> Fault:
    """Return a fault, each kind as often as the others but a long absence, which is rare."""
    kind = rng.choice(KINDS)
    if kind == "away" and rng.random() < 0.6:
        kind = "in_body"
    # A body of unknown length looks whole only if its connection ends in peace.
    end = "close" if kind == "unframed" else rng.choice(ENDS)
    return Fault(kind, at=rng.random(), end=end, lasts_s=rng.uniform(0.1, 0.8))


Choose = Callable[[SeenRequest], Fault | None]


class _Cut(Exception):
    """The line breaks here."""


@dataclass
class CuttingProxy:
    """Passes requests on to ``127.0.0.1:target_port`` while its context is open.

    ``choose`` is asked about each request. ``record`` tells in order what was done to which;
    ``cuts`` counts it by kind.
    """

    target_port: int
    choose: Choose
    port: int = 0
    record: list[str] = field(default_factory=list)
    cuts: Counter[str] = field(default_factory=Counter)

    async def __aenter__(self) -> Self:
        self._tasks: set[asyncio.Task[None]] = set()
        self._lengths: dict[str, int] = {}
        self._is_back_at = 0.0
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
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
        return f"http://127.0.0.1:{self.port}"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if asyncio.get_running_loop().time() < self._is_back_at:
                _reset(writer)
                return
            async with asyncio.timeout(_PATIENCE_S):
                await self._pass_on(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # Browsers leave, servers refuse; before 3.12, asyncio would report the cancelling.
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        request = _parse(head)
        length = int(request.headers.get("content-length", "0"))
        body = await reader.readexactly(length)
        request = SeenRequest(request.method, request.target, request.headers, body)
        fault = self.choose(request)
        if fault is not None:
            self.cuts[fault.kind] += 1
            self.record.append(f"{request.method} {request.path} {fault}")
        passage = _Passage(self, request, _one_request(head) + body, writer, fault)
        leaving = asyncio.create_task(reader.read(1))
        passing = asyncio.create_task(passage.run())
        try:
            # A browser that leaves is seen by the server at once, as if there were no proxy.
            await asyncio.wait((leaving, passing), return_when=asyncio.FIRST_COMPLETED)
            if passing.done():
                await passing
        except _Cut:
            await _end(writer, fault.end if fault else "close", leaving)
        finally:
            passing.cancel()
            leaving.cancel()
            await asyncio.gather(passing, leaving, return_exceptions=True)

    def note_answer(self, request: SeenRequest, head: bytes) -> None:
        """Record what the server refuses."""
        _, status, *_ = head.decode("latin-1").split(maxsplit=2)
        if int(status) >= 400:
            self.record.append(f"{request.method} {request.path} got {status}")

    def stay_away(self, lasts_s: float) -> None:
        """Let nothing through for a while."""
        self._is_back_at = asyncio.get_running_loop().time() + lasts_s

    def learn_length(self, request: SeenRequest, length: int) -> None:
        """Note how long such an answer is, so that the next cut falls within it."""
        self._lengths[_name(request)] = max(length, 1)

    def guess_length(self, request: SeenRequest) -> int:
        """Return how long such an answer was last time."""
        return self._lengths.get(_name(request), 500)


class _Passage:
    """One request on its way, and its answer on the way back."""

    def __init__(
        self,
        proxy: CuttingProxy,
        request: SeenRequest,
        raw: bytes,
        writer: asyncio.StreamWriter,
        fault: Fault | None,
    ) -> None:
        self._proxy = proxy
        self._request = request
        self._raw = raw
        self._writer = writer
        self._fault = fault or Fault("trickle", at=1.0)
        self._kind = fault.kind if fault else None

    async def run(self) -> None:
        """Pass everything on, as far as the fault lets it.

        Raises:
            _Cut: The browser gets no more.
        """
        if self._kind == "away":
            self._proxy.stay_away(self._fault.lasts_s)
        if self._kind in ("before_request", "away"):
            raise _Cut
        if self._kind == "plain":
            stream, whole = rb"(?i)(\r\naccept: )text/event-stream", rb"\1application/json"
            self._raw = re.sub(stream, whole, self._raw)
        if self._kind == "twice":
            async with self._connect() as (other, writer):
                writer.write(self._raw)
                await self._answer()
                await other.read()
            return
        await self._answer()

    @contextlib.asynccontextmanager
    async def _connect(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._proxy.target_port)
        try:
            yield reader, writer
        finally:
            writer.close()

    async def _answer(self) -> None:
        async with self._connect() as (reader, upstream):
            if self._kind == "in_request":
                upstream.write(self._raw[: int(self._fault.at * len(self._raw))])
                await upstream.drain()
                raise _Cut
            upstream.write(self._raw)
            first = await reader.read(1)
            if self._kind == "before_answer":
                raise _Cut
            if self._kind == "gateway":
                await self._send(_gateway_page())
                return
            head = _one_request(first + await reader.readuntil(b"\r\n\r\n"))
            self._proxy.note_answer(self._request, head)
            if self._kind == "in_head":
                await self._send(head[: int(self._fault.at * len(head))])
                raise _Cut
            if self._kind in ("unframed", "held", "held_unframed", "held_cut"):
                await self._reframe(reader, head)
            else:
                await self._pipe(reader, head)

    async def _pipe(self, reader: asyncio.StreamReader, head: bytes) -> None:
        """Pass the answer on as it comes; its last bytes always wait for the end to be seen."""
        await self._send(head)
        limit = None
        if self._kind == "in_body":
            limit = int(self._fault.at * self._proxy.guess_length(self._request))
        sent = 0
        kept = b""
        while piece := await reader.read(7 if self._kind == "trickle" else 65_536):
            held = kept + piece
            ready, kept = held[: -len(_LAST_CHUNK)], held[-len(_LAST_CHUNK) :]
            if kept == _LAST_CHUNK:
                break
            if limit is not None and sent + len(ready) >= limit:
                await self._send(ready[: limit - sent])
                raise _Cut
            await self._send(ready)
            sent += len(ready)
            if self._kind == "trickle":
                await asyncio.sleep(0.001)
        else:
            ready = b""
        if self._kind in ("in_body", "at_end"):
            self._proxy.learn_length(self._request, sent + len(ready))
            await self._send(ready + kept[: int(self._fault.at * len(kept))])
            raise _Cut
        await self._send(ready + kept)
        self._proxy.learn_length(self._request, sent + len(ready))

    async def _reframe(self, reader: asyncio.StreamReader, head: bytes) -> None:
        """Pass the answer on without its chunks."""
        is_chunked = b"transfer-encoding: chunked" in head.lower()
        head = re.sub(rb"(?i)\r\n(transfer-encoding|content-length):[^\r]*", b"", head)
        body = b""
        if self._kind == "unframed":
            await self._send(head)
        async for piece in _read_body(reader, is_chunked):
            body += piece
            if self._kind == "unframed":
                limit = int(self._fault.at * self._proxy.guess_length(self._request))
                await self._send(piece[: max(0, limit - (len(body) - len(piece)))])
                if len(body) >= limit:
                    raise _Cut
        if self._kind == "unframed":
            raise _Cut
        if self._kind != "held_unframed":
            head = head[:-2] + b"Content-Length: %d\r\n\r\n" % len(body)
        if self._kind == "held_cut":
            await self._send(head + body[: int(self._fault.at * len(body))])
            raise _Cut
        await self._send(head + body)

    async def _send(self, data: bytes) -> None:
        if self._kind == "trickle":
            for start in range(0, len(data), 40):
                self._writer.write(data[start : start + 40])
                await self._writer.drain()
                await asyncio.sleep(0)
            return
        self._writer.write(data)
        await self._writer.drain()


async def _read_body(reader: asyncio.StreamReader, is_chunked: bool) -> AsyncIterator[bytes]:
    """Yield a body's bytes until its connection ends, out of their chunks."""
    if not is_chunked:
        while piece := await reader.read(65_536):
            yield piece
        return
    with contextlib.suppress(asyncio.IncompleteReadError):
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            yield await reader.readexactly(size)
            await reader.readexactly(2)


def _parse(head: bytes) -> SeenRequest:
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines)
    return SeenRequest(method, target, {n.strip().lower(): v.strip() for n, _, v in pairs}, b"")


def _one_request(head: bytes) -> bytes:
    """Return the head with a word that its connection carries nothing after this."""
    head = re.sub(rb"(?i)\r\n(connection|keep-alive):[^\r]*", b"", head)
    return head[:-2] + b"Connection: close\r\n\r\n"


def _gateway_page() -> bytes:
    lines = ["HTTP/1.1 502 Bad Gateway", "Content-Type: text/html", "Connection: close"]
    lines += ["Access-Control-Allow-Origin: *", f"Content-Length: {len(_PAGE)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + _PAGE


def _name(request: SeenRequest) -> str:
    """Return the request without the ids in its path."""
    return request.method + " " + "/".join(request.path.split("/")[:3])


async def _end(writer: asyncio.StreamWriter, end: End, leaving: asyncio.Task[bytes]) -> None:
    if end == "reset":
        _reset(writer)
    elif end == "half_close":
        writer.write_eof()
        await asyncio.wait((leaving,), timeout=_HALF_CLOSED_S)


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as a line that breaks does: without a farewell."""
    plug: socket.socket | None = writer.get_extra_info("socket")
    if plug is not None:
        with contextlib.suppress(OSError):
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
