"""Answers as server-sent events: order, ids, coming back after a lost connection."""

from __future__ import annotations

import asyncio
import random
import time
from itertools import pairwise

import httpx
import pytest

from tests.fakes.model_script import Stall
from tests.fakes.ollama_server import FakeOllama, Say, Step
from tests.http.clients import (
    EVENT_STREAM,
    Event,
    Visitor,
    check_problem,
    read_demo_key,
    read_events,
)
from tests.http.running_server import serving
from tests.http.slow_ollama import ANSWER, GatedOllama, say_answer, use_ollama
from tests.loopback import DIRECT

pytestmark = pytest.mark.stored

QUESTION = "Where is my order 12345?"
KEEP_ALIVE_S = 15.0
LEAVING_S = 1.0


def read_until_done(events) -> list[Event]:
    found = []
    for event in events:
        found.append(event)
        if event.name == "done":
            return found
    raise AssertionError(f"The stream ended without `done`: {found}")


def text_of(events: list[Event]) -> str:
    return "".join(event.data["text"] for event in events if event.name == "delta")


def test_the_events_of_an_answer(visitor):
    events = visitor.stream(QUESTION)
    names = [event.name for event in events]
    assert names[0] == "session"
    assert names[-2:] == ["message", "done"]
    assert set(names[1:-2]) == {"tool", "delta"}
    assert names.index("tool") < names.index("delta")
    ids = [event.id for event in events]
    assert all(later > earlier for earlier, later in pairwise(ids))
    assert events[-1].data == {}


def test_the_stream_tells_what_the_json_reply_tells(visitor):
    events = visitor.stream(QUESTION)
    session, message = events[0].data, events[-2].data
    assert set(session) == {"session_id", "conversation_id", "user_message_id"}
    assert message["session_id"] == session["session_id"]
    assert message["conversation_id"] == session["conversation_id"]
    assert text_of(events) == message["message"]["content"]
    plain = Visitor.ask(visitor, QUESTION)
    assert set(plain) == set(message)
    assert plain["message"]["content"] == message["message"]["content"]


def test_a_tool_is_told_of_from_start_to_end(visitor):
    tools = [event.data for event in visitor.stream(QUESTION) if event.name == "tool"]
    assert [tool["status"] for tool in tools] == ["running", "succeeded"]
    assert {tool["name"] for tool in tools} == {"get_order_status"}
    assert len({tool["call_id"] for tool in tools}) == 1


def test_a_stream_is_not_buffered_or_cached(visitor):
    body = {"message": "hello"}
    with visitor.http.stream(
        "POST", "/chat/message", json=body, headers={"Accept": EVENT_STREAM}
    ) as answer:
        assert "no-cache" in answer.headers["cache-control"]
        assert answer.headers["x-accel-buffering"] == "no"
        assert answer.headers["x-request-id"]
        answer.read()


