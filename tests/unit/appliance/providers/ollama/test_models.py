from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from appliance.errors import Rejected, Unavailable
from appliance.providers.ollama.http import OllamaHttp
from appliance.providers.ollama.models import ModelShelf, read_facts
from appliance.providers.ollama.wire import ShownModel
from tests.fakes.clock import SettableClock
from tests.fakes.loopback_http import Exchange, LoopbackHttp
from tests.fakes.ollama_server import FakeModel, FakeOllama, play

GB = 1_000_000_000
EMBEDDER = FakeModel("nomic-embed:latest", capabilities=["embedding"], size=9 * GB)
TALKER = FakeModel("talker:7b", capabilities=["completion"], size=8 * GB)
SMALL = FakeModel("small:1b", size=1 * GB)
MIDDLE = FakeModel("middle:4b", size=3 * GB)
HUGE = FakeModel("huge:70b", size=40 * GB)
GIANT = FakeModel("giant:400b", size=200 * GB)
CLOUD = FakeModel("cloud:1t", size=400, remote_host="https://ollama.com")


@asynccontextmanager
async def open_shelf(
    *models: FakeModel, default: str | None = None, **options: Any
) -> AsyncIterator[tuple[ModelShelf, FakeOllama, SettableClock]]:
    clock = SettableClock()
    async with FakeOllama(play([]), models=models, **options) as fake:
        http = OllamaHttp(fake.url, connect_timeout_s=2)
        shelf = ModelShelf(http, clock, default_model=default, max_default_size_bytes=12 * GB)
        yield shelf, fake, clock
        await http.aclose()


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        ([SMALL, MIDDLE, EMBEDDER], "middle:4b"),
        ([TALKER, SMALL], "small:1b"),
        ([TALKER, EMBEDDER], "talker:7b"),
        ([HUGE, SMALL], "small:1b"),
        ([GIANT, HUGE], "huge:70b"),
        ([CLOUD, SMALL], "small:1b"),
    ],
)
@pytest.mark.parametrize("is_old", [False, True])
async def test_the_best_installed_model_is_the_default(
    models: Sequence[FakeModel], expected: str, is_old: bool
) -> None:
    if is_old:
        # An older Ollama does not list capabilities, and calls an embedder a model like any other.
        models = [model for model in models if model is not EMBEDDER]
    async with open_shelf(*models, is_old=is_old) as (shelf, _, _):
        assert (await shelf.choose(None)).name == expected


@pytest.mark.parametrize("models", [[], [EMBEDDER], [CLOUD]])
async def test_without_a_chat_model_of_its_own_the_remedy_is_named(
    models: Sequence[FakeModel],
) -> None:
    async with open_shelf(*models) as (shelf, _, _):
        with pytest.raises(Rejected, match="ollama pull") as caught:
            await shelf.choose(None)
    assert caught.value.code == "no_model_installed"


async def test_a_configured_model_is_taken_even_if_another_is_better() -> None:
    async with open_shelf(SMALL, MIDDLE, CLOUD, default="cloud:1t") as (shelf, _, _):
        assert (await shelf.choose(None)).name == "cloud:1t"
        assert (await shelf.choose("small:1b")).name == "small:1b"


async def test_a_model_that_is_not_installed_is_named_with_its_remedy() -> None:
    async with open_shelf(SMALL, default="gone:1b") as (shelf, _, _):
        with pytest.raises(Rejected, match="ollama pull gone:1b") as caught:
            await shelf.choose(None)
    assert caught.value.code == "model_not_found"


async def test_an_embedding_model_does_not_chat() -> None:
    async with open_shelf(EMBEDDER) as (shelf, _, _):
        with pytest.raises(Rejected) as caught:
            await shelf.choose("nomic-embed")
    assert caught.value.code == "model_cannot_chat"


async def test_facts_are_asked_once_in_five_minutes() -> None:
    async with open_shelf(SMALL, MIDDLE) as (shelf, fake, clock):
        for _ in range(3):
            await shelf.choose(None)
        asked = len(fake.requests)
        clock.advance(299)
        await shelf.choose(None)
        assert len(fake.requests) == asked
        clock.advance(2)
        await shelf.choose(None)
        assert len(fake.requests) == 2 * asked


async def test_forgetting_asks_again() -> None:
    async with open_shelf(SMALL) as (shelf, fake, _):
        await shelf.choose(None)
        asked = len(fake.requests)
        shelf.forget()
        await shelf.choose(None)
        assert len(fake.requests) == 2 * asked


@pytest.mark.parametrize("is_old", [False, True])
async def test_all_models_are_described(is_old: bool) -> None:
    async with open_shelf(SMALL, MIDDLE, is_old=is_old) as (shelf, _, _):
        described = await shelf.describe_all()
    assert [(d.name, d.context_length_tokens, d.size_bytes) for d in described] == [
        ("middle:4b", 40_960, 3 * GB),
        ("small:1b", 40_960, 1 * GB),
    ]
    assert all(description.capabilities == ("completion", "tools") for description in described)


@pytest.mark.parametrize(
    "body",
    [b"<html>", b'{"models": "none"}', b'{"models": [{}]}', b'{"models": [{"name": "\xf9"}]}'],
)
async def test_something_else_at_the_address_is_a_broken_response(body: bytes) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.respond(200, body)

    async with LoopbackHttp(answer) as server:
        http = OllamaHttp(server.url, connect_timeout_s=2)
        shelf = ModelShelf(http, SettableClock(), default_model=None, max_default_size_bytes=1)
        with pytest.raises(Unavailable) as caught:
            await shelf.choose(None)
        await http.aclose()
    assert caught.value.code == "broken_response"


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({"general.architecture": "qwen3", "qwen3.context_length": 40_960}, 40_960),
        ({"general.architecture": "qwen3"}, None),
        ({"general.architecture": "qwen3", "qwen3.context_length": "many"}, None),
        ({"qwen3.context_length": 40_960}, None),
        (None, None),
    ],
)
def test_the_context_length_is_read_where_it_is_told(
    info: dict[str, Any] | None, expected: int | None
) -> None:
    assert read_facts("m", ShownModel(model_info=info)).context_length == expected
