from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime

import pytest

from appliance.domain.ids import ConversationId, MessageId, TenantId
from appliance.domain.message import ChatReply, ReplyMessage, ReplyUsage
from appliance.domain.turn_events import AnswerDelta, TurnFailed, TurnFinished
from appliance.errors import Cancelled
from appliance.services import turn_streams
from appliance.services.turn_streams import NumberedEvent, TurnStream, TurnStreams
from tests.fakes.clock import SettableClock

CONVERSATION = ConversationId("v1")
FAILED = TurnFailed(error=Cancelled("Gone."))


def finished(text: str = "Done.") -> TurnFinished:
    message = ReplyMessage(
        id=MessageId("a"), content=text, created_at=datetime(2026, 3, 2, tzinfo=UTC)
    )
    usage = ReplyUsage(input_tokens=0, output_tokens=0)
    return TurnFinished(
        reply=ChatReply(
            session_id="vs", conversation_id=CONVERSATION, message=message, usage=usage, model="m"
        )
    )


def build_stream(number: int = 1, message: str = "m", conversation: str = "v1") -> TurnStream:
    return TurnStream(
        tenant_id=TenantId("t1"),
        conversation_id=ConversationId(conversation),
        user_message_id=MessageId(message),
        turn_number=number,
    )


def publish(stream: TurnStream, *texts: str) -> None:
    for text in texts:
        stream.publish(AnswerDelta(text=text))


def texts(events: list[NumberedEvent]) -> list[str]:
    return [numbered.event.text for numbered in events if isinstance(numbered.event, AnswerDelta)]


async def collect(batches: AsyncGenerator[list[NumberedEvent], None]) -> list[NumberedEvent]:
    async with aclosing(batches):
        return [event async for batch in batches for event in batch]


async def test_a_late_listener_gets_all_from_the_beginning_in_one_batch() -> None:
    stream = build_stream()
    publish(stream, "a", "b")
    stream.publish(finished())
    batches = [batch async for batch in stream.listen()]
    assert [len(batch) for batch in batches] == [3]
    assert texts(batches[0]) == ["a", "b"]


async def test_a_listener_hears_what_follows_as_it_comes() -> None:
    stream = build_stream()
    publish(stream, "a")
    async with aclosing(stream.listen()) as batches:
        assert texts(await anext(batches)) == ["a"]
        coming = asyncio.ensure_future(anext(batches))
        await asyncio.sleep(0)
        assert not coming.done()
        publish(stream, "b")
        assert texts(await coming) == ["b"]
        stream.publish(finished())
        assert len(await anext(batches)) == 1
        with pytest.raises(StopAsyncIteration):
            await anext(batches)


@pytest.mark.parametrize("missed", range(4))
async def test_a_listener_that_comes_back_gets_what_it_missed(missed: int) -> None:
    stream = build_stream()
    publish(stream, "a", "b")
    stream.publish(finished())
    after_id = stream.events[missed - 1].id if missed else -1
    assert await collect(stream.listen(after_id=after_id)) == stream.events[missed:]


async def test_all_listeners_hear_the_same() -> None:
    stream = build_stream()
    listeners = [asyncio.ensure_future(collect(stream.listen())) for _ in range(3)]
    await asyncio.sleep(0)
    publish(stream, "a", "b")
    stream.publish(finished())
    assert await asyncio.gather(*listeners) == [stream.events] * 3


def test_ids_increase_within_a_turn_and_over_turns() -> None:
    ids = []
    for number in (1, 2, 3):
        stream = build_stream(number)
        assert stream.last_id == number * turn_streams.EVENTS_PER_TURN - 1
        publish(stream, "a", "b")
        stream.publish(finished())
        ids += [event.id for event in stream.events]
        assert stream.last_id == ids[-1]
    assert ids == sorted(set(ids))


def test_the_longest_answer_has_ids_enough() -> None:
    """A tenant may allow 200,000 tokens in each of ten rounds' replies; most are one event."""
    first, second = build_stream(1), build_stream(2)
    first.publish(finished())
    second.publish(finished())
    assert second.events[0].id - first.events[0].id > 200_000


def test_only_a_turn_that_ended_without_an_answer_has_failed() -> None:
    stream = build_stream()
    assert not stream.has_failed
    publish(stream, "a")
    assert not stream.has_failed
    assert not stream.is_finished
    stream.publish(FAILED)
    assert stream.has_failed
    assert stream.is_finished


class Turn:
    """A stream that tells when it was abandoned."""

    def __init__(self, *, may_abandon: bool = True) -> None:
        self.abandoned = asyncio.Event()
        self.stream = TurnStream(
            tenant_id=TenantId("t1"),
            conversation_id=CONVERSATION,
            user_message_id=MessageId("m"),
            turn_number=1,
            on_abandoned=self.abandoned.set,
            may_abandon=lambda: may_abandon,
        )
        publish(self.stream, "a")

    async def join(self) -> AsyncGenerator[list[NumberedEvent], None]:
        listener = self.stream.listen()
        await anext(listener)
        return listener


