"""The same questions through a model with native tool calls, over Ollama's own protocol."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from appliance.paths import bundled_workflows
from appliance.workflows.bundled import load_bundled
from tests.fakes.model_script import CutOff, FailMidway, Send
from tests.fakes.obedient_model import ObedientModel
from tests.fakes.ollama_server import FakeOllama, Refuse, Say, Step
from tests.http.clients import (
    Event,
    Operator,
    Visitor,
    check_problem,
    read_demo_key,
    read_events,
)
from tests.http.running_server import serving
from tests.http.slow_ollama import use_ollama
from tests.http.stored_rows import read_bookings
from tests.loopback import DIRECT

FAILURES = ("model_", "provider", "fallback", "degraded")


def answer_obediently(body: dict[str, Any]) -> Step:
    text, calls = ObedientModel().answer(body["messages"], body.get("tools") or [])
    return Say(text=text, calls=calls)


async def test_the_demo_questions_through_a_model(tmp_path):
    async with (
        FakeOllama(answer_obediently) as ollama,
        serving(tmp_path, settings=use_ollama(ollama)) as server,
    ):
        visitor = Visitor(server, await asyncio.to_thread(read_demo_key, server))

        async def stream(text: str) -> tuple[str, list[tuple[str, str]], dict[str, Any]]:
            events = await asyncio.to_thread(visitor.stream, text)
            deltas = [event.data["text"] for event in events if event.name == "delta"]
            tools = [(e.data["name"], e.data["status"]) for e in events if e.name == "tool"]
            reply = events[-2].data
            assert "".join(deltas) == reply["message"]["content"]
            assert reply["model"] == "ollama/qwen3:4b"
            assert reply["degraded"] is False
            return reply["message"]["content"], tools, reply

        text, tools, reply = await stream("Where is my order 12345?")
        assert tools == [("get_order_status", "running"), ("get_order_status", "succeeded")]
        assert "out_for_delivery" in text or "out for delivery" in text
        assert reply["usage"] == {"input_tokens": 24, "output_tokens": 10}

        text, tools, _ = await stream("Do you have pepperoni pizza?")
        assert tools[-1] == ("check_inventory", "succeeded")
        assert "14.9" in text

        text, tools, _ = await stream("When are you open?")
        assert tools == []

        await stream("Book a table for 4 people tomorrow at 19:00")
        _, tools, reply = await stream("Rina Barak")
        assert tools[-1] == ("book_appointment", "needs_confirmation")
        assert len(reply["message"]["quick_replies"]) == 2
        text, tools, _ = await stream("yes")
        assert tools[-1] == ("book_appointment", "succeeded")
        assert "B-" in text
        visitor.http.close()

        first = ollama.chats[0]
        offered = {tool["function"]["name"] for tool in first["tools"]}
        assert offered == {tool.tool_name for tool in load_bundled(bundled_workflows())}
        assert "x-results" not in str(first["tools"])
        assert [m["content"] for m in first["messages"]].count("Where is my order 12345?") == 1
        health = await asyncio.to_thread(visitor_health, server.base_url)
        assert health["components"]["llm"]["provider"] == "ollama"


def visitor_health(base_url: str) -> dict[str, Any]:
    health: dict[str, Any] = httpx.get(f"{base_url}/health", **DIRECT).json()
    return health


@pytest.mark.parametrize(
    "failure",
    [
        Refuse(500, "the runner has died"),
        Send(b"<html>Bad gateway</html>", content_type="text/html"),
        Send(b'{"message": {"role": "assistant", "content'),
        FailMidway(Say(text=()), "out of memory"),
        CutOff(Say(text=("We open ",)), after_bytes=20),
    ],
    ids=["error", "html", "broken-json", "error-line", "cut-off"],
)
async def test_a_failing_model_is_not_the_visitors_problem(tmp_path, failure):
    async with (
        FakeOllama(lambda _: failure) as ollama,
        serving(tmp_path, settings=use_ollama(ollama)) as server,
    ):
        server.expect(*FAILURES)
        visitor = Visitor(server, await asyncio.to_thread(read_demo_key, server))
        reply = await asyncio.to_thread(visitor.ask, "When are you open?")
        assert reply["degraded"] is True
        assert "11:00" in reply["message"]["content"]
        assert ollama.chats
        visitor.http.close()


async def test_an_answer_that_breaks_off_keeps_what_was_said(tmp_path):
    async with (
        FakeOllama(lambda _: FailMidway(Say(text=("We open ", "at ")), "gone")) as ollama,
        serving(tmp_path, settings=use_ollama(ollama)) as server,
    ):
        server.expect(*FAILURES)
        visitor = Visitor(server, await asyncio.to_thread(read_demo_key, server))
        events = await asyncio.to_thread(visitor.stream, "When are you open?")
        reply = events[-2].data
        assert reply["degraded"] is True
        assert reply["message"]["content"].startswith("We open at")
        lines = await asyncio.to_thread(visitor.lines)
        assert lines == [
            ("user", "When are you open?"),
            ("assistant", reply["message"]["content"]),
        ]
        visitor.http.close()


async def test_a_model_that_invents_a_tool_runs_nothing(tmp_path):
    def invent(body: dict[str, Any]) -> Step:
        if body["messages"][-1]["role"] == "tool":
            return Say(text=("I cannot do that.",))
        return Say(calls=[{"name": "refund_everything", "arguments": {"amount": 1_000}}])

    async with (
        FakeOllama(invent) as ollama,
        serving(tmp_path, settings=use_ollama(ollama)) as server,
    ):
        visitor = Visitor(server, await asyncio.to_thread(read_demo_key, server))
        reply = await asyncio.to_thread(visitor.ask, "Refund me")
        assert reply["message"]["content"] == "I cannot do that."
        assert not [tool for tool in reply["tools"] if tool["status"] == "succeeded"]
        visitor.http.close()


async def test_a_model_that_confirms_for_the_visitor_books_nothing(tmp_path):
    def book(body: dict[str, Any]) -> Step:
        if body["messages"][-1]["role"] == "tool":
            return Say(text=("Your table is booked.",))
        arguments = {"date": "2099-01-01", "time": "19:00", "name": "Eve", "confirmed": True}
        return Say(calls=[{"name": "book_appointment", "arguments": arguments}])

    async with (
        FakeOllama(book) as ollama,
        serving(tmp_path, settings=use_ollama(ollama)) as server,
    ):
        before = read_bookings(server.database)
        visitor = Visitor(server, await asyncio.to_thread(read_demo_key, server))
        await asyncio.to_thread(visitor.ask, "hello")
        assert read_bookings(server.database) == before
        visitor.http.close()


async def test_the_local_model_is_used_by_itself_when_it_is_there(tmp_path):
    async with FakeOllama(lambda _: Say(text=("Hello from the model.",))) as ollama:
        settings = {"CSAI_LLM_PROVIDER": "auto", "CSAI_OLLAMA_URL": ollama.url}
        async with serving(tmp_path, settings=settings) as server:
            visitor = Visitor(server, await asyncio.to_thread(read_demo_key, server))
            reply = await asyncio.to_thread(visitor.ask, "hello")
            assert reply["message"]["content"] == "Hello from the model."
            visitor.http.close()


async def test_an_operator_sees_the_providers_and_asks_one_for_real(tmp_path):
    async with (
        FakeOllama(lambda _: Say(text=("OK",))) as ollama,
        serving(tmp_path, settings=use_ollama(ollama)) as server,
    ):
        operator = await asyncio.to_thread(Operator, server)

        async def call(method: str, path: str, *body: Any) -> Any:
            return await asyncio.to_thread(operator.call, method, path, *body)

        views = {view["name"]: view for view in (await call("GET", "/models"))["items"]}
        assert views["anthropic"]["status"] == "not_set_up"
        assert views["ollama"] == await call("GET", "/models/ollama")
        [model] = views["ollama"]["models"]
        assert (model["name"], model["context_length_tokens"]) == ("qwen3:4b", 40_960)
        assert "tools" in model["capabilities"]
        result = await call("POST", "/models/ollama/check")
        assert (result["ok"], result["model"]) == (True, "qwen3:4b")
        server.expect(*FAILURES, "ollama_error")
        missing = await call("POST", "/models/ollama/check", {"model": "llama9"})
        assert (missing["ok"], missing["model"]) == (False, "llama9")
        assert "ollama pull llama9" in missing["detail"]

        def pull(model: str) -> list[Event]:
            with operator.http.stream("POST", "/models/ollama/pull", json={"model": model}) as got:
                return list(read_events(got.iter_lines()))

        events = await asyncio.to_thread(pull, "llama4:8b")
        assert [event.name for event in events] == ["progress"] * 5 + ["done"]
        assert events[1].data["completed_bytes"] == 500
        [*_, refused] = await asyncio.to_thread(pull, "llama9")
        assert (refused.name, refused.data["code"]) == ("error", "model_not_found")
        names = [m["name"] for m in (await call("GET", "/models/ollama"))["models"]]
        assert names == ["llama4:8b", "qwen3:4b"]
        gone = await asyncio.to_thread(operator.http.delete, "/models/ollama/llama4:8b")
        assert gone.status_code == 204
        again = await asyncio.to_thread(operator.http.delete, "/models/ollama/llama4:8b")
        check_problem(again, 404, "model_not_found")
        operator.http.close()
