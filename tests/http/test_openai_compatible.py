"""A shop that answers through an OpenAI-compatible server: one server process for all tests."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.fakes.obedient_model import ObedientModel
from tests.fakes.openai_server import FakeOpenAI, Say, Step
from tests.http.clients import Visitor, read_demo_key
from tests.http.running_server import serving

KEY = "sk-quiet-lantern-0123456789"
FAILURES = ("openai_compatible_error", "model_failed", "provider", "fallback", "degraded")


def answer_obediently(body: dict[str, Any]) -> Step:
    text, calls = ObedientModel().answer(body["messages"], body.get("tools") or [])
    return Say(text=text, calls=calls)


def answer_in_halves(body: dict[str, Any]) -> Step:
    """Ask for a tool, then say something: with half a character, and one in two pieces."""
    if body["messages"][-1]["role"] == "tool":
        return Say(text=["\ud83c", "\udf55 a\ud83d b", "\ud83d"])
    call = {"name": "get_order_status", "arguments": {"order_number": "12345 \ud83d"}}
    return Say(calls=[{**call, "id": "a\ud83d"}])


def settings_of(openai: FakeOpenAI) -> dict[str, str]:
    """Return the settings of a server that answers with this one."""
    return {
        "CSAI_LLM_PROVIDER": "openai",
        "CSAI_OPENAI_BASE_URL": openai.url,
        "CSAI_OPENAI_API_KEY": KEY,
    }


async def test_half_a_character_ends_no_turn(tmp_path):
    async with (
        FakeOpenAI(answer_in_halves, api_key=KEY) as openai,
        serving(tmp_path, settings=settings_of(openai)) as server,
    ):
        visitor = Visitor(server, await asyncio.to_thread(read_demo_key, server))
        events = await asyncio.to_thread(visitor.stream, "Where is my order 12345?")
        assert [event.name for event in events[-2:]] == ["message", "done"]
        reply = await asyncio.to_thread(visitor.ask, "And now?")
        for content in (events[-2].data["message"]["content"], reply["message"]["content"]):
            assert content == "🍕 a\ufffd b\ufffd"
        assert reply["degraded"] is False
        visitor.http.close()


async def test_a_visitor_is_served_until_the_key_is_withdrawn(tmp_path):
    async with (
        FakeOpenAI(answer_obediently, api_key=KEY) as openai,
        serving(tmp_path, settings=settings_of(openai)) as server,
    ):
        visitor = Visitor(server, await asyncio.to_thread(read_demo_key, server))
        events = await asyncio.to_thread(visitor.stream, "Where is my order 12345?")
        tools = [(e.data["name"], e.data["status"]) for e in events if e.name == "tool"]
        assert tools == [("get_order_status", "running"), ("get_order_status", "succeeded")]
        reply = events[-2].data
        assert reply["model"] == "openai_compatible/gpt-fake"
        assert reply["degraded"] is False
        assert reply["usage"] == {"input_tokens": 24, "output_tokens": 10}
        asked, answered = openai.chats[1]["messages"][-2:]
        assert json.loads(asked["tool_calls"][0]["function"]["arguments"])
        assert answered["tool_call_id"] == asked["tool_calls"][0]["id"]

        server.expect(*FAILURES)
        openai.api_key = "sk-another-one"
        reply = await asyncio.to_thread(visitor.ask, "When are you open?")
        assert reply["degraded"] is True
        assert "11:00" in reply["message"]["content"]
        visitor.http.close()
        assert "refused the key; set CSAI_OPENAI_API_KEY" in server.output()
        assert KEY not in server.output() + json.dumps(reply)
    logs = [path.read_text(encoding="utf-8") for path in (tmp_path / "data").rglob("*.log*")]
    assert logs
    assert KEY not in "".join(logs)
