from __future__ import annotations

import asyncio
import base64
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from appliance.errors import ConfigurationError, Unavailable
from appliance.providers.ollama.http import OllamaError, OllamaHttp
from tests.fakes.certificates import TestAuthority
from tests.fakes.loopback_http import Exchange, Handler, LoopbackHttp


async def answer(exchange: Exchange) -> None:
    await exchange.respond_json(200, {"ok": True})


@asynccontextmanager
async def open_http(
    handler: Handler = answer, *, url: str = "http://{host}"
) -> AsyncIterator[tuple[OllamaHttp, LoopbackHttp]]:
    async with LoopbackHttp(handler) as server:
        http = OllamaHttp(url.format(host=f"127.0.0.1:{server.port}"), connect_timeout_s=2)
        yield http, server
        await http.aclose()


@pytest.mark.parametrize("url", ["", "127.0.0.1:11434", "ftp://x", "http://"])
def test_an_address_that_is_none_names_the_setting(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        OllamaHttp(url, connect_timeout_s=2)
    assert caught.value.setting == "CSAI_OLLAMA_URL"


async def test_a_path_before_the_api_is_kept() -> None:
    async with open_http(url="http://{host}/ollama/") as (http, server):
        await http.fetch("GET", "/api/version", timeout_s=1)
    assert server.requests[0].target == "/ollama/api/version"


async def test_a_credential_in_the_address_goes_to_the_proxy_in_front_and_nowhere_else() -> None:
    async with open_http(url="http://shop:p%40ss@{host}") as (http, server):
        await http.fetch("GET", "/api/version", timeout_s=1)
    expected = base64.b64encode(b"shop:p@ss").decode()
    assert server.requests[0].headers["authorization"] == f"Basic {expected}"
    assert "p@ss" not in http.base_url
    assert "p%40ss" not in http.base_url


async def test_one_connection_serves_many_requests() -> None:
    async with open_http() as (http, server):
        for _ in range(5):
            await http.fetch("POST", "/api/show", {"model": "m"}, timeout_s=1)
        lines = await http.open_lines("/api/chat", {}, timeout_s=1)
        await lines.read(timeout_s=1)
        await lines.finish()
        await lines.aclose()
        await http.fetch("GET", "/api/version", timeout_s=1)
        assert server.connections == 1
        assert len(server.requests) == 7


async def test_no_proxy_variable_takes_part(monkeypatch: pytest.MonkeyPatch) -> None:
    async with LoopbackHttp(answer, host="127.0.0.2") as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        async with open_http() as (http, _):
            await http.fetch("GET", "/api/version", timeout_s=1)
        assert proxy.connections == 0


async def test_an_error_text_is_handed_on() -> None:
    async def refuse(exchange: Exchange) -> None:
        headers = [("Retry-After", "3")]
        await exchange.respond_json(503, {"error": "Server busy"}, headers=headers)

    async with open_http(refuse) as (http, _):
        with pytest.raises(OllamaError) as caught:
            await http.fetch("GET", "/api/tags", timeout_s=1)
    assert (caught.value.status, caught.value.retry_after_s) == (503, 3.0)
    assert caught.value.mentions("server busy")


@pytest.mark.parametrize("body", [b"<html>no</html>", b'{"error": "\xf9"}'])
@pytest.mark.parametrize(
    ("status", "is_proxy"), [(404, False), (500, False), (502, True), (401, True)]
)
async def test_a_page_instead_of_an_error_is_a_proxy_s_or_no_ollama(
    status: int, is_proxy: bool, body: bytes
) -> None:
    async def page(exchange: Exchange) -> None:
        await exchange.respond(status, body, content_type="text/html")

    async with open_http(page) as (http, _):
        with pytest.raises(OllamaError if is_proxy else Unavailable):
            await http.fetch("GET", "/api/tags", timeout_s=1)


async def test_a_refused_connection_names_the_remedy() -> None:
    async with open_http() as (http, _):
        pass
    with pytest.raises(Unavailable, match="ollama serve") as caught:
        await http.fetch("GET", "/api/version", timeout_s=1)
    assert caught.value.code == "connect_failed"


async def test_silence_times_out_and_hangs_up() -> None:
    left = asyncio.Event()

    async def hang(exchange: Exchange) -> None:
        await exchange.wait_for_disconnect()
        left.set()

    async with open_http(hang) as (http, _):
        with pytest.raises(Unavailable) as caught:
            await http.fetch("GET", "/api/version", timeout_s=0.05)
        assert caught.value.code == "timed_out"
        await asyncio.wait_for(left.wait(), 1)


async def test_a_cut_answer_is_a_broken_response() -> None:
    async def cut(exchange: Exchange) -> None:
        await exchange.send_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{")
        exchange.cut()

    async with open_http(cut) as (http, _):
        with pytest.raises(Unavailable) as caught:
            await http.fetch("GET", "/api/version", timeout_s=1)
    assert caught.value.code == "broken_response"


async def test_a_kept_connection_that_the_server_closed_is_replaced() -> None:
    async def answer_once(exchange: Exchange) -> None:
        await answer(exchange)
        exchange.keeps_alive = False

    async with open_http(answer_once) as (http, server):
        for _ in range(3):
            await http.fetch("GET", "/api/version", timeout_s=1)
        assert server.connections == 3


async def test_a_request_lost_on_a_kept_connection_is_sent_once_more() -> None:
    """As when the server closes an idle connection while the request is on its way."""

    async def answer_first_of_each_connection(exchange: Exchange) -> None:
        if len(server.requests) == 2:
            exchange.cut()
        else:
            await answer(exchange)

    async with open_http(answer_first_of_each_connection) as (http, server):
        await http.fetch("GET", "/api/version", timeout_s=1)
        assert await http.fetch("GET", "/api/version", timeout_s=1) == b'{"ok": true}'
        assert (server.connections, len(server.requests)) == (2, 3)


async def test_a_request_that_fails_on_a_new_connection_is_not_sent_again() -> None:
    async def cut(exchange: Exchange) -> None:
        exchange.cut()

    async with open_http(cut) as (http, server):
        with pytest.raises(Unavailable) as caught:
            await http.fetch("GET", "/api/version", timeout_s=1)
        assert caught.value.code == "broken_response"
        assert len(server.requests) == 1


async def test_an_answer_that_does_not_end_after_its_last_line_costs_the_connection_only() -> None:
    async def never_end(exchange: Exchange) -> None:
        await exchange.start(200, content_type="application/x-ndjson")
        await exchange.chunk(b'{"done": true}\n')
        await exchange.wait_for_disconnect()

    async with open_http(never_end) as (http, server):
        lines = await http.open_lines("/api/chat", {}, timeout_s=1)
        assert await lines.read(timeout_s=1) == [b'{"done": true}']
        await lines.finish()
        assert await lines.read(timeout_s=1) == []
        await lines.aclose()
        again = await http.open_lines("/api/chat", {}, timeout_s=1)
        await again.aclose()
        assert server.connections == 2


async def test_https_checks_the_certificate() -> None:
    with tempfile.TemporaryDirectory() as folder:
        tls = TestAuthority(Path(folder)).serve("ollama.example")
        async with LoopbackHttp(answer, tls=tls) as server:
            http = OllamaHttp(server.url, connect_timeout_s=2)
            with pytest.raises(Unavailable) as caught:
                await http.fetch("GET", "/api/version", timeout_s=2)
            await http.aclose()
        assert server.requests == []
    assert caught.value.code == "connect_failed"
