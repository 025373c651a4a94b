"""Running and recent turns as streams of numbered events, for any number of listeners.

Owns fan-out, replay and noticing that nobody listens any more; what the events are is decided by
``appliance.services.turns``, their wire form by ``appliance.web.sse``.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from itertools import accumulate, groupby
from typing import NamedTuple

from msgspec import Struct

from appliance.domain.ids import ConversationId, MessageId, TenantId
from appliance.domain.live_events import LiveEvent
from appliance.domain.turn_events import AnswerDelta, TurnEvent, TurnFailed, TurnFinished
from appliance.ports.clock import Clock

KEEP_S = 900.0
"""Counted from a turn's beginning: ten minutes behind the end of the longest one."""
MAX_KEPT = 2_000
EVENTS_PER_TURN = 1_000_000
PEOPLE_FROM = 500_000
"""From here on the ids of a turn are those of what people wrote behind it."""
EVENTS_PER_REPLAY = 10
"""The ids before, for its answer read from storage: behind all that were sent while it ran.
"""
ABANDON_AFTER_S = 0.7
"""How long a turn goes on when its last listener has left; a listener may come back in time."""


class NumberedEvent(Struct, frozen=True):
    """An event with its id, which increases over all turns of a conversation."""

    id: int
    event: TurnEvent


Following = list[NumberedEvent] | list[LiveEvent]
"""What happened at the same time, of one kind."""


async def tell_nothing(before_id: int | None) -> list[LiveEvent]:
    """Tell of nothing but turns."""
    return []


class _Text(NamedTuple):
    """Consecutive deltas, folded: their text, and where in it each one ends."""

    first_id: int
    text: str
    ends: array[int]

    def unfold(self) -> list[NumberedEvent]:
        starts = (0, *self.ends[:-1])
        return [
            NumberedEvent(self.first_id + index, AnswerDelta(text=self.text[start:end]))
            for index, (start, end) in enumerate(zip(starts, self.ends, strict=True))
        ]


def _fold(events: list[NumberedEvent]) -> list[NumberedEvent | _Text]:
    folded: list[NumberedEvent | _Text] = []
    for is_text, run in groupby(events, key=lambda item: isinstance(item.event, AnswerDelta)):
        group = list(run)
        if not is_text:
            folded.extend(group)
            continue
        texts = [item.event.text for item in group if isinstance(item.event, AnswerDelta)]
        ends = array("L", accumulate(map(len, texts)))
        folded.append(_Text(group[0].id, "".join(texts), ends))
    return folded