async def pass_time() -> None:
    """Let every timer that is due by now fire."""
    passed = asyncio.Event()
    asyncio.get_running_loop().call_later(0, passed.set)
    await passed.wait()


@pytest.fixture
def _no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn_streams, "ABANDON_AFTER_S", 0.0)


@pytest.mark.usefixtures("_no_grace")
async def test_a_turn_is_abandoned_when_its_last_listener_stays_away() -> None:
    turn = Turn()
    first, second = await turn.join(), await turn.join()
    await first.aclose()
    await pass_time()
    assert not turn.abandoned.is_set()
    await second.aclose()
    await pass_time()
    assert turn.abandoned.is_set()


@pytest.mark.usefixtures("_no_grace")
async def test_a_turn_that_may_not_be_abandoned_goes_on_alone() -> None:
    turn = Turn(may_abandon=False)
    await (await turn.join()).aclose()
    await pass_time()
    assert not turn.abandoned.is_set()
    turn.stream.abandon()
    assert turn.abandoned.is_set()


@pytest.mark.usefixtures("_no_grace")
async def test_a_listener_that_comes_back_in_time_saves_the_turn() -> None:
    turn = Turn()
    await (await turn.join()).aclose()
    back = await turn.join()
    await pass_time()
    assert not turn.abandoned.is_set()
    await back.aclose()


@pytest.mark.usefixtures("_no_grace")
async def test_a_finished_turn_cannot_be_abandoned() -> None:
    turn = Turn()
    await (await turn.join()).aclose()
    turn.stream.publish(finished())
    await pass_time()
    late = await turn.join()
    await late.aclose()
    await pass_time()
    assert not turn.abandoned.is_set()


@pytest.mark.usefixtures("_no_grace")
async def test_a_turn_that_nobody_ever_listened_to_runs_to_its_end() -> None:
    turn = Turn()
    await pass_time()
    assert not turn.abandoned.is_set()


@pytest.mark.parametrize("end", [finished(), FAILED])
async def test_who_waits_for_the_end_gets_it_whenever_he_asks(
    end: TurnFinished | TurnFailed,
) -> None:
    stream = build_stream()
    waiting = asyncio.create_task(stream.wait_for_end())
    publish(stream, "a", "b")
    await pass_time()
    assert not waiting.done()
    stream.publish(end)
    assert await waiting is end
    assert await stream.wait_for_end() is end


async def test_who_waits_for_the_end_may_be_called_away() -> None:
    stream = build_stream()
    leaving: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(stream.wait_for_end(unless=leaving))
    await pass_time()
    leaving.set_result(None)
    assert await waiting is None


@pytest.mark.usefixtures("_no_grace")
async def test_who_waits_for_the_end_keeps_the_turn_until_he_leaves() -> None:
    turn = Turn()
    waiting = asyncio.create_task(turn.stream.wait_for_end())
    await (await turn.join()).aclose()
    await pass_time()
    assert not turn.abandoned.is_set()
    waiting.cancel()
    await asyncio.wait({waiting})
    await pass_time()
    assert turn.abandoned.is_set()


async def test_a_follower_hears_turn_after_turn() -> None:
    streams = TurnStreams(SettableClock())
    first = build_stream(1, "m1")
    publish(first, "a")
    streams.add(first)
    heard: list[NumberedEvent] = []
    async with aclosing(streams.follow(CONVERSATION, after_id=0)) as batches:
        heard += await anext(batches)
        first.publish(finished())
        heard += await anext(batches)
        coming = asyncio.ensure_future(anext(batches))
        await asyncio.sleep(0)
        second = build_stream(2, "m2")
        publish(second, "b")
        streams.add(second)
        heard += await coming
        second.publish(FAILED)
        heard += await anext(batches)
    assert heard == first.events + second.events


async def test_a_follower_from_now_on_hears_nothing_old() -> None:
    streams = TurnStreams(SettableClock())
    done, running = build_stream(1, "m1"), build_stream(2, "m2")
    publish(done, "old")
    done.publish(finished())
    publish(running, "before")
    streams.add(done)
    streams.add(running)
    async with aclosing(streams.follow(CONVERSATION, after_id=None)) as batches:
        coming = asyncio.ensure_future(anext(batches))
        await asyncio.sleep(0)
        publish(running, "now")
        assert texts(await coming) == ["now"]


async def test_a_follower_that_comes_back_continues_behind_the_last_event() -> None:
    streams = TurnStreams(SettableClock())
    first, second = build_stream(1, "m1"), build_stream(2, "m2")
    for stream, text in ((first, "a"), (second, "b")):
        publish(stream, text)
        stream.publish(finished())
        streams.add(stream)
    wire_id_of_done = first.last_id + 1
    async with aclosing(streams.follow(CONVERSATION, after_id=wire_id_of_done)) as batches:
        assert await anext(batches) == second.events


