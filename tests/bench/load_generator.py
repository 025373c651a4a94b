"""Visitors: raw asyncio connections that send messages and check every answer.

Owns sending, timing and judging answers; run as a process of its own that reads a ``Job`` a line
from standard input and writes its ``Outcome``: ``python -m tests.bench.load_generator``.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
import sys
import time
from collections.abc import Iterator

import msgspec

from tests.bench.load_jobs import Job, Outcome, Question

MAX_FAILURES_TOLD = 5
SHOWN_CHARS = 300
SESSION_ID = re.compile(rb'"session_id":"([^"]+)"')
FIRST_DELTA = b"event: delta\n"
LAST_CHUNK = b"0\r\n\r\n"


class Answer(msgspec.Struct):
    """One answer as it arrived; ``body`` without the framing."""

    status: int
    body: bytes
    took_ms: float
    first_delta_ms: float | None


class WrongAnswer(Exception):
    """What arrived is not the turn's answer."""


class Visitor(asyncio.Protocol):
    """One kept-alive connection with at most one request under way."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._answer: asyncio.Future[Answer] | None = None
        self._first_delta: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(WrongAnswer("the connection was closed"))

    def send(self, request: bytes) -> asyncio.Future[Answer]:
        """Send a whole request; the future is its answer."""
        loop = asyncio.get_running_loop()
        self._received.clear()
        self._head_size = 0
        self._first_delta_at: float | None = None
        self._first_delta = loop.create_future()
        self._answer = loop.create_future()
        self._sent_at = time.perf_counter()
        self.transport.write(request)
        return self._answer

    async def first_delta(self) -> None:
        """Return when the answer's first piece is here."""
        assert self._first_delta is not None
        await self._first_delta

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        if not self._head_size:
            end = received.find(b"\r\n\r\n")
            if end < 0:
                return
            self._head_size = end + 4
            self._size = announced_size(bytes(received[:end]))
        if self._first_delta_at is None and FIRST_DELTA in received:
            self._first_delta_at = time.perf_counter()
            if self._first_delta is not None and not self._first_delta.done():
                self._first_delta.set_result(None)
        if self._size is None:
            if received.endswith(LAST_CHUNK):
                self._done(unframe(bytes(received[self._head_size :])))
        elif len(received) >= self._head_size + self._size:
            self._done(bytes(received[self._head_size :]))

    def _done(self, body: bytes) -> None:
        now = time.perf_counter()
        first = self._first_delta_at
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(
                Answer(
                    status=int(self._received[9:12]),
                    body=body,
                    took_ms=(now - self._sent_at) * 1000,
                    first_delta_ms=None if first is None else (first - self._sent_at) * 1000,
                )
            )


def announced_size(head: bytes) -> int | None:
    """Return the ``Content-Length``, ``None`` for a chunked body."""
    found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return int(found[1]) if found else None


def unframe(chunked: bytes) -> bytes:
    """Return a chunked body without its framing."""
    pieces, at = [], 0
    while True:
        line_end = chunked.index(b"\r\n", at)
        size = int(chunked[at:line_end], 16)
        if size == 0:
            return b"".join(pieces)
        start = line_end + 2
        pieces.append(chunked[start : start + size])
        at = start + size + 2


class Run:
    """One job under way."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._left = itertools.islice(itertools.cycle(job.questions), job.turns)
        accept = "text/event-stream" if job.reply == "sse" else "application/json"
        lines = [
            "POST /chat/message HTTP/1.1",
            f"Host: 127.0.0.1:{job.port}",
            "Content-Type: application/json",
            f"Accept: {accept}",
            *(f"{name}: {value}" for name, value in job.headers.items()),
        ]
        self._head = "\r\n".join(lines).encode()
        self._answers: list[Answer] = []
        self._failures: list[str] = []
        self._left_at: dict[str, float] = {}

    async def work(self) -> Outcome:
        """Take all turns; what goes wrong is told, not raised."""
        job = self._job
        started = time.perf_counter()
        try:
            async with asyncio.timeout(job.deadline_s):
                await asyncio.gather(*(self._visit(index) for index in range(job.at_once)))
        except TimeoutError:
            self._failures.append(f"not finished after {job.deadline_s} s")
        except (OSError, WrongAnswer) as error:
            self._failures.append(str(error))
        firsts = (answer.first_delta_ms for answer in self._answers)
        return Outcome(
            latencies_ms=[answer.took_ms for answer in self._answers],
            first_deltas_ms=[first for first in firsts if first is not None],
            elapsed_s=time.perf_counter() - started,
            failures=self._failures[:MAX_FAILURES_TOLD],
            left_at=self._left_at,
        )

    async def _visit(self, index: int) -> None:
        job = self._job
        if job.stagger_s:
            await asyncio.sleep(job.stagger_s * index / job.at_once)
        visitor = await self._connect()
        session_id: bytes | None = None
        turns: Iterator[tuple[int, Question]] = enumerate(self._left)
        try:
            for number, question in turns:
                if number % job.turns_per_conversation == 0:
                    session_id = None
                nonce = "n" + secrets.token_hex(6)
                request = self._request(question.text.replace("{nonce}", nonce), session_id)
                if job.leaves_early:
                    await self._leave(visitor, request, nonce)
                    visitor = await self._connect()
                    continue
                answer = await visitor.send(request)
                self._judge(answer, question.expected.replace("{nonce}", nonce))
                found = SESSION_ID.search(answer.body)
                session_id = found[1] if found else None
        finally:
            visitor.transport.abort()

    async def _connect(self) -> Visitor:
        loop = asyncio.get_running_loop()
        _, visitor = await loop.create_connection(Visitor, "127.0.0.1", self._job.port)
        return visitor

    async def _leave(self, visitor: Visitor, request: bytes, nonce: str) -> None:
        visitor.send(request)
        await visitor.first_delta()
        self._left_at[nonce] = time.monotonic()
        visitor.transport.close()

    def _request(self, text: str, session_id: bytes | None) -> bytes:
        body: dict[str, str] = {"message": text}
        if session_id is not None:
            body["session_id"] = session_id.decode()
        content = msgspec.json.encode(body)
        return b"%s\r\nContent-Length: %d\r\n\r\n%s" % (self._head, len(content), content)

    def _judge(self, answer: Answer, expected: str) -> None:
        is_whole = self._job.reply == "json" or b"event: done" in answer.body
        wanted = (expected.encode(), self._job.also_expected.encode())
        if answer.status == 200 and is_whole and all(text in answer.body for text in wanted):
            self._answers.append(answer)
            return
        shown = answer.body[-SHOWN_CHARS:].decode(errors="replace")
        self._failures.append(f"{answer.status}, not whole or without {expected!r}: …{shown}")


def main() -> None:
    for line in sys.stdin.buffer:
        outcome = asyncio.run(Run(msgspec.json.decode(line, type=Job)).work())
        sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