class TurnStream:
    """The events of one turn, from its beginning on.

    A finished turn that nobody listens to is kept folded: its deltas take some bytes each instead
    of some hundred.

    Args:
        turn_number: Counts the conversation's turns; the ids of a later turn are greater.
        is_replay: The turn is over, and its events as they happened are kept no more.
        on_abandoned: Called once when nobody has listened for a while and the turn still runs.
        may_abandon: Asked before; a turn may have to end by itself though nobody listens.
        on_stopped: Called when the visitor wants no more of the answer.
    """

    def __init__(
        self,
        *,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        user_message_id: MessageId,
        turn_number: int,
        is_replay: bool = False,
        on_abandoned: Callable[[], None] | None = None,
        may_abandon: Callable[[], bool] = lambda: True,
        on_stopped: Callable[[], None] = lambda: None,
    ) -> None:
        self.tenant_id = tenant_id
        self.conversation_id = conversation_id
        self.user_message_id = user_message_id
        self.is_finished = False
        self._events: list[NumberedEvent] = []
        self._folded: list[NumberedEvent | _Text] | None = None
        self._first_id = turn_number * EVENTS_PER_TURN
        if is_replay:
            self._first_id += PEOPLE_FROM - EVENTS_PER_REPLAY
        self._on_abandoned = on_abandoned
        self._may_abandon = may_abandon
        self._on_stopped = on_stopped
        self._last: NumberedEvent | None = None
        self._listeners = 0
        self._changed: set[asyncio.Event] = set()
        self._ends: set[asyncio.Future[None]] = set()
        self._abandon_timer: asyncio.TimerHandle | None = None

    @property
    def events(self) -> list[NumberedEvent]:
        """What was published so far."""
        if self._folded is None:
            return self._events
        return [
            event
            for item in self._folded
            for event in (item.unfold() if isinstance(item, _Text) else [item])
        ]

    @property
    def first_id(self) -> int:
        """The id of the first event."""
        return self._first_id

    @property
    def last_id(self) -> int:
        """The id of the newest event, or of the one before the first."""
        return self._last.id if self._last else self._first_id - 1

    @property
    def has_failed(self) -> bool:
        """Say whether the turn ended without an answer."""
        return self._last is not None and isinstance(self._last.event, TurnFailed)

    def publish(self, event: TurnEvent) -> None:
        """Append ``event`` and wake the listeners; the last event of a turn closes the stream."""
        self._last = NumberedEvent(self.last_id + 1, event)
        self._events.append(self._last)
        if isinstance(event, TurnFinished | TurnFailed):
            self.is_finished = True
            for end in self._ends:
                if not end.done():
                    end.set_result(None)
            self._stop_timer()
            self._fold_when_unheard()
        for changed in self._changed:
            changed.set()

    def abandon(self) -> None:
        """End the turn if it still runs, whoever listens."""
        self._stop_timer()
        if not self.is_finished and self._on_abandoned is not None:
            self._on_abandoned()

    def stop(self) -> bool:
        """Let the turn end with what there is of its answer; false when it is over."""
        if self.is_finished:
            return False
        self._on_stopped()
        return True

    async def listen(self, *, after_id: int = -1) -> AsyncGenerator[list[NumberedEvent], None]:
        """Yield the events behind ``after_id``, those to come too, until the turn is over.

        What is there at the same time comes as one batch, never empty.
        """
        changed = asyncio.Event()
        position = 0
        with self._heard():
            self._changed.add(changed)
            try:
                while True:
                    events = self.events
                    batch = [event for event in events[position:] if event.id > after_id]
                    position = len(events)
                    if batch:
                        yield batch
                        continue
                    if self.is_finished:
                        return
                    changed.clear()
                    await changed.wait()
            finally:
                self._changed.discard(changed)

    async def wait_for_end(
        self, *, unless: asyncio.Future[None] | None = None
    ) -> TurnFinished | TurnFailed | None:
        """Return the last event, once it is there; who waits counts as listening.

        ``None`` when ``unless`` is done before.
        """
        end = asyncio.get_running_loop().create_future()
        with self._heard():
            if not self.is_finished:
                self._ends.add(end)
                try:
                    await asyncio.wait(
                        {end} if unless is None else {end, unless},
                        return_when=asyncio.FIRST_COMPLETED,
                    )
                finally:
                    self._ends.discard(end)
        last = self._last.event if self._last else None
        return last if isinstance(last, TurnFinished | TurnFailed) else None

    @contextmanager
    def _heard(self) -> Iterator[None]:
        self._listeners += 1
        self._stop_timer()
        try:
            yield
        finally:
            self._listeners -= 1
            if self._listeners == 0 and not self.is_finished:
                self._start_timer()
            self._fold_when_unheard()

    def _fold_when_unheard(self) -> None:
        if self.is_finished and self._listeners == 0 and self._folded is None:
            self._folded = _fold(self._events)
            self._events = []

    def _start_timer(self) -> None:
        if self._on_abandoned is not None:
            loop = asyncio.get_running_loop()
            self._abandon_timer = loop.call_later(ABANDON_AFTER_S, self._give_up)

    def _give_up(self) -> None:
        if self._may_abandon():
            self.abandon()

    def _stop_timer(self) -> None:
        if self._abandon_timer is not None:
            self._abandon_timer.cancel()
            self._abandon_timer = None


class _Bell:
    """What an ``asyncio.Event`` is for one that waits, at a third of its size."""

    __slots__ = ("_is_rung", "_waiting")

    def __init__(self) -> None:
        self._is_rung = False
        self._waiting: asyncio.Future[None] | None = None

    def ring(self) -> None:
        self._is_rung = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def clear(self) -> None:
        self._is_rung = False

    async def wait(self) -> None:
        """Return once it was rung since it was cleared."""
        if not self._is_rung:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting


