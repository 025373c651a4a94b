"""Events as a client reads them that loses its connection again and again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from functools import partial
from itertools import pairwise

from appliance.domain.ids import ConversationId, MessageId, TenantId
from appliance.domain.turn_events import (
    AnswerDelta,
    ToolProgress,
    TurnEvent,
    TurnFailed,
    TurnStarted,
)
from appliance.errors import TurnError
from appliance.services.turn_streams import EVENTS_PER_TURN, TurnStream, TurnStreams
from appliance.web.sse import ServerEvent, build_stream, encode_event
from appliance.web.turn_wire import Follow, encode_batches, encode_turn_event, follow_behind
from tests.fakes.clock import SettableClock
from tests.unit.appliance.services.test_turn_streams import finished

CONVERSATION = ConversationId("v1")
FAILED = TurnFailed(error=TurnError("No answer.", code="answer_unavailable"))
PIECES = ("The oven ", "is warm.\n\n", "data: x\n", "שלום ", "id: 7\r", "\u2028", "!")
CUTS = 1_000


def id_of(event: bytes) -> int:
    return int(event.split(b"\n", 1)[0].removeprefix(b"id: "))


def whole_events(received: bytes) -> list[bytes]:
    """Return the events that came to their end, as a client's parser finds them."""
    *whole, _cut = received.split(b"\n\n")
    return whole


def frames_of(batches: AsyncGenerator[list[ServerEvent], None]) -> AsyncGenerator[bytes, None]:
    frames = build_stream(batches).iterator
    assert isinstance(frames, AsyncGenerator)
    return frames


class Shop:
    """A conversation of some turns; one fails and is tried again."""

    def __init__(self, dice: random.Random) -> None:
        self.streams = TurnStreams(SettableClock())
        self.dice = dice
        self.turns: list[TurnStream] = []
        numbers = sorted(dice.sample(range(1, 50), dice.randint(2, 4)))
        failing = dice.randrange(len(numbers) - 1)
        self.script = [
            (number, f"m{failing if index == failing + 1 else index}", index == failing)
            for index, number in enumerate(numbers)
        ]

    def is_last(self, event: bytes) -> bool:
        is_in_last_turn = id_of(event) >= self.script[-1][0] * EVENTS_PER_TURN
        return is_in_last_turn and b"event: done" in event

    async def run(self) -> None:
        for number, message, is_failing in self.script:
            turn = TurnStream(
                tenant_id=TenantId("t1"),
                conversation_id=CONVERSATION,
                user_message_id=MessageId(message),
                turn_number=number,
            )
            self.turns.append(turn)
            self.streams.add(turn)
            for event in self._events(is_failing=is_failing):
                turn.publish(event)
                await self.pause()

    def _events(self, *, is_failing: bool) -> Iterator[TurnEvent]:
        yield TurnStarted(
            session_id="vs", conversation_id=CONVERSATION, user_message_id=MessageId("m")
        )
        yield ToolProgress(call_id="c", name="get_order_status", status="running")
        yield ToolProgress(call_id="c", name="get_order_status", status="succeeded")
        for _ in range(self.dice.randint(0, 30)):
            yield AnswerDelta(text=self.dice.choice(PIECES))
        yield FAILED if is_failing else finished("שלום")

    async def pause(self) -> None:
        """Let the others go on, for a moment or for some turns."""
        for _ in range(self.dice.choice((0, 1, 2, 5, 5, 20, 200))):
            await asyncio.sleep(0)

    def published(self) -> list[bytes]:
        """Return all events in order, each as it goes over the wire."""
        return [
            encode_event(event).removesuffix(b"\n\n")
            for turn in self.turns
            for numbered in turn.events
            for event in encode_turn_event(numbered)
        ]


def follow(streams: TurnStreams) -> Follow:
    return partial(streams.follow, CONVERSATION)


