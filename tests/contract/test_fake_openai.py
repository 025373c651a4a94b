"""The fake server against the vendor's typed SDK, which checks every field of what it reads.

The provider reads leniently; what it is tested on must still be the documented protocol.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import openai
import pytest

from appliance.providers.openai_compatible.wire import build_messages
from appliance.tool_spelling import build_function_tools
from tests.contract.chat_model_contract import HEBREW, ORDER_STATUS, build_request
from tests.fakes.model_script import FailMidway
from tests.fakes.openai_server import FakeOpenAI, Refuse, Say, Step, play
from tests.loopback import DIRECT

KEY = "sk-12345678"
CALLS = [
    {"name": "get_order_status", "arguments": {"order_number": "12345"}, "id": "call_a"},
    {"name": "get_order_status", "arguments": {"order_number": HEBREW}, "id": "call_b"},
]
REQUEST: dict[str, Any] = {
    "model": "gpt-fake",
    "messages": build_messages(build_request().messages),
    "tools": build_function_tools([ORDER_STATUS]),
    "stream": True,
    "stream_options": {"include_usage": True},
}


@asynccontextmanager
async def open_sdk(*steps: Step, **options: Any) -> AsyncIterator[openai.AsyncOpenAI]:
    async with FakeOpenAI(play(steps), api_key=KEY, **options) as fake:
        client = openai.AsyncOpenAI(
            base_url=fake.url,
            api_key=KEY,
            max_retries=0,
            http_client=httpx2.AsyncClient(**DIRECT),
            _strict_response_validation=True,
        )
        yield client
        await client.close()


async def test_every_chunk_is_one_to_the_typed_sdk() -> None:
    async with open_sdk(Say(text=["One ", HEBREW], reasoning="hm", calls=CALLS)) as client:
        chunks = [chunk async for chunk in await client.chat.completions.create(**REQUEST)]
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == f"One {HEBREW}"
    pieces = [piece for delta in deltas for piece in delta.tool_calls or ()]
    assert [piece.id for piece in pieces if piece.id] == ["call_a", "call_b"]
    assert chunks[-2].choices[0].finish_reason == "tool_calls"
    assert chunks[-1].usage.total_tokens == 17


async def test_the_models_are_read() -> None:
    async with open_sdk() as client:
        assert [model.id for model in (await client.models.list()).data] == ["gpt-fake"]


@pytest.mark.parametrize(
    ("changes", "kind", "code"),
    [
        ({"model": "gone"}, openai.NotFoundError, "model_not_found"),
        ({"max_tokens": 5}, openai.BadRequestError, "unsupported_parameter"),
        ({"extra_body": {"invented": 1}}, openai.BadRequestError, None),
        ({"messages": [{"role": "user", "content": "x" * 40_000}]},
         openai.BadRequestError, "context_length_exceeded"),
    ],
)  # fmt: skip
async def test_what_openai_refuses_is_refused(
    changes: dict[str, Any], kind: type[openai.APIStatusError], code: str | None
) -> None:
    async with open_sdk(Say(text=["Hi"])) as client:
        with pytest.raises(kind) as caught:
            await client.chat.completions.create(**{**REQUEST, **changes})
    assert caught.value.code == code


async def test_a_wrong_key_is_refused() -> None:
    async with open_sdk() as client:
        with pytest.raises(openai.AuthenticationError):
            await client.with_options(api_key="sk-wrong").models.list()


async def test_errors_before_and_in_the_middle_are_read() -> None:
    quota = {"message": "no", "code": "insufficient_quota", "type": "t", "param": None}
    async with open_sdk(
        Refuse(429, {"error": quota}), FailMidway(Say(text=["Hi"]), quota)
    ) as client:
        with pytest.raises(openai.RateLimitError) as caught:
            await client.chat.completions.create(**REQUEST)
        assert caught.value.code == "insufficient_quota"
        stream = await client.chat.completions.create(**REQUEST)
        with pytest.raises(openai.APIError, match="no"):
            [chunk async for chunk in stream]
