"""Stopping the answer that is being written, over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.fakes.model_script import Stall
from tests.fakes.ollama_server import FakeOllama, Say
from tests.http.clients import Operator, Visitor, check_problem, read_demo_key
from tests.http.running_server import serving, wait_until
from tests.http.slow_ollama import say, use_ollama

pytestmark = pytest.mark.stored


def stop(visitor: Visitor) -> dict[str, Any]:
    answer = visitor.http.post("/chat/stop", json={"session_id": visitor.session_id})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_visitor_stops_an_answer_and_goes_on(tmp_path):
    answers = [Stall(Say(text=("We bake ", "with rye ", "flour.")), after_events=2), say("Sure.")]
    async with (
        FakeOllama(lambda _: answers.pop(0)) as ollama,
        serving(tmp_path, settings=use_ollama(ollama)) as server,
    ):
        visitor = Visitor(server, await asyncio.to_thread(read_demo_key, server))
        stopping = Visitor(server, visitor.api_key)

        def talk() -> None:
            with visitor.streaming("Tell me about your bread", message_id="m-1") as events:
                stopping.session_id = visitor.session_id = next(events).data["session_id"]
                heard = ""
                while heard != "We bake with rye ":
                    event = next(events)
                    heard += event.data["text"] if event.name == "delta" else ""
                assert stop(stopping)["stopped"] is True
                message, done = (event for event in events if event.name)
            assert done.name == "done"
            assert message.data["message"]["content"] == "We bake with rye"
            assert message.data["degraded"] is False
            assert stop(stopping)["stopped"] is False
            again = visitor.ask("Tell me about your bread", message_id="m-1")
            assert again["message"] == message.data["message"]
            assert visitor.say("And oats?") == "Sure."
            assert visitor.lines() == [
                ("user", "Tell me about your bread"),
                ("assistant", "We bake with rye"),
                ("user", "And oats?"),
                ("assistant", "Sure."),
            ]
            operator = Operator(server)
            path = f"/conversations/{again['conversation_id']}"
            wait_until(lambda: operator.call("GET", path)["trace"], timeout_s=20, what="the trace")
            steps = operator.call("GET", path)["trace"][0]["steps"]
            assert "stopped" in [step["kind"] for step in steps]
            operator.http.close()

        await asyncio.wait_for(asyncio.to_thread(talk), 20)
        said = [m["content"] for m in ollama.chats[-1]["messages"] if m["role"] == "assistant"]
        assert said == ["We bake with rye"]
        visitor.http.close()
        stopping.http.close()


def test_where_nothing_is_being_written_nothing_is_stopped(visitor: Visitor):
    reply = visitor.ask("When are you open?")
    assert stop(visitor) == {
        "session_id": visitor.session_id,
        "conversation_id": reply["conversation_id"],
        "stopped": False,
    }


@pytest.mark.parametrize("session_id", ["vs_unknown", "x" * 500])
def test_a_session_that_never_was_is_not_found(visitor: Visitor, session_id: str):
    answer = visitor.http.post("/chat/stop", json={"session_id": session_id})
    check_problem(answer, 404, "session_not_found")


def test_a_session_of_another_shop_is_not_found(visitor: Visitor, shopper: Visitor):
    visitor.ask("hello")
    answer = shopper.http.post("/chat/stop", json={"session_id": visitor.session_id})
    check_problem(answer, 404, "session_not_found")


@pytest.mark.parametrize("body", [{}, {"session_id": ""}, {"session_id": "vs_1", "more": 1}])
def test_a_body_that_is_none_is_refused(visitor: Visitor, body: dict[str, object]):
    check_problem(visitor.http.post("/chat/stop", json=body), 400, "validation_failed")