class TurnStreams:
    """The running turns and those that ended lately, bounded in number."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._added_at: dict[TurnStream, float] = {}  # the oldest first
        self._newest: dict[MessageId, TurnStream] = {}
        self._by_conversation: dict[ConversationId, list[TurnStream]] = {}
        self._followers: dict[ConversationId, set[_Bell]] = {}

    def add(self, stream: TurnStream) -> None:
        """Keep ``stream``; an earlier one for the same message has failed, as followers hear."""
        now = self._clock.monotonic()
        self._added_at[stream] = now
        self._newest[stream.user_message_id] = stream
        self._by_conversation.setdefault(stream.conversation_id, []).append(stream)
        self._forget_old(now)
        self.wake(stream.conversation_id)

    def find(self, user_message_id: MessageId) -> TurnStream | None:
        """Return the stream of the turn that answers this message, the newest of several."""
        return self._newest.get(user_message_id)

    def find_running(self, conversation_id: ConversationId) -> TurnStream | None:
        """Return the stream of the conversation's turn that runs here."""
        streams = self._by_conversation.get(conversation_id, ())
        return next((stream for stream in streams if not stream.is_finished), None)

    def forget(self, conversation_id: ConversationId) -> None:
        """Drop the conversation's turns, end the one that runs, and send its followers away."""
        followers = self._followers.pop(conversation_id, set())
        for stream in tuple(self._by_conversation.get(conversation_id, ())):
            self._remove(stream)
            stream.abandon()
        for begun in followers:
            begun.ring()

    def forget_tenant(self, tenant_id: TenantId) -> None:
        """Do so with all conversations of a tenant."""
        for conversation_id in {
            stream.conversation_id for stream in self._added_at if stream.tenant_id == tenant_id
        }:
            self.forget(conversation_id)

    def wake(self, conversation_id: ConversationId) -> None:
        """Have the conversation's followers ask what is to be told besides turns."""
        for begun in self._followers.get(conversation_id, ()):
            begun.ring()

    async def follow(
        self,
        conversation_id: ConversationId,
        *,
        after_id: int | None,
        tell_between: Callable[[int | None], Awaitable[list[LiveEvent]]] = tell_nothing,
    ) -> AsyncGenerator[Following, None]:
        """Yield a conversation's events, turn after turn, until it is forgotten.

        Args:
            conversation_id: Whose events.
            after_id: Begin behind this event; ``None`` begins with what happens from now on.
            tell_between: Asked for what else is to be told: before each turn, with the id of its
                first event, and with ``None`` when all turns were told.
        """
        begun = _Bell()
        followers = self._followers.setdefault(conversation_id, set())
        followers.add(begun)
        if after_id is None:
            after_id = max(
                (stream.last_id for stream in self._by_conversation.get(conversation_id, ())),
                default=-1,
            )
        try:
            while True:
                begun.clear()
                for stream in tuple(self._by_conversation.get(conversation_id, ())):
                    if stream.is_finished and stream.last_id <= after_id:
                        continue
                    if others := await tell_between(stream.first_id):
                        yield others
                    async with aclosing(stream.listen(after_id=after_id)) as batches:
                        async for batch in batches:
                            after_id = batch[-1].id
                            yield batch
                if others := await tell_between(None):
                    yield others
                await begun.wait()
                if self._followers.get(conversation_id) is not followers:
                    return  # the conversation was forgotten
        finally:
            followers.discard(begun)
            if not followers and self._followers.get(conversation_id) is followers:
                del self._followers[conversation_id]

    def _forget_old(self, now: float) -> None:
        old: list[TurnStream] = []
        for stream, added_at in self._added_at.items():
            is_old = now - added_at > KEEP_S or len(self._added_at) - len(old) > MAX_KEPT
            if not is_old:
                break
            if stream.is_finished:
                old.append(stream)
        for stream in old:
            self._remove(stream)

    def _remove(self, stream: TurnStream) -> None:
        del self._added_at[stream]
        if self._newest.get(stream.user_message_id) is stream:
            del self._newest[stream.user_message_id]
        siblings = self._by_conversation[stream.conversation_id]
        siblings.remove(stream)
        if not siblings:
            del self._by_conversation[stream.conversation_id]
