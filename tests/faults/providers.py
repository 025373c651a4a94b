"""The providers that can fail, each with its fake server and the words it refuses with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol, Self

from appliance.ports.chat_model import ChatModel
from appliance.ports.clock import Clock
from appliance.providers.anthropic import AnthropicChatModel
from appliance.providers.deadlines import Deadlines
from appliance.providers.ollama import OllamaChatModel
from appliance.providers.openai_compatible import OpenAICompatibleChatModel
from tests.fakes import anthropic_server, ollama_server, openai_server

KEY = anthropic_server.API_KEY

Script = Callable[[dict[str, Any]], Any]


class FakeServer(Protocol):
    """A model server on a loopback port."""

    @property
    def url(self) -> str: ...

    @property
    def connections(self) -> int: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *error: Any) -> None: ...


@dataclass(frozen=True)
class Provider:
    """One column of the table.

    ``fake`` has the step ``Say``; ``refusals`` are the vendor's own answers. ``to_first_word`` is
    how many pieces bring the first of an answer's words.
    """

    column: str
    name: str
    model: str
    fake: ModuleType
    serve: Callable[[Script], FakeServer]
    connect: Callable[[str, str, str, Deadlines, Clock], ChatModel]
    refusals: Mapping[str, Any]
    to_first_word: int


def _refuse_as_openai(status: int, text: str, code: str, **headers: str) -> openai_server.Refuse:
    error = {"error": {"message": text, "type": "error", "param": None, "code": code}}
    return openai_server.Refuse(status, error, tuple(headers.items()))


OLLAMA = Provider(
    column="Ollama",
    name="ollama",
    model="qwen3:4b",
    fake=ollama_server,
    serve=ollama_server.FakeOllama,
    connect=lambda url, key, model, deadlines, clock: OllamaChatModel(
        url, model, clock, deadlines=deadlines
    ),
    refusals={
        "key": ollama_server.Refuse(401, "unauthorized"),
        "context": ollama_server.Refuse(400, "the input length exceeds the context length"),
        "busy": ollama_server.Refuse(429, "slow down", (("Retry-After", "2"),)),
        "busy long": ollama_server.Refuse(429, "slow down", (("Retry-After", "60"),)),
        "overloaded": ollama_server.Refuse(503, "server busy"),
    },
    to_first_word=1,
)
CLAUDE = Provider(
    column="Claude",
    name="anthropic",
    model="claude-haiku-5-5",
    fake=anthropic_server,
    serve=lambda script: anthropic_server.FakeAnthropic(script, has_pings=False),
    connect=lambda url, key, model, deadlines, clock: AnthropicChatModel(
        url, key, model, clock, deadlines=deadlines
    ),
    refusals={
        "context": anthropic_server.Refuse(400, "invalid_request_error", "prompt is too long: 9"),
        "busy": anthropic_server.Refuse(429, "rate_limit_error", headers=(("retry-after", "2"),)),
        "busy long": anthropic_server.Refuse(
            429, "rate_limit_error", headers=(("retry-after", "60"),)
        ),
        "overloaded": anthropic_server.Refuse(529, "overloaded_error", "Overloaded"),
    },
    to_first_word=3,
)
OPENAI = Provider(
    column="OpenAI's protocol",
    name="openai_compatible",
    model="gpt-fake",
    fake=openai_server,
    serve=lambda script: openai_server.FakeOpenAI(script, api_key=KEY),
    connect=lambda url, key, model, deadlines, clock: OpenAICompatibleChatModel(
        url, key, model, clock, deadlines=deadlines
    ),
    refusals={
        "context": _refuse_as_openai(400, "too long", "context_length_exceeded"),
        "busy": _refuse_as_openai(429, "Rate limit reached", "rate_limit", **{"retry-after": "2"}),
        "busy long": _refuse_as_openai(
            429, "Rate limit reached", "rate_limit", **{"retry-after": "60"}
        ),
        "overloaded": _refuse_as_openai(503, "The engine is overloaded", "overloaded"),
    },
    to_first_word=1,
)
PROVIDERS = (OLLAMA, CLAUDE, OPENAI)
