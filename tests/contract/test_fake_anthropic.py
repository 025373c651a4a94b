"""The fake server against the vendor's typed SDK, which checks every field of what it reads.

The provider reads leniently; what it is tested on must still be the documented protocol.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import httpx2
import msgspec
import pytest

from appliance.providers.anthropic.models import load_models
from appliance.providers.anthropic.request import build_body
from tests.contract.chat_model_contract import HEBREW, build_request
from tests.fakes.anthropic_rules import FakeModel, Refused, Rules
from tests.fakes.anthropic_server import (
    API_KEY,
    FailMidway,
    FakeAnthropic,
    Refuse,
    Say,
    Step,
    play,
)
from tests.loopback import DIRECT

MODEL = "claude-haiku-5-5"
CALLS = [
    {"name": "get_order_status", "arguments": {"order_number": "12345"}, "id": "toolu_a"},
    {"name": "get_order_status", "arguments": {"order_number": HEBREW}, "id": "toolu_b"},
]
REQUEST = build_body(build_request(), model=MODEL, facts=load_models().models[MODEL])
ASKED = {"role": "user", "content": "Hi"}
CALLED = {
    "role": "assistant",
    "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {}}],
}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "x"}
TOOL = {"name": "look", "description": "Look", "input_schema": {"type": "object"}}


@asynccontextmanager
async def open_sdk(*steps: Step, **options: Any) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with FakeAnthropic(play(steps), **options) as fake:
        client = anthropic.AsyncAnthropic(
            base_url=fake.url,
            api_key=API_KEY,
            max_retries=0,
            http_client=httpx2.AsyncClient(**DIRECT),
            _strict_response_validation=True,
        )
        async with client:
            yield client


@pytest.mark.parametrize("piece_bytes", [None, 7])
async def test_every_event_is_one_to_the_typed_sdk(piece_bytes: int | None) -> None:
    said = Say(thinking="hm|hm", text=["One ", HEBREW], calls=CALLS, cache_read=9, output_tokens=7)
    async with (
        open_sdk(said, piece_bytes=piece_bytes) as client,
        client.messages.stream(**REQUEST) as stream,
    ):
        message = await stream.get_final_message()
    thought, text, *called = message.content
    assert thought.type == "thinking"
    assert (thought.thinking, bool(thought.signature)) == ("hmhm", True)
    assert text.type == "text"
    assert text.text == f"One {HEBREW}"
    assert [block.input for block in called if block.type == "tool_use"] == [
        call["arguments"] for call in CALLS
    ]
    assert message.stop_reason == "tool_use"
    assert (message.usage.cache_read_input_tokens, message.usage.output_tokens) == (9, 7)


async def test_the_models_are_read_over_all_pages() -> None:
    models = [FakeModel(f"claude-{number}") for number in range(5)]
    async with open_sdk(models=models) as client:
        listed = [entry async for entry in client.models.list()]
    assert [entry.id for entry in listed] == [model.name for model in models]
    assert {entry.max_input_tokens for entry in listed} == {1_000_000}


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (Refuse(529, "overloaded_error"), anthropic.OverloadedError),
        (Refuse(429, "rate_limit_error"), anthropic.RateLimitError),
        (
            Refuse(429, "rate_limit_error", cause="enforced_spend_limit_reached"),
            anthropic.EnforcedSpendLimitReachedError,
        ),
        (Refuse(413, "request_too_large"), anthropic.ContentTooLargeError),
        (FailMidway(Say(text=["Hi"]), "overloaded_error"), anthropic.APIStatusError),
    ],
    ids=["overloaded", "rate", "spent", "large", "midway"],
)
async def test_the_typed_sdk_knows_the_faults(step: Step, error: type[Exception]) -> None:
    async with open_sdk(step) as client:
        with pytest.raises(error):
            async with client.messages.stream(**REQUEST) as stream:
                await stream.get_final_message()


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 0.3},
        {"top_p": 0.9},
        {"wisdom": True},
        {"model": "gpt-9"},
        {"max_tokens": 0},
        {"max_tokens": 200_000},
        {"thinking": {"type": "disabled"}},
        {"thinking": {"type": "enabled", "budget_tokens": 2_000}},
        {"output_config": {"effort": "huge"}},
        {"tool_choice": {"type": "auto"}},
        {"tools": [TOOL], "tool_choice": {"type": "any"}},
        {"tools": [TOOL, TOOL]},
        {"tools": [{**TOOL, "name": "a name"}]},
        {"tools": [{**TOOL, "parameters": {}}]},
        {"tools": [{**TOOL, "input_schema": {}}]},
        {"tools": [{**TOOL, "input_schema": {"type": "object", "anyOf": []}}]},
        {"tools": [{**TOOL, "input_schema": {"type": "object", "properties": {"שם": {}}}}]},
        {"system": [{"type": "text", "text": " "}]},
        {"system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}] * 5},
        {"messages": []},
        {"messages": [{"role": "assistant", "content": "Hi"}, ASKED]},
        {"messages": [ASKED, {"role": "assistant", "content": "The answer is ("}]},
        {"messages": [{"role": "user", "content": ""}]},
        {"messages": [{"role": "user", "content": []}]},
        {"messages": [{"role": "tool", "content": "x"}]},
        {"messages": [{"role": "user", "content": [RESULT]}]},
        {"messages": [ASKED, CALLED, ASKED]},
        {"messages": [ASKED, CALLED, {"role": "user", "content": [RESULT, RESULT]}]},
        {
            "messages": [
                ASKED,
                CALLED,
                {"role": "user", "content": [{"type": "text", "text": "well"}, RESULT]},
            ]
        },
        {"messages": [ASKED, CALLED, {"role": "user", "content": [RESULT]}, CALLED, ASKED]},
        {
            "messages": [
                ASKED,
                {
                    "role": "assistant",
                    "content": [{"type": "thinking", "thinking": "x", "signature": "forged"}],
                },
                ASKED,
            ]
        },
    ],
    ids=lambda change: str(change)[:60],
)
def test_what_the_api_refuses_the_fake_refuses(change: dict[str, Any]) -> None:
    rules = Rules([FakeModel()])
    body = {"model": MODEL, "max_tokens": 100, "messages": [ASKED]}
    rules.check(msgspec.json.encode(body))
    with pytest.raises(Refused):
        rules.check(msgspec.json.encode(body | change))
