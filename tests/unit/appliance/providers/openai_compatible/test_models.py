from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from appliance.errors import AuthFailed, Rejected, Unavailable
from appliance.providers.openai_compatible.models import (
    ASK_AGAIN_S,
    LIST_TTL_S,
    ModelCatalogue,
)
from appliance.providers.openai_compatible.server import Server
from tests.fakes.clock import SettableClock
from tests.fakes.loopback_http import Exchange, LoopbackHttp
from tests.fakes.openai_server import FakeModel, FakeOpenAI, play


@asynccontextmanager
async def open_catalogue(
    *models: FakeModel, default_model: str | None = None, clock: SettableClock | None = None,
    **options: Any,
) -> AsyncIterator[tuple[ModelCatalogue, FakeOpenAI]]:  # fmt: skip
    async with FakeOpenAI(play([]), models=models, **options) as fake:
        server = Server(fake.url, None, connect_timeout_s=1)
        yield ModelCatalogue(server, clock or SettableClock(), default_model=default_model), fake
        await server.aclose()


async def test_a_named_model_needs_no_question() -> None:
    async with open_catalogue(default_model="mine") as (catalogue, fake):
        assert await catalogue.choose("theirs") == "theirs"
        assert await catalogue.choose(None) == "mine"
    assert fake.requests == []


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["b", "a"], "b"),
        (["text-embedding-3-small", "whisper-1", "dall-e-3", "tts-1-hd", "gpt-5"], "gpt-5"),
        (["BAAI/bge-reranker", "meta/llama-4"], "meta/llama-4"),
    ],
)
async def test_the_first_listed_model_that_chats_is_taken(
    names: Sequence[str], chosen: str
) -> None:
    async with open_catalogue(*map(FakeModel, names)) as (catalogue, _):
        assert await catalogue.choose(None) == chosen


async def test_a_server_without_a_chat_model_is_told_with_the_remedy() -> None:
    async with open_catalogue(FakeModel("whisper-1")) as (catalogue, _):
        with pytest.raises(Rejected, match="CSAI_OPENAI_MODEL"):
            await catalogue.choose(None)


async def test_the_list_is_asked_for_again_after_a_while_or_when_told() -> None:
    clock = SettableClock()
    async with open_catalogue(FakeModel("a"), clock=clock) as (catalogue, fake):
        for _ in range(3):
            await catalogue.choose(None)
        assert len(fake.requests) == 1
        clock.advance(LIST_TTL_S)
        await catalogue.choose(None)
        catalogue.forget()
        await catalogue.choose(None)
        assert len(fake.requests) == 3


@pytest.mark.parametrize(
    ("kind", "told", "expected"),
    [
        ("openai", {}, None),
        ("vllm", {}, 8192),
        ("llama.cpp", {}, 8192),
        ("llama.cpp", {"meta": {"n_ctx": 4096, "n_ctx_train": 131_072}}, 4096),
        ("openai", {"context_window": 131_072}, 131_072),
        ("openai", {"max_context_length": 32_768, "loaded_context_length": 4096}, 4096),
        ("openai", {"context_length": 0}, None),
        ("openai", {"meta": None}, None),
    ],
)
async def test_the_context_length_is_read_in_every_server_s_words(
    kind: str, told: dict[str, Any], expected: int | None
) -> None:
    async with open_catalogue(FakeModel("m", told=told), kind=kind) as (catalogue, _):
        assert await catalogue.context_length(None) == expected
        assert await catalogue.context_length("another") is None
        [described] = await catalogue.describe_all()
    assert (described.name, described.context_length_tokens) == ("m", expected)


@pytest.mark.parametrize("status", [404, 413, 500])
async def test_a_server_that_lists_nothing_is_not_asked_every_turn(status: int) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.respond(status)

    clock = SettableClock()
    async with LoopbackHttp(answer) as http:
        server = Server(f"{http.url}/v1", None, connect_timeout_s=1)
        catalogue = ModelCatalogue(server, clock, default_model="m")
        assert [await catalogue.context_length(None) for _ in range(3)] == [None] * 3
        assert len(http.requests) == 1
        clock.advance(ASK_AGAIN_S)
        await catalogue.context_length(None)
        assert len(http.requests) == 2
        await server.aclose()


async def test_a_server_that_asks_for_a_key_says_so() -> None:
    async with open_catalogue(FakeModel("m"), api_key="sk-12345678") as (catalogue, _):
        with pytest.raises(AuthFailed):
            await catalogue.describe_all()


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"<html>Hello</html>", "text/html"),
        (b"<html>Hello</html>", "application/json"),
        (b'{"data": "none"}', "application/json"),
        (b'{"data": [{"name": "no id"}]}', "application/json"),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b"", "application/json"),
    ],
)
async def test_what_is_no_list_is_a_broken_answer(body: bytes, content_type: str) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.respond(200, body, content_type=content_type)

    async with LoopbackHttp(answer) as http:
        server = Server(f"{http.url}/v1", None, connect_timeout_s=1)
        catalogue = ModelCatalogue(server, SettableClock(), default_model=None)
        with pytest.raises(Unavailable) as caught:
            await catalogue.choose(None)
        assert caught.value.code == "broken_response"
        await server.aclose()


async def test_models_have_names_of_whole_characters() -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.respond(
            200, b'{"data": [{"id": "m\\ud83c"}]}', content_type="application/json"
        )

    async with LoopbackHttp(answer) as http:
        server = Server(f"{http.url}/v1", None, connect_timeout_s=1)
        catalogue = ModelCatalogue(server, SettableClock(), default_model=None)
        assert [model.name for model in await catalogue.describe_all()] == ["m\ufffd"]
        await server.aclose()
