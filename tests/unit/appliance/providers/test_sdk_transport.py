from __future__ import annotations

import httpx2
import pytest

from appliance.providers import sdk_transport
from appliance.providers.sdk_transport import build_http_client, read_retry_after
from tests.fakes.loopback_http import Exchange, LoopbackHttp


async def test_an_answer_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdk_transport, "MAX_ANSWER_BYTES", 1_000)

    async def answer(exchange: Exchange) -> None:
        await exchange.respond(200, b"x" * int(exchange.request.path[1:]))

    async with (
        LoopbackHttp(answer) as server,
        build_http_client(server.url, connect_timeout_s=1) as client,
    ):
        assert len((await client.get(f"{server.url}/1000")).content) == 1_000
        with pytest.raises(httpx2.ReadError):
            await client.get(f"{server.url}/1001")


async def test_no_variable_names_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    async def answer(exchange: Exchange) -> None:
        await exchange.respond(200)

    async with (
        LoopbackHttp(answer) as server,
        build_http_client(server.url, connect_timeout_s=1) as client,
    ):
        assert (await client.get(server.url)).status_code == 200


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        (
            {
                "retry-after": "Fri, 27 Nov 2026 12:00:30 GMT",
                "date": "Fri, 27 Nov 2026 12:00:00 GMT",
            },
            30.0,
        ),
    ],
)
def test_when_to_come_back_is_read_from_seconds_and_dates(
    headers: dict[str, str], expected: float | None
) -> None:
    assert read_retry_after(headers) == expected
