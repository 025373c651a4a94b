"""The visitors judge every answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import msgspec

from tests.bench.http_protocol import Connection, frame
from tests.bench.load_generator import Run, announced_size, unframe
from tests.bench.load_jobs import Job, Outcome, Question

QUESTIONS = [Question("Tell me, {nonce}.")]
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


@contextlib.asynccontextmanager
async def serving(
    handle: Callable[[Connection, str, str, bytes], None],
) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(handle), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def run(handle: Callable[[Connection, str, str, bytes], None], **job: object) -> Outcome:
    async with serving(handle) as port:
        return await Run(Job(port=port, questions=QUESTIONS, **job)).work()


def echo(connection: Connection, method: str, path: str, body: bytes) -> None:
    connection.respond(msgspec.json.encode({"session_id": "vs_1", "said": body.decode()}))


def stream(*pieces: bytes) -> Callable[[Connection, str, str, bytes], None]:
    def answer(connection: Connection, method: str, path: str, body: bytes) -> None:
        said = msgspec.json.decode(body)["message"].encode()
        connection.write(HEAD)
        for piece in pieces:
            connection.write(frame(piece.replace(b"SAID", said)))
        connection.write(END)

    return answer


async def test_right_answers_are_timed():
    outcome = await run(echo, turns=7, at_once=3)
    assert outcome.failures == []
    assert len(outcome.latencies_ms) == 7
    assert min(outcome.latencies_ms) > 0


async def test_a_conversation_goes_on_and_a_new_one_begins_when_told():
    sessions: list[str | None] = []

    def answer(connection: Connection, method: str, path: str, body: bytes) -> None:
        sessions.append(msgspec.json.decode(body).get("session_id"))
        echo(connection, method, path, body)

    await run(answer, turns=5, turns_per_conversation=2)
    assert sessions == [None, "vs_1", None, "vs_1", None]


async def test_another_turns_answer_is_a_failure():
    first: list[bytes] = []

    def answer(connection: Connection, method: str, path: str, body: bytes) -> None:
        first.append(body)
        echo(connection, method, path, first[0])

    outcome = await run(answer, turns=3)
    assert len(outcome.latencies_ms) == 1
    assert len(outcome.failures) == 2


async def test_an_error_status_is_a_failure():
    outcome = await run(lambda c, m, p, body: c.respond(body, status="429 Slow"), turns=1)
    assert outcome.failures[0].startswith("429")


async def test_what_every_answer_must_contain_is_looked_for():
    outcome = await run(echo, turns=1, also_expected="succeeded")
    assert len(outcome.failures) == 1


async def test_a_stream_is_whole_and_its_first_piece_timed():
    answer = stream(b"event: delta\ndata: SAID\n\n", b"event: done\ndata: {}\n\n")
    outcome = await run(answer, turns=2, reply="sse")
    assert outcome.failures == []
    assert len(outcome.first_deltas_ms) == 2


async def test_a_stream_without_its_end_is_a_failure():
    outcome = await run(stream(b"event: delta\ndata: SAID\n\n"), turns=1, reply="sse")
    assert len(outcome.failures) == 1


async def test_a_connection_that_breaks_is_a_failure():
    def hang_up(connection: Connection, method: str, path: str, body: bytes) -> None:
        raise ConnectionResetError

    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    outcome = await run(hang_up, turns=1)
    assert outcome.failures == ["the connection was closed"]


async def test_who_leaves_early_notes_when():
    outcome = await run(stream(b"event: delta\ndata: SAID\n\n"), turns=2, leaves_early=True)
    assert outcome.failures == []
    assert len(outcome.left_at) == 2


def test_a_chunked_body_loses_its_framing():
    assert unframe(frame(b"ab") + frame(b"c" * 20) + END) == b"ab" + b"c" * 20


def test_the_announced_size_is_read_in_any_letter_case():
    assert announced_size(b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 12\r\nA: b") == 12
    assert announced_size(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked") is None
