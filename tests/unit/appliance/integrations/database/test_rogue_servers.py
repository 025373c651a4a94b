"""Servers that are no friends: what they ask for, they do not get."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from appliance.domain.tool import ToolOutcome
from appliance.egress import EgressClient
from tests.fakes.integrations import build_integration
from tests.fakes.shop_databases import build_kind, build_query

PASSWORD = "hunter2 of the shop"
GREETING = (
    b"\x0a8.0.36\x00" + struct.pack("<I", 7) + b"12345678\x00"
    + struct.pack("<HBHHB", 0xF7FF, 255, 2, 0x800F, 21) + b"\x00" * 10
    + b"123456789012\x00mysql_native_password\x00"
)  # fmt: skip
"""MySQL's first packet, which offers no TLS."""
OK = b"\x00\x00\x00\x02\x00\x00\x00"

Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Heard:
    """What a server was told, and how much."""

    def __init__(self) -> None:
        self.text = b""
        self.sent_bytes = 0

    async def read(self, reader: asyncio.StreamReader) -> bytes:
        piece = await reader.read(65_536)
        self.text += piece
        return piece


async def ask(engine: str, speak: Speak, **more: Any) -> ToolOutcome:
    """Return what comes of asking a server that speaks like this."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await speak(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with listening(serve) as port:
        http = EgressClient([f"127.0.0.1:{port}"])
        config = {
            "engine": engine, "host": "127.0.0.1", "port": port, "database": "d",
            "username": "u", "password": PASSWORD, "timeout_s": 2, **more,
        }  # fmt: skip
        system = build_kind(http, None).open(build_integration(config, integration_type="database"))
        outcome = await system.call(build_query("SELECT 1"), {})
        await http.aclose()
        return outcome


@asynccontextmanager
async def listening(serve: Speak) -> AsyncIterator[int]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def packet(number: int, payload: bytes) -> bytes:
    return struct.pack("<I", len(payload))[:3] + bytes([number]) + payload


@pytest.mark.parametrize("plugin", [b"mysql_clear_password", b"dialog"])
async def test_no_password_is_told_in_clear(plugin: bytes) -> None:
    heard = Heard()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(packet(0, GREETING))
        await heard.read(reader)
        writer.write(packet(2, b"\xfe" + plugin + b"\x00\x04Password: "))
        await heard.read(reader)

    outcome = await ask("mysql", speak)
    assert outcome.failure == "not_available"
    assert "TLS" in str(outcome.error)
    assert PASSWORD.encode() not in heard.text


async def test_no_file_is_sent(tmp_path: Path) -> None:
    """A server may answer any query by asking for a file of the client's."""
    file = tmp_path / "secret.txt"
    file.write_text("canary of the machine")
    heard = Heard()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(packet(0, GREETING))
        await heard.read(reader)
        writer.write(packet(2, OK))
        while await heard.read(reader):
            writer.write(packet(1, b"\xfb" + str(file).encode()))

    outcome = await ask("mysql", speak)
    assert not outcome.is_success
    assert b"canary of the machine" not in heard.text


@pytest.mark.parametrize(
    "first",
    [b"", b"\x00", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 64, packet(0, b"\x0a8"),
     packet(0, b"\xff\x10\x04Too many connections"), packet(0, GREETING) + b"\x03\x00\x00\x02abc"],
)  # fmt: skip
async def test_something_else_than_mysql_is_a_failure(first: bytes) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        await writer.drain()

    outcome = await ask("mysql", speak)
    assert not outcome.is_success
    assert outcome.failure in ("no_answer", "unreachable", "not_available")
    assert "Traceback" not in str(outcome.error)


async def test_rows_without_end_are_not_read() -> None:
    heard = Heard()
    chunk = packet(1, b"x" * 60_000)

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(packet(0, GREETING))
        await heard.read(reader)
        writer.write(packet(2, OK))
        await heard.read(reader)
        column = packet(2, b"\x03def" + b"\x00" * 4 + b"\x01a\x00\x0c\x2d\x00" + b"\xff" * 10)
        writer.write(packet(1, b"\x01") + column + packet(3, b"\xfe\x00\x00\x02\x00"))
        number = 4
        while True:
            writer.write(chunk[:3] + bytes([number % 256]) + chunk[4:])
            await writer.drain()
            heard.sent_bytes += len(chunk)
            number += 1

    outcome = await ask("mysql", speak)
    assert not outcome.is_success
    assert heard.sent_bytes < 40_000_000


@pytest.mark.parametrize(
    "answer", [b"", b"E", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"N\xff\xff", b"S\x16\x03"]
)
async def test_something_else_than_postgresql_is_a_failure(answer: bytes) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1_000)
        writer.write(answer)
        await writer.drain()

    outcome = await ask("postgresql", speak)
    assert not outcome.is_success
    assert outcome.failure in ("no_answer", "unreachable")
    assert "Traceback" not in str(outcome.error)


@pytest.mark.parametrize("engine", ["postgresql", "mysql"])
async def test_silence_ends(engine: str) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1_000):
            pass

    outcome = await ask(engine, speak, timeout_s=0.3)
    assert outcome.failure == "no_answer"
    assert "did not answer in time" in str(outcome.error)