class Client:
    """Reads a conversation to the end of its last turn, over connections that are cut."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.seen: list[bytes] = []
        self.heard_from_then_on: list[list[bytes]] = []
        self.cuts = 0

    async def read_uncut(self) -> None:
        frames = frames_of(follow_behind(follow(self.shop.streams), "0"))
        self.seen = await self._receive(frames, size=10**9)

    async def read(self, publishing: asyncio.Task[None]) -> None:
        """Read on, cut again and again at any byte, until the last event was whole."""
        dice, streams = self.shop.dice, self.shop.streams
        while not (self.seen and self.shop.is_last(self.seen[-1])):
            way = dice.choice(("last", "last", "last", "before", "again", "none"))
            size = dice.randint(0, 400)
            if way == "none":
                frames = frames_of(follow_behind(follow(streams), ""))
                heard = await self._receive(frames, size, until=publishing)
                self.heard_from_then_on.append(heard)
            elif way == "again" and (turn := self._find_turn()):
                received = await self._receive(frames_of(encode_batches(turn.listen())), size)
                self.seen += [event for event in received if id_of(event) > self._last_id()]
            else:
                after_id = self._last_id(2 if way == "before" else 1)
                frames = frames_of(follow_behind(follow(streams), str(after_id)))
                received = await self._receive(frames, size)
                assert all(id_of(event) > after_id for event in received)
                self.seen += [event for event in received if id_of(event) > self._last_id()]
            await self.shop.pause()

    def _last_id(self, back: int = 1) -> int:
        return id_of(self.seen[-back]) if len(self.seen) >= back else 0

    def _find_turn(self) -> TurnStream | None:
        """Return the turn that the client waits for: it sends that message again."""
        ends = (turn for turn in self.shop.turns if turn.last_id + 1 > self._last_id())
        return next(ends, None)

    async def _receive(
        self,
        frames: AsyncGenerator[bytes, None],
        size: int,
        until: asyncio.Task[None] | None = None,
    ) -> list[bytes]:
        """Return the events of the first ``size`` bytes that are whole, and hang up."""
        received = bytearray()
        async with aclosing(frames):
            while len(received) < size:
                coming = asyncio.ensure_future(anext(frames, b""))
                waiting = {coming} if until is None else {coming, until}
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    coming.cancel()
                    await asyncio.wait({coming})
                    break
                received += coming.result()
                whole = whole_events(bytes(received))
                if not coming.result() or self.shop.is_last(whole[-1]):
                    break
        self.cuts += 1
        return whole_events(bytes(received[:size]))


async def test_a_thousand_cuts_lose_nothing_and_double_nothing() -> None:
    """Two clients at a time; a failure names its seed."""
    cuts, seed = 0, 0
    while cuts < CUTS:
        seed += 1
        shop = Shop(random.Random(seed))
        clients, uncut = [Client(shop), Client(shop)], Client(shop)
        async with asyncio.timeout(10):
            publishing = asyncio.create_task(shop.run())
            await asyncio.gather(
                publishing, uncut.read_uncut(), *(client.read(publishing) for client in clients)
            )
        all_events = shop.published()
        assert uncut.seen == all_events, seed
        assert all(id_of(one) < id_of(next_) for one, next_ in pairwise(all_events)), seed
        for turn in shop.turns:
            names = [event.name for item in turn.events for event in encode_turn_event(item)]
            assert names.index("done") == len(names) - 1, seed
        for client in clients:
            assert client.seen == all_events, seed
            for heard in filter(None, client.heard_from_then_on):
                begin = all_events.index(heard[0])
                assert all_events[begin : begin + len(heard)] == heard, seed
            cuts += client.cuts
    assert not asyncio.all_tasks() - {asyncio.current_task()}


async def test_what_is_no_event_id_begins_with_what_happens_from_now_on() -> None:
    streams = TurnStreams(SettableClock())
    turn = TurnStream(
        tenant_id=TenantId("t1"),
        conversation_id=CONVERSATION,
        user_message_id=MessageId("m"),
        turn_number=1,
    )
    streams.add(turn)
    turn.publish(AnswerDelta(text="before"))
    for given in ("", "-1", "1e3", "\u0661", "9" * 19):
        async with aclosing(follow_behind(follow(streams), given)) as batches:
            coming = asyncio.ensure_future(anext(batches))
            await asyncio.sleep(0)
            turn.publish(AnswerDelta(text="now"))
            assert [event.data for event in await coming] == [b'{"text":"now"}']
