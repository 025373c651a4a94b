from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from appliance.providers.ollama.connection import Connection, ProtocolBroken
from tests.fakes.loopback_http import Exchange, Handler, LoopbackHttp

HEADERS = [(b"Host", b"x"), (b"Content-Length", b"2")]


@asynccontextmanager
async def open_connection(handler: Handler) -> AsyncIterator[tuple[Connection, LoopbackHttp]]:
    async with LoopbackHttp(handler) as server:
        connection = await Connection.open(server.host, server.port, tls=None)
        yield connection, server
        await connection.close()


async def exchange(connection: Connection) -> tuple[int, list[bytes]]:
    """Send a request and return the answer's status and the pieces of its body."""
    await connection.send("POST", "/api/chat", HEADERS, b"{}")
    head = await connection.read_head()
    pieces: list[bytes] = []
    while piece := await connection.read_body():
        pieces.append(piece)
    return head.status, pieces


async def test_what_arrives_together_is_read_together() -> None:
    async def answer(reply: Exchange) -> None:
        chunks = b"".join(b"5\r\nline\n\r\n" for _ in range(20))
        await reply.send_raw(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
        )

    async with open_connection(answer) as (connection, _):
        assert await exchange(connection) == (200, [b"line\n" * 20])
        assert connection.is_reusable


async def test_one_connection_carries_many_exchanges() -> None:
    async def answer(reply: Exchange) -> None:
        await reply.respond(200, reply.request.body)

    async with open_connection(answer) as (connection, server):
        for _ in range(3):
            assert await exchange(connection) == (200, [b"{}"])
        assert (server.connections, len(server.requests)) == (1, 3)


async def test_an_early_hint_is_not_the_answer() -> None:
    async def answer(reply: Exchange) -> None:
        await reply.send_raw(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await reply.respond(200, b"ok")

    async with open_connection(answer) as (connection, _):
        assert await exchange(connection) == (200, [b"ok"])


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\n\r\nok",
    ],
)
async def test_a_connection_that_the_server_ends_is_not_used_again(raw: bytes) -> None:
    async def answer(reply: Exchange) -> None:
        await reply.send_raw(raw)
        reply.cut()

    async with open_connection(answer) as (connection, _):
        assert await exchange(connection) == (200, [b"ok"])
        assert not connection.is_reusable


async def test_a_connection_in_the_middle_of_an_answer_is_not_reusable() -> None:
    async def answer(reply: Exchange) -> None:
        await reply.start(200, content_type="text/plain")
        await reply.chunk(b"first")
        await reply.wait_for_disconnect()

    async with open_connection(answer) as (connection, _):
        await connection.send("POST", "/", HEADERS, b"{}")
        await connection.read_head()
        assert await connection.read_body() == b"first"
        assert not connection.is_complete
        assert not connection.is_reusable


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_not_http_or_breaks_off_is_an_error(raw: bytes) -> None:
    async def answer(reply: Exchange) -> None:
        await reply.send_raw(raw)
        reply.cut()

    async with open_connection(answer) as (connection, _):
        with pytest.raises((OSError, ProtocolBroken)):
            await exchange(connection)
        assert not connection.is_reusable


@pytest.mark.parametrize(
    "behind", [b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad", b"\x00 what is this"]
)
async def test_what_stands_behind_an_answer_is_not_the_next_one(behind: bytes) -> None:
    async def answer(reply: Exchange) -> None:
        await reply.send_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + behind)
        await reply.wait_for_disconnect()

    async with open_connection(answer) as (connection, _):
        assert await exchange(connection) == (200, [b"ok"])
        assert not connection.is_reusable


async def test_closing_hangs_up_at_once() -> None:
    left = asyncio.Event()

    async def answer(reply: Exchange) -> None:
        await reply.wait_for_disconnect()
        left.set()

    async with open_connection(answer) as (connection, _):
        await connection.send("POST", "/", HEADERS, b"{}")
        await connection.close()
        await asyncio.wait_for(left.wait(), 1)