def test_what_was_missed_is_sent_again(visitor):
    events = visitor.stream(QUESTION)
    for position in (0, len(events) // 2, len(events) - 2):
        with visitor.following(after_id=events[position].id) as again:
            assert read_until_done(again) == events[position + 1 :]
    with visitor.following(after_id=0) as again:
        assert read_until_done(again) == events
    assert len(visitor.history()) == 2


def read_cut(answer: httpx.Response, size: int) -> list[Event]:
    """Return the whole events of the first ``size`` bytes; the connection is closed behind them."""
    received = b""
    for piece in answer.iter_raw():
        received += piece
        if len(received) >= size or b"event: done" in received:
            break
    *whole, _cut = received[:size].split(b"\n\n")
    return list(read_events(b"\n\n".join((*whole, b"")).decode().splitlines()))


def test_a_visitor_whose_connection_is_cut_again_and_again_misses_nothing(visitor):
    dice = random.Random(7)
    seen, cuts, turns = visitor.stream("hello"), 0, 6
    path = f"/chat/events/{visitor.session_id}"
    for number in range(turns):
        body = {"message": QUESTION, "session_id": visitor.session_id, "message_id": f"m{number}"}
        headers = {"Accept": EVENT_STREAM}
        send = visitor.http.build_request("POST", "/chat/message", json=body, headers=headers)
        request, turn = send, []
        while not turn or turn[-1].name != "done":
            last_id = (seen + turn)[-1].id
            answer = visitor.http.send(request, stream=True)
            found = read_cut(answer, dice.randint(0, 1_000))
            answer.close()
            cuts += 1
            turn += [event for event in found if event.id > last_id]
            assert request is send or turn[len(turn) - len(found) :] == found
            headers = {"Accept": EVENT_STREAM, "Last-Event-ID": str((seen + turn)[-1].id)}
            resume = visitor.http.build_request("GET", path, headers=headers)
            request = dice.choice((send, resume, resume, resume))
        seen += turn
    with visitor.following(after_id=0) as uncut:
        told = [event for _ in range(1 + turns) for event in read_until_done(uncut)]
    assert seen == told
    assert cuts > 40


def test_following_goes_on_with_the_next_turn(visitor):
    events = visitor.stream(QUESTION)
    with visitor.following(after_id=events[-1].id) as coming:
        second = visitor.stream("When are you open?")
        assert read_until_done(coming) == second
    assert second[0].id > events[-1].id


def test_a_last_event_id_from_nowhere_does_no_harm(visitor):
    events = visitor.stream(QUESTION)
    for given in ("-1", "1e3", "x" * 300, "99999999999999999999999"):
        headers = {"Last-Event-ID": given, "Accept": EVENT_STREAM}
        path = f"/chat/events/{visitor.session_id}"
        with visitor.http.stream("GET", path, headers=headers) as answer:
            assert answer.status_code == 200
    assert events[-1].name == "done"


def test_a_session_that_is_not_of_this_shop_cannot_be_followed(visitor, shopper):
    visitor.ask("hello")
    for session_id in (visitor.session_id, "vs_unknown"):
        answer = shopper.http.get(f"/chat/events/{session_id}")
        check_problem(answer, 404, "session_not_found")


def test_a_quiet_stream_is_kept_awake(visitor):
    visitor.ask("hello")
    path = f"/chat/events/{visitor.session_id}"
    started = time.monotonic()
    timeout = httpx.Timeout(5, read=KEEP_ALIVE_S)
    with visitor.http.stream("GET", path, timeout=timeout) as answer:
        pieces = answer.iter_raw()
        assert next(pieces).startswith(b"event: state")
        comment = next(pieces)
    assert comment.startswith(b":")
    assert comment.endswith(b"\n\n")
    assert time.monotonic() - started < KEEP_ALIVE_S


async def test_text_arrives_while_the_model_still_writes(tmp_path):
    """The model stops after two pieces and never ends: whatever arrives was not held back."""
    stalled = Stall(Say(text=("One ", "two ", "three")), after_events=2)
    async with (
        FakeOllama(lambda _: stalled) as ollama,
        serving(tmp_path, settings=use_ollama(ollama)) as server,
    ):
        visitor = Visitor(server, await asyncio.to_thread(read_demo_key, server))

        def read_beginning() -> list[Event]:
            found: list[Event] = []
            with visitor.streaming("Tell me something") as events:
                while text_of(found) != "One two ":
                    found.append(next(events))
            return found

        found = await asyncio.wait_for(asyncio.to_thread(read_beginning), 10)
        assert found[0].name == "session"
        await asyncio.wait_for(ollama.has_hung_up.wait(), LEAVING_S)
        visitor.session_id = found[0].data["session_id"]
        lines = await asyncio.to_thread(visitor.lines)
        assert lines[0] == ("user", "Tell me something")
        visitor.http.close()


@pytest.mark.alone
@pytest.mark.parametrize("accept", [EVENT_STREAM, "application/json"])
async def test_the_model_is_left_when_the_visitor_leaves(tmp_path, accept):
    async with (
        FakeOllama(lambda _: Stall(Say(), after_events=None)) as ollama,
        serving(tmp_path, settings=use_ollama(ollama)) as server,
    ):
        key = await asyncio.to_thread(read_demo_key, server)
        async with httpx.AsyncClient(base_url=server.base_url, **DIRECT) as client:
            asking = asyncio.create_task(
                client.post(
                    "/chat/message",
                    json={"message": "Tell me something"},
                    headers={"X-API-Key": key, "Accept": accept},
                    timeout=30,
                )
            )
            await asyncio.wait_for(ollama.has_chat.wait(), 10)
            asking.cancel()
            left = time.monotonic()
            await asyncio.wait_for(ollama.has_hung_up.wait(), 5)
            assert time.monotonic() - left < LEAVING_S


async def test_two_listeners_get_the_same_answer(tmp_path):
    async with (
        GatedOllama(say_answer) as ollama,
        serving(tmp_path, settings=use_ollama(ollama)) as server,
    ):
        visitor = Visitor(server, await asyncio.to_thread(read_demo_key, server))

        def begin() -> None:
            with visitor.streaming("Is it warm?", message_id="m-1") as events:
                visitor.session_id = next(events).data["session_id"]

        def follow() -> list[Event]:
            with visitor.following(after_id=0) as events:
                return read_until_done(events)

        def send_again() -> list[Event]:
            return visitor.stream("Is it warm?", message_id="m-1")

        await asyncio.to_thread(begin)
        listeners = [asyncio.to_thread(listen) for listen in (follow, follow, send_again)]
        together = asyncio.gather(*listeners)
        await asyncio.wait_for(ollama.has_chat.wait(), 10)
        ollama.gate.set()
        first, second, third = await asyncio.wait_for(together, 20)
        assert first == second == third
        assert text_of(first) == ANSWER
        assert len(ollama.chats) == 1
        visitor.http.close()


async def test_a_stream_ends_well_when_the_model_hangs_up(tmp_path):

    def refuse(_: dict[str, object]) -> Step:
        raise ConnectionError

    async with (
        FakeOllama(refuse) as ollama,
        serving(tmp_path, settings=use_ollama(ollama)) as server,
    ):
        server.expect("model_failed", "provider", "degraded", "fallback")
        visitor = Visitor(server, await asyncio.to_thread(read_demo_key, server))
        events = await asyncio.to_thread(visitor.stream, "When are you open?")
        assert [event.name for event in events[-2:]] == ["message", "done"]
        assert events[-2].data["degraded"] is True
        assert "11:00" in events[-2].data["message"]["content"]
        visitor.http.close()
