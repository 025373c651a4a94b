"""Bodies that an application does not read to their end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from appliance.web import unread_bodies
from appliance.web.unread_bodies import UnreadBodies

CHUNK = b"x" * 1_000


class Sender:
    """A server's side of one request: hands out chunks, and waits for ever behind the last."""

    def __init__(self, *chunks: bytes, has_end: bool) -> None:
        self.left = list(chunks)
        self.read_bytes = 0
        self._has_end = has_end

    async def receive(self) -> dict[str, Any]:
        if not self.left:
            await asyncio.Event().wait()
        chunk = self.left.pop(0)
        self.read_bytes += len(chunk)
        more_body = bool(self.left) or not self._has_end
        return {"type": "http.request", "body": chunk, "more_body": more_body}


async def ask(
    sender: Sender, *, length: int | None = None, reads: int = 0, max_bytes: int = 100_000
) -> list[str]:
    """Send one request to an application that reads some messages; return what it sent."""
    sent: list[str] = []

    async def refuse(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(reads):
            await receive()
        await send({"type": "http.response.start"})
        await send({"type": "http.response.body"})

    async def send(message: dict[str, Any]) -> None:
        sent.append(f"{message['type']} after {sender.read_bytes}")

    header = (
        (b"transfer-encoding", b"chunked")
        if length is None
        else (b"content-length", str(length).encode())
    )
    scope = {"type": "http", "headers": [header]}
    await UnreadBodies(refuse, max_bytes=max_bytes)(scope, sender.receive, send)
    return sent


async def test_the_answer_goes_out_before_the_rest_is_read():
    sender = Sender(CHUNK, CHUNK, CHUNK, has_end=True)
    sent = await ask(sender, reads=1)
    assert sent == ["http.response.start after 1000", "http.response.body after 1000"]
    assert sender.read_bytes == 3_000


async def test_a_body_of_known_length_ends_with_its_last_byte():
    sender = Sender(CHUNK, CHUNK, has_end=False)
    async with asyncio.timeout(1):
        await ask(sender, length=2_000)
    assert sender.read_bytes == 2_000


@pytest.mark.parametrize("length", [None, 2_000])
async def test_a_body_that_was_read_is_not_waited_for(length):
    sender = Sender(CHUNK, CHUNK, has_end=True)
    async with asyncio.timeout(1):
        await ask(sender, length=length, reads=2)


async def test_a_request_without_a_body_is_not_waited_for():
    sender = Sender(has_end=False)
    async with asyncio.timeout(1):
        assert len(await ask(sender, length=0)) == 2


async def test_an_endless_body_is_left_at_the_bound():
    sender = Sender(*[CHUNK] * 100, has_end=False)
    await ask(sender, max_bytes=10_000)
    assert sender.read_bytes == 10_000


async def test_a_sender_that_stands_still_is_left_at_the_deadline(monkeypatch):
    monkeypatch.setattr(unread_bodies, "DEADLINE_S", 0.02)
    sender = Sender(CHUNK, has_end=False)
    async with asyncio.timeout(1):
        await ask(sender)
    assert sender.read_bytes == 1_000
