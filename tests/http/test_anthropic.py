"""A shop that answers by Claude: one server process for all tests."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.fakes.anthropic_server import API_KEY, FakeAnthropic, Say, Step
from tests.fakes.obedient_model import ObedientModel
from tests.http.clients import Visitor, read_demo_key
from tests.http.running_server import serving

FAILURES = ("anthropic_error", "model_failed", "provider", "fallback", "degraded")


def answer_obediently(body: dict[str, Any]) -> Step:
    """Think, then do the obvious; the obedient model reads another vendor's messages."""
    system = "\n\n".join(block["text"] for block in body["system"])
    messages = [{"role": "system", "content": system}]
    for turn in body["messages"]:
        for block in turn["content"]:
            role = "tool" if block["type"] == "tool_result" else turn["role"]
            content = block.get("text") or block.get("content")
            if content is not None:
                messages.append({"role": role, "content": content})
    tools = [
        {
            "function": {
                "name": tool["name"],
                "description": tool["description"],
                "parameters": tool["input_schema"],
            }
        }
        for tool in body.get("tools", [])
    ]
    text, calls = ObedientModel().answer(messages, tools)
    return Say(thinking="What do they want|?", text=text, calls=calls, cache_read=100)


async def test_a_visitor_is_served_until_the_key_is_withdrawn(tmp_path: Path) -> None:
    async with FakeAnthropic(answer_obediently) as claude:
        settings = {
            "CSAI_LLM_PROVIDER": "claude",
            "CSAI_ANTHROPIC_BASE_URL": claude.url,
            "CSAI_ANTHROPIC_API_KEY": API_KEY,
        }
        async with serving(tmp_path, settings=settings) as server:
            visitor = Visitor(server, await asyncio.to_thread(read_demo_key, server))
            events = await asyncio.to_thread(visitor.stream, "Where is my order 12345?")
            tools = [(e.data["name"], e.data["status"]) for e in events if e.name == "tool"]
            assert tools == [("get_order_status", "running"), ("get_order_status", "succeeded")]
            reply = events[-2].data
            assert reply["model"] == "anthropic/claude-haiku-5-5"
            assert reply["degraded"] is False
            assert reply["usage"] == {"input_tokens": 224, "output_tokens": 10}

            await asyncio.to_thread(visitor.ask, "Book a table for 4 people tomorrow at 19:00")
            held = await asyncio.to_thread(visitor.ask, "Rina Barak")
            assert [tool["status"] for tool in held["tools"]] == ["needs_confirmation"]
            booked = await asyncio.to_thread(visitor.ask, "yes")
            assert [tool["status"] for tool in booked["tools"]] == ["succeeded"]
            assert claude.refusals == []
            kept, moment = claude.calls[0]["system"]
            assert "cache_control" in kept
            assert moment["text"].startswith("## Now")
            assert [call["system"][0] for call in claude.calls[1:]] == [kept] * (
                len(claude.calls) - 1
            )

            server.expect(*FAILURES)
            claude.api_key = "sk-ant-another-one"
            reply = await asyncio.to_thread(visitor.ask, "When are you open?")
            assert reply["degraded"] is True
            assert "11:00" in reply["message"]["content"]
            visitor.http.close()
            assert "refused the API key; set a valid one as CSAI_ANTHROPIC_API_KEY" in (
                server.output()
            )
            assert API_KEY not in server.output() + json.dumps(reply)
    logs = [path.read_text(encoding="utf-8") for path in (tmp_path / "data").rglob("*.log*")]
    assert logs
    assert API_KEY not in "".join(logs)
