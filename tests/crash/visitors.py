"""Visitors who talk to a server that keeps dying.

Owns what they say and that they do as the widget does: a message is sent again until it is
answered, under the same id. They also send it twice at once, and leave in the middle of an answer.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.crash.journal import Booking, Journal, Message
from tests.crash.surroundings import SLOWLY, VERY_SLOWLY, Shop
from tests.loopback import DIRECT

EVENT_STREAM = "text/event-stream"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
PAUSE_S = 0.03
MAX_CONFIRMATIONS = 3
BOOKED_AHEAD_DAYS = 50


class Mood:
    """What the arena tells its visitors."""

    def __init__(self) -> None:
        self.is_open = asyncio.Event()
        """Set while a server answers that has been looked at."""
        self.wants_slow_answers = False
        self.wants_leaving = False
        self.is_ending = False


class Visitor:
    """One visitor of one shop, conversation after conversation."""

    def __init__(
        self,
        shop: Shop,
        base_url: str,
        journal: Journal,
        mood: Mood,
        rng: random.Random,
    ) -> None:
        self._shop = shop
        self._journal = journal
        self._mood = mood
        self._rng = rng
        self._session_id: str | None = None
        self._opening_key = ""
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers={"X-API-Key": shop.api_key},
            timeout=httpx.Timeout(20.0, connect=2.0),
            **DIRECT,
        )

    async def live(self) -> None:
        """Talk until the mood says that it ends, and have everything answered then."""
        async with self._http:
            while not self._mood.is_ending:
                self._session_id = None
                for _ in range(self._rng.randint(1, 4)):
                    await self._exchange()
            await self._say(f"Goodbye, and thank you for {self._word()}")

    async def _exchange(self) -> None:
        if self._mood.wants_slow_answers and self._shop.has_model:
            await self._say(f"Please think {VERY_SLOWLY} about {self._word()}")
            return
        leaving = 10 if self._mood.wants_leaving else 1
        match self._rng.choices(("talk", "order", "book", "leave"), (4, 2, 3, leaving))[0]:
            case "talk":
                await self._say(f"Hello, this is about {self._word()}")
            case "order":
                await self._say(f"Where is my order {self._rng.randint(10_000, 99_999)}?")
            case "book":
                await self._book()
            case _:
                order = self._rng.randint(10_000, 99_999)
                about = self._rng.choice((f"about {self._word()}", f"where is my order {order}?"))
                await self._say(f"Think {SLOWLY}: {about}", leaves_first=True)

    async def _book(self) -> None:
        name = f"Rina {self._word().capitalize()}"
        booking = self._journal.bookings[name] = Booking(self._shop.name, name)
        day = datetime.now(UTC).date() + timedelta(days=self._rng.randint(2, BOOKED_AHEAD_DAYS))
        at = f"{self._rng.randint(1, 22):02}:{self._rng.choice((0, 15, 30, 45)):02}"
        people = self._rng.randint(1, 8)
        while booking.confirmations < MAX_CONFIRMATIONS and not booking.is_told_done:
            reply = await self._say(
                f"Book a table for {people} people on {day.isoformat()} at {at} "
                f"under the name {name}"
            )
            if not has_tool(reply, "needs_confirmation"):
                return
            if self._rng.random() < 0.1:
                await self._say("No, thanks")
                return
            booking.confirmations += 1
            reply = await self._say("Yes, go ahead")
            booking.is_told_done = has_tool(reply, "succeeded")

    async def _say(self, text: str, *, leaves_first: bool = False) -> dict[str, Any]:
        """Send a message until it is answered, and return the answer."""
        message = self._journal.write_message(self._shop.name, text)
        self._opening_key = f"{self._rng.getrandbits(256):064x}"
        leaves = leaves_first
        while True:
            await self._mood.is_open.wait()
            at_once = self._rng.choice((2, 3)) if self._rng.random() < 0.12 else 1
            if message.sends > 0:
                self._journal.counts["sent again"] += 1
            self._journal.counts["sent at once"] += at_once - 1
            message.sends += 1
            body = self._build_body(message)
            replies = await asyncio.gather(
                *(self._try(message, body, leaves=leaves) for _ in range(at_once))
            )
            reply = next((reply for reply in replies if reply is not None), None)
            if reply is not None:
                await asyncio.sleep(self._rng.uniform(0, PAUSE_S))
                return reply
            await asyncio.sleep(self._rng.uniform(0, 1.2 if leaves else 0.1))
            leaves = False

    def _build_body(self, message: Message) -> dict[str, Any]:
        body = {"message": message.text, "message_id": message.id}
        if self._session_id is None:
            return {**body, "opening_key": self._opening_key}
        return {**body, "session_id": self._session_id}

    async def _try(
        self, message: Message, body: dict[str, Any], *, leaves: bool
    ) -> dict[str, Any] | None:
        """Send a message once; ``None`` when there is no answer, whyever."""
        try:
            if leaves or self._rng.random() < 0.6:
                return await self._stream(message, body, leaves=leaves)
            answer = await self._http.post("/chat/message", json=body)
            return self._take(message, answer.status_code, answer.content)
        except httpx.TransportError:
            self._journal.counts["cut off"] += 1
            return None

    async def _stream(
        self, message: Message, body: dict[str, Any], *, leaves: bool
    ) -> dict[str, Any] | None:
        headers = {"Accept": EVENT_STREAM}
        async with self._http.stream("POST", "/chat/message", json=body, headers=headers) as answer:
            if answer.status_code != 200:
                return self._take(message, answer.status_code, await answer.aread())
            async with aclosing(_read_events(answer)) as events:
                async for name, data in events:
                    if name == "session":
                        self._session_id = data["session_id"]
                        self._journal.acknowledge(message, data)
                        if leaves:
                            self._journal.counts["left"] += 1
                            return None
                    elif name == "message":
                        self._journal.answer(message, data)
                        return data
                    elif name == "error":
                        self._refused(message, data)
        return None

    def _take(self, message: Message, status: int, content: bytes) -> dict[str, Any] | None:
        data: dict[str, Any] = json.loads(content)
        if status != 200:
            self._refused(message, data)
            return None
        self._session_id = data["session_id"]
        self._journal.answer(message, data)
        return data

    def _refused(self, message: Message, problem: dict[str, Any]) -> None:
        self._journal.counts[f"refused: {problem['code']}"] += 1
        # As the widget does: what is the server's fault or a matter of time is sent again.
        if problem["status"] < 500 and problem["code"] != "turn_in_progress":
            self._journal.contradictions.append(f"message {message.id} was refused: {problem}")

    def _word(self) -> str:
        return "".join(self._rng.choices(LETTERS, k=12))


def has_tool(reply: dict[str, Any], status: str) -> bool:
    """Say whether a call in the reply has this status."""
    return any(tool["status"] == status for tool in reply["tools"])


async def _read_events(answer: httpx.Response) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    name = ""
    async with aclosing(answer.aiter_lines()) as lines:
        async for line in lines:
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield name, json.loads(line.removeprefix("data: "))
