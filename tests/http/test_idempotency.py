"""One turn for one message, however often and from wherever it is sent."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.http.clients import Visitor, check_problem, read_demo_key
from tests.http.running_server import RunningServer, serving
from tests.http.slow_ollama import GatedOllama, echo, use_ollama
from tests.http.stored_rows import read_rows

pytestmark = pytest.mark.stored

AT_ONCE = 20


def test_the_same_message_again_gets_the_stored_answer(visitor):
    visitor.ask("hello")
    first = visitor.ask("Where is my order 12345?", message_id="m-1")
    again = visitor.ask("Where is my order 12345?", message_id="m-1")
    assert again == first
    assert len(visitor.history()) == 4


def test_the_same_message_again_as_a_stream(visitor):
    visitor.ask("hello")
    first = visitor.ask("Where is my order 12345?", message_id="m-1")
    events = visitor.stream("Where is my order 12345?", message_id="m-1")
    assert events[0].name == "session"
    assert events[-2].data == first
    assert len(visitor.history()) == 4


def test_trimmed_text_is_the_same_text(visitor):
    visitor.ask("hello")
    first = visitor.ask("When are you open?", message_id="m-1")
    assert visitor.ask("  When are you open?\n", message_id="m-1") == first


def test_another_text_under_the_same_id_is_refused(visitor):
    visitor.ask("hello", message_id="m-1")
    before = visitor.history()
    check_problem(visitor.post("goodbye", message_id="m-1"), 409, "idempotency_mismatch")
    assert visitor.history() == before


def test_the_same_id_in_another_session_is_another_message(visitor):
    first = visitor.ask("hello", message_id="m-1")
    visitor.session_id = None
    second = visitor.ask("When are you open?", message_id="m-1")
    assert second["session_id"] != first["session_id"]
    assert len(visitor.history()) == 2


def test_a_first_message_sent_again_finds_its_session(visitor):
    opening = {"message_id": "m-1", "opening_key": "a" * 20 + "B-_9" * 5}
    first = visitor.ask("Where is my order 12345?", **opening)
    visitor.session_id = None
    assert visitor.ask("Where is my order 12345?", **opening) == first
    assert len(visitor.history()) == 2
    visitor.session_id = None
    for changed in ({"message_id": "m-2"}, {"message": "Who else asked that?"}):
        body = {"message": "Where is my order 12345?", **opening, **changed}
        answer = visitor.http.post("/chat/message", json=body)
        check_problem(answer, 409, "idempotency_mismatch")
        assert first["session_id"] not in answer.text
    del opening["opening_key"]
    assert visitor.ask("Where is my order 12345?", **opening)["session_id"] != first["session_id"]


@pytest.mark.parametrize("key", ["short", "a" * 31, "a" * 129, "with blanks " * 4, "ä" * 40])
def test_a_key_that_could_be_guessed_is_refused(visitor, key):
    answer = visitor.post("hello", message_id="m-1", opening_key=key)
    problem = check_problem(answer, 400, answer.json()["code"])
    assert [error["field"] for error in problem["errors"]] == ["opening_key"]


def test_a_key_is_of_one_shop(visitor, shopper):
    opening = {"message_id": "m-1", "opening_key": "k" * 64}
    first = visitor.ask("hello", **opening)
    assert shopper.ask("hello", **opening)["session_id"] != first["session_id"]


def test_a_message_sent_at_once_runs_one_turn(visitor: Visitor, demo_server: RunningServer):
    visitor.ask("hello")
    conversation_id = visitor.ask("hello again")["conversation_id"]

    def send(_: int) -> str:
        answer = visitor.post("Where is my order 12345?", message_id="m-1")
        assert answer.status_code == 200, answer.text
        return answer.text

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(send, range(AT_ONCE)))
    assert len(set(answers)) == 1
    assert len(visitor.history()) == 6
    runs = read_rows(
        demo_server.database,
        "SELECT count(*) FROM tool_executions WHERE conversation_id = ?",
        conversation_id,
    )
    assert runs == [(1,)]


async def test_while_an_answer_is_made_its_message_joins_and_another_waits(tmp_path):
    async with (
        GatedOllama(echo) as ollama,
        serving(tmp_path, settings=use_ollama(ollama)) as server,
    ):
        visitor = Visitor(server, await asyncio.to_thread(read_demo_key, server))
        ollama.gate.set()
        await asyncio.to_thread(visitor.ask, "hello")
        ollama.gate.clear()
        ollama.has_chat.clear()
        asking = [
            asyncio.create_task(asyncio.to_thread(visitor.post, "Is it warm?", message_id="m-1"))
            for _ in range(AT_ONCE // 4)
        ]
        await asyncio.wait_for(ollama.has_chat.wait(), 10)
        other = await asyncio.to_thread(visitor.post, "Is it cold?", message_id="m-2")
        check_problem(other, 409, "turn_in_progress")
        assert int(other.headers["retry-after"]) >= 1
        without_id = await asyncio.to_thread(visitor.post, "Is it warm?")
        check_problem(without_id, 409, "turn_in_progress")
        ollama.gate.set()
        answers = await asyncio.wait_for(asyncio.gather(*asking), 20)
        contents = {answer.json()["message"]["content"] for answer in answers}
        assert contents == {"You ask: Is it warm?"}
        assert len({answer.json()["message"]["id"] for answer in answers}) == 1
        assert len(ollama.chats) == 2
        reply = await asyncio.to_thread(visitor.ask, "Is it cold?", message_id="m-2")
        assert reply["message"]["content"] == "You ask: Is it cold?"
        assert len(await asyncio.to_thread(visitor.history)) == 6
        visitor.http.close()
