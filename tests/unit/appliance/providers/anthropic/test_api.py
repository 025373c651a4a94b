from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest
from structlog.testing import capture_logs

from appliance.errors import Unavailable
from appliance.providers.anthropic.api import MAX_MODELS, AnthropicApi
from appliance.providers.anthropic.failures import BrokenAnswer, Server
from tests.fakes.anthropic_rules import FakeModel
from tests.fakes.anthropic_server import API_KEY, FakeAnthropic, Say, Step, play
from tests.fakes.loopback_http import Exchange, LoopbackHttp
from tests.fakes.model_script import Send

BODY = {
    "model": "claude-haiku-5-5",
    "max_tokens": 10,
    "messages": [{"role": "user", "content": "Hi"}],
}


@asynccontextmanager
async def open_api(*steps: Step) -> AsyncIterator[tuple[AnthropicApi, FakeAnthropic]]:
    async with FakeAnthropic(play(steps)) as fake:
        api = AnthropicApi(Server(base_url=fake.url, is_vendor=False), API_KEY, connect_timeout_s=5)
        async with aclosing(api):
            yield api, fake


async def test_the_versions_header_and_the_key_are_sent() -> None:
    async with open_api(Say(text=["Hi"])) as (api, fake):
        answer = await api.open_events(BODY)
        first = await answer.read()
        assert first is not None
        assert '"message_start"' in first
        await answer.aclose()
    [request] = fake.requests
    assert request.headers["anthropic-version"] == "2026-10-21"
    assert API_KEY in request.headers["authorization"]


async def test_an_answer_read_to_its_end_leaves_the_connection_for_the_next() -> None:
    async with open_api(Say(text=["Hi"]), Say(text=["Hi"])) as (api, fake):
        for _ in range(2):
            answer = await api.open_events(BODY)
            await answer.finish()
            assert await answer.read() is None
            await answer.aclose()
        assert fake.connections == 1


async def test_a_page_of_html_is_no_stream() -> None:
    async with open_api(Send(b"<p>", content_type="text/html")) as (api, _):
        with pytest.raises(BrokenAnswer):
            await api.open_events(BODY)


async def test_one_model_can_be_asked_about() -> None:
    async with open_api() as (api, _):
        entry = await api.find_model("claude-haiku-5-5")
    assert entry.max_input_tokens == FakeModel().context_length


@pytest.mark.parametrize("body", [b"<p>", b"{}", b'{"data": [{"name": "x"}]}', b"[]"])
async def test_a_list_that_is_none_breaks_the_protocol(body: bytes) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.respond(200, body)

    async with LoopbackHttp(answer) as server:
        api = AnthropicApi(
            Server(base_url=server.url, is_vendor=False), API_KEY, connect_timeout_s=5
        )
        with capture_logs(), pytest.raises(Unavailable), api.translate_failures(model="m"):
            await api.list_models()
        await api.aclose()


async def test_a_list_without_end_is_read_to_a_limit() -> None:
    async def answer(exchange: Exchange) -> None:
        page = [{"id": f"m{number}"} for number in range(100)]
        await exchange.respond_json(200, {"data": page, "has_more": True, "last_id": "m99"})

    async with LoopbackHttp(answer) as server:
        api = AnthropicApi(
            Server(base_url=server.url, is_vendor=False), API_KEY, connect_timeout_s=5
        )
        assert len(await api.list_models()) == MAX_MODELS
        await api.aclose()