async def test_a_follower_hears_only_its_own_conversation() -> None:
    streams = TurnStreams(SettableClock())
    other = build_stream(1, "m1", conversation="v2")
    publish(other, "secret")
    streams.add(other)
    async with aclosing(streams.follow(CONVERSATION, after_id=0)) as batches:
        coming = asyncio.ensure_future(anext(batches))
        await asyncio.sleep(0)
        mine = build_stream(1, "m2")
        publish(mine, "mine")
        streams.add(mine)
        assert texts(await coming) == ["mine"]


async def test_a_retried_message_has_its_newest_stream_and_a_follower_hears_of_both() -> None:
    streams = TurnStreams(SettableClock())
    first, second = build_stream(1, "m1"), build_stream(2, "m1")
    first.publish(FAILED)
    streams.add(first)
    streams.add(second)
    second.publish(finished())
    assert streams.find(MessageId("m1")) is second
    assert streams.find(MessageId("m2")) is None
    async with aclosing(streams.follow(CONVERSATION, after_id=0)) as batches:
        assert await anext(batches) + await anext(batches) == first.events + second.events


def test_a_replay_is_numbered_behind_its_turn_and_before_the_next() -> None:
    turn, following = build_stream(4), build_stream(5)
    replay = TurnStream(
        tenant_id=TenantId("t1"),
        conversation_id=CONVERSATION,
        user_message_id=MessageId("m"),
        turn_number=4,
        is_replay=True,
    )
    publish(turn, *"ab" * 100)
    for stream in (turn, replay, following):
        stream.publish(FAILED)
    wire_id_of_done = replay.last_id + 1
    assert turn.last_id + 1 < replay.events[0].id
    assert wire_id_of_done < following.events[0].id


def test_a_turn_is_kept_ten_minutes_behind_its_end() -> None:
    clock = SettableClock()
    streams = TurnStreams(clock)
    longest = build_stream(1, "m1")
    streams.add(longest)
    clock.advance(300)
    longest.publish(finished())
    clock.advance(600)
    streams.add(build_stream(1, "other", conversation="v2"))
    assert streams.find(MessageId("m1")) is longest
    clock.advance(1)
    streams.add(build_stream(1, "another", conversation="v3"))
    assert streams.find(MessageId("m1")) is None


def test_memory_is_bounded_however_many_turns_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn_streams, "MAX_KEPT", 10)
    streams = TurnStreams(SettableClock())
    for number in range(100):
        stream = build_stream(number, f"m{number}", conversation=f"v{number}")
        stream.publish(finished())
        streams.add(stream)
    kept = [number for number in range(100) if streams.find(MessageId(f"m{number}"))]
    assert kept == list(range(90, 100))


def test_a_running_turn_is_never_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn_streams, "MAX_KEPT", 2)
    clock = SettableClock()
    streams = TurnStreams(clock)
    running = build_stream(1, "running")
    streams.add(running)
    clock.advance(10_000)
    for number in range(10):
        stream = build_stream(number, f"m{number}")
        stream.publish(finished())
        streams.add(stream)
    assert streams.find(MessageId("running")) is running


async def test_a_forgotten_conversation_ends_its_turn_and_sends_its_followers_away() -> None:
    streams, abandoned = TurnStreams(SettableClock()), list[str]()
    running = TurnStream(
        tenant_id=TenantId("t1"),
        conversation_id=CONVERSATION,
        user_message_id=MessageId("m1"),
        turn_number=1,
        on_abandoned=lambda: abandoned.append("m1"),
    )
    streams.add(running)
    other = build_stream(1, "m2", "v2")
    streams.add(other)
    publish(running, "a")
    following = asyncio.create_task(collect(streams.follow(CONVERSATION, after_id=-1)))
    await asyncio.sleep(0)
    streams.forget(CONVERSATION)
    assert abandoned == ["m1"]
    assert streams.find(MessageId("m1")) is None
    assert streams.find(MessageId("m2")) is other
    running.publish(FAILED)
    assert texts(await asyncio.wait_for(following, 5)) == ["a"]
    streams.forget(CONVERSATION)
    streams.forget_tenant(TenantId("t2"))
    assert streams.find(MessageId("m2")) is other
    streams.forget_tenant(TenantId("t1"))
    assert streams.find(MessageId("m2")) is None


async def test_who_follows_a_conversation_anew_is_not_disturbed_by_the_forgotten() -> None:
    streams = TurnStreams(SettableClock())
    first = asyncio.create_task(collect(streams.follow(CONVERSATION, after_id=None)))
    await asyncio.sleep(0)
    streams.forget(CONVERSATION)
    second = streams.follow(CONVERSATION, after_id=None)
    coming = asyncio.ensure_future(anext(second))
    await asyncio.wait_for(first, 5)
    await asyncio.sleep(0)
    stream = build_stream()
    streams.add(stream)
    publish(stream, "b")
    assert texts(await asyncio.wait_for(coming, 5)) == ["b"]
    await second.aclose()
