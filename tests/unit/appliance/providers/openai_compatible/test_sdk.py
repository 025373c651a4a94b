from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from appliance.errors import Unavailable
from appliance.providers import sdk_transport
from appliance.providers.openai_compatible.sdk import Sdk
from appliance.providers.openai_compatible.server import END, ServerError
from tests.fakes.loopback_http import Exchange, Handler, LoopbackHttp

BODY = {"model": "m", "messages": []}
KEY = "sk-12345678"


@asynccontextmanager
async def open_sdk(handler: Handler) -> AsyncIterator[tuple[Sdk, LoopbackHttp]]:
    async with LoopbackHttp(handler) as http:
        sdk = Sdk(f"{http.url}/v1", KEY, shown_url=http.url, connect_timeout_s=1)
        yield sdk, http
        await sdk.aclose()


def stream_of(body: bytes) -> Handler:
    async def answer(exchange: Exchange) -> None:
        await exchange.respond(200, body, content_type="text/event-stream")

    return answer


async def test_chunks_come_as_plain_json_up_to_the_end_mark() -> None:
    body = b': a comment\r\n\r\ndata: {"a": 1}\r\n\r\ndata:{"b":2}\n\ndata: [DONE]\n\ndata: {}\n\n'
    async with open_sdk(stream_of(body)) as (sdk, _):
        chunks = await sdk.open_chat(BODY, timeout_s=5)
        assert [await chunks.read(timeout_s=5) for _ in range(2)] == [{"a": 1}, {"b": 2}]
        assert not chunks.is_done
        assert await chunks.read(timeout_s=5) is END
        assert chunks.is_done
        await chunks.aclose()


async def test_a_stream_without_the_end_mark_is_not_done() -> None:
    async with open_sdk(stream_of(b'data: {"a": 1}\n\n')) as (sdk, _):
        chunks = await sdk.open_chat(BODY, timeout_s=5)
        await chunks.read(timeout_s=5)
        assert await chunks.read(timeout_s=5) is END
        assert not chunks.is_done


@pytest.mark.parametrize(
    ("body", "status", "text", "code"),
    [
        (b'{"error": {"message": "M", "type": "T", "code": "C", "param": "P"}}', 400, "M", "C T"),
        (b'{"object": "error", "message": "M", "type": "T", "code": 400}', 400, "M", "400 T"),
        (b'{"error": "M"}', 400, "M", ""),
        (b'{"detail": [{"msg": "M"}]}', 422, '{"detail": [{"msg": "M"}]}', ""),
        (b"plain words", 500, "plain words", ""),
        (b'["M"]', 500, "['M']", ""),
        (b"", 503, "", ""),
    ],
)
async def test_errors_are_read_in_every_server_s_form(
    body: bytes, status: int, text: str, code: str
) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.respond(status, body)

    async with open_sdk(answer) as (sdk, http):
        with pytest.raises(ServerError) as caught:
            await sdk.open_chat(BODY, timeout_s=5)
    error = caught.value
    assert (error.status, error.text, error.code) == (status, text, code)
    assert len(http.requests) == 1


async def test_a_key_that_the_server_repeats_is_masked() -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.respond_json(401, {"error": {"message": f"Incorrect key {KEY}."}})

    async with open_sdk(answer) as (sdk, _):
        with pytest.raises(ServerError) as caught:
            await sdk.fetch_models(timeout_s=5)
    assert caught.value.text == "Incorrect key ***."
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (b'{"message": "M", "code": 503}', 503),
        (b'{"message": "M", "type": "rate_limit_error"}', 429),
        (b'{"message": "M", "code": "insufficient_quota"}', 429),
        (b'{"message": "M", "code": "context_length_exceeded"}', 400),
        (b'{"message": "M", "type": "server_error"}', 500),
        (b'"M"', 500),
    ],
)
async def test_an_error_in_the_stream_has_the_status_it_would_have_had(
    error: bytes, status: int
) -> None:
    async with open_sdk(stream_of(b'data: {"error": ' + error + b"}\n\n")) as (sdk, _):
        chunks = await sdk.open_chat(BODY, timeout_s=5)
        with pytest.raises(ServerError) as caught:
            await chunks.read(timeout_s=5)
    assert caught.value.status == status


async def test_an_answer_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk_transport, "MAX_ANSWER_BYTES", 10_000)

    async def answer(exchange: Exchange) -> None:
        await exchange.start(200, content_type="text/event-stream")
        for _ in range(100):
            await exchange.chunk(b"x" * 1_000)
        await exchange.wait_for_disconnect()

    async with open_sdk(answer) as (sdk, _):
        chunks = await sdk.open_chat(BODY, timeout_s=5)
        with pytest.raises(Unavailable) as caught:
            await chunks.read(timeout_s=5)
    assert caught.value.code == "broken_response"


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n", b"SSH-2.0-OpenSSH\r\n\r\n"])
async def test_a_connection_lost_before_an_answer_is_told_from_a_broken_answer(head: bytes) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.send_raw(head)
        exchange.cut()

    async with open_sdk(answer) as (sdk, _):
        with pytest.raises(Unavailable) as caught:
            await sdk.open_chat(BODY, timeout_s=5)
    assert caught.value.code == "connection_lost"


async def test_a_redirect_is_not_followed() -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.respond(307, headers=[("Location", "/elsewhere")])

    async with open_sdk(answer) as (sdk, http):
        with pytest.raises(ServerError) as caught:
            await sdk.open_chat(BODY, timeout_s=5)
    assert caught.value.status == 307
    assert [request.path for request in http.requests] == ["/v1/chat/completions"]
