"""``EgressClient.send``; which addresses it may reach is tried in ``tests/egress``."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from appliance.egress import EgressClient
from appliance.egress.addresses import Address
from appliance.errors import Rejected, Unavailable
from appliance.ports.outbound_http import OutboundRequest
from tests.fakes.certificates import TestAuthority
from tests.fakes.loopback_http import Exchange, Handler, LoopbackHttp


async def greet(exchange: Exchange) -> None:
    await exchange.respond_json(200, {"path": exchange.request.target})


def get(url: str, **options: Any) -> OutboundRequest:
    return OutboundRequest(method="GET", url=url, timeout_s=5.0, **options)


@asynccontextmanager
async def open_client(*allow: str, **options: Any) -> AsyncIterator[EgressClient]:
    client = EgressClient(allow, **options)
    try:
        yield client
    finally:
        await client.aclose()


@asynccontextmanager
async def open_pair(handler: Handler = greet) -> AsyncIterator[tuple[EgressClient, LoopbackHttp]]:
    """Open a server and a client that may reach exactly it."""
    async with (
        LoopbackHttp(handler) as server,
        open_client(f"127.0.0.1:{server.port}") as client,
    ):
        yield client, server


async def test_the_connection_goes_to_the_judged_address_after_one_look_up() -> None:
    looked_up: list[str] = []

    async def resolver(host: str, port: int) -> Sequence[Address]:
        looked_up.append(host)
        return [ip_address("127.0.0.1")]

    async with (
        LoopbackHttp(greet) as server,
        open_client("erp.example", resolver=resolver) as client,
    ):
        response = await client.send(get(f"http://erp.example:{server.port}/x?y=1"))
    assert response.status == 200
    assert looked_up == ["erp.example"]
    assert server.requests[0].target == "/x?y=1"
    assert server.requests[0].headers["host"] == f"erp.example:{server.port}"


async def test_a_kept_connection_serves_only_the_name_it_was_judged_for() -> None:
    async with (
        LoopbackHttp(greet) as server,
        open_client("erp.example", resolver=lambda host, port: from_loopback()) as client,
    ):
        await client.send(get(f"http://erp.example:{server.port}/"))
        await client.send(get(f"http://erp.example:{server.port}/"))
        assert server.connections == 1
        with pytest.raises(Rejected):
            await client.send(get(f"http://other.example:{server.port}/"))
        assert server.connections == 1
        assert len(server.requests) == 2


async def from_loopback() -> Sequence[Address]:
    return [ip_address("127.0.0.1")]


async def test_an_allowed_host_and_port_work() -> None:
    async with open_pair() as (client, server):
        response = await client.send(
            OutboundRequest(
                method="POST",
                url=f"{server.url}/hook",
                headers={"X-Token": "t", "Host": "evil.example", "Connection": "upgrade"},
                body="שלום".encode(),
            )
        )
    assert response.status == 200
    assert response.headers["content-type"] == "application/json"
    seen = server.requests[0]
    assert (seen.method, seen.target, seen.body.decode()) == ("POST", "/hook", "שלום")
    assert seen.headers["x-token"] == "t"
    assert seen.headers["host"] == f"127.0.0.1:{server.port}"
    assert "connection" not in seen.headers


async def test_an_operator_s_own_address_works_without_an_entry() -> None:
    async with LoopbackHttp(greet) as server, open_client(trusted=[server.url]) as client:
        assert (await client.send(get(f"{server.url}/any/path"))).status == 200


@pytest.mark.parametrize(
    "headers", [{"X-A": "b\r\nX-C: d"}, {"X-A": "b\x00"}, {"X A": "b"}, {"": "b"}, {"X:": "b"}]
)
async def test_a_header_cannot_smuggle_another(headers: dict[str, str]) -> None:
    async with open_pair() as (client, server):
        with pytest.raises(Rejected):
            await client.send(get(server.url, headers=headers))
        assert server.connections == 0


async def test_no_proxy_variable_takes_part(monkeypatch: pytest.MonkeyPatch) -> None:
    async with LoopbackHttp(greet, host="127.0.0.2") as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        async with open_pair() as (client, server):
            assert (await client.send(get(server.url))).status == 200
        assert proxy.connections == 0


async def test_redirects_are_followed_only_when_asked() -> None:
    async def redirect(exchange: Exchange) -> None:
        if exchange.request.target == "/old":
            await exchange.respond(302, headers=[("Location", "/new")])
        else:
            await greet(exchange)

    async with open_pair(redirect) as (client, server):
        kept = await client.send(get(f"{server.url}/old"))
        followed = await client.send(get(f"{server.url}/old", max_redirects=1))
    assert (kept.status, kept.headers["location"]) == (302, "/new")
    assert (followed.status, followed.body) == (200, b'{"path": "/new"}')


async def test_an_endless_redirect_ends_as_the_last_answer() -> None:
    async def again(exchange: Exchange) -> None:
        await exchange.respond(302, headers=[("Location", "/")])

    async with open_pair(again) as (client, server):
        assert (await client.send(get(server.url, max_redirects=3))).status == 302
        assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("status", "method", "body"), [(302, "GET", b""), (303, "GET", b""), (307, "POST", b"x")]
)
async def test_a_redirected_post_keeps_its_body_only_where_the_status_says_so(
    status: int, method: str, body: bytes
) -> None:
    async def redirect(exchange: Exchange) -> None:
        if exchange.request.target == "/old":
            await exchange.respond(status, headers=[("Location", "/new")])
        else:
            await greet(exchange)

    async with open_pair(redirect) as (client, server):
        request = OutboundRequest(
            method="POST", url=f"{server.url}/old", body=b"x", max_redirects=1, timeout_s=5.0
        )
        await client.send(request)
    assert (server.requests[1].method, server.requests[1].body) == (method, body)


async def test_credentials_do_not_follow_to_another_origin() -> None:
    async with LoopbackHttp(greet, host="127.0.0.2") as other:

        async def redirect(exchange: Exchange) -> None:
            await exchange.respond(307, headers=[("Location", f"{other.url}/x")])

        async with LoopbackHttp(redirect) as server, open_client("127.0.0.0/8") as client:
            headers = {"Authorization": "Bearer s3cret", "X-Api-Key": "s3cret", "Accept": "a/b"}
            await client.send(get(server.url, headers=headers, max_redirects=1))
    assert server.requests[0].headers["authorization"] == "Bearer s3cret"
    assert "s3cret" not in str(other.requests[0].headers)
    assert other.requests[0].headers["accept"] == "a/b"


async def test_an_answer_over_the_limit_is_refused() -> None:
    async def large(exchange: Exchange) -> None:
        await exchange.start(200, content_type="text/plain")
        for _ in range(50):
            await exchange.chunk(b"x" * 1000)
        await exchange.end()

    async with open_pair(large) as (client, server):
        with pytest.raises(Rejected) as caught:
            await client.send(get(server.url, max_response_bytes=10_000))
    assert caught.value.code == "response_too_large"


async def test_an_answer_that_announces_too_much_is_not_read() -> None:
    async def announce(exchange: Exchange) -> None:
        await exchange.send_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n")
        await exchange.wait_for_disconnect()

    async with open_pair(announce) as (client, server):
        with pytest.raises(Rejected) as caught:
            await client.send(get(server.url))
    assert caught.value.code == "response_too_large"


async def test_a_compressed_answer_is_unpacked_within_the_limit() -> None:
    async def squeeze(exchange: Exchange) -> None:
        size = 1_000 if exchange.request.target == "/small" else 5_000_000
        await exchange.respond(
            200, gzip.compress(b"x" * size), headers=[("Content-Encoding", "gzip")]
        )

    async with open_pair(squeeze) as (client, server):
        small = await client.send(get(f"{server.url}/small"))
        with pytest.raises(Rejected):
            await client.send(get(f"{server.url}/bomb"))
    assert small.body == b"x" * 1_000
    assert "content-encoding" not in small.headers


async def test_a_silent_server_is_left_when_the_time_is_up() -> None:
    left = asyncio.Event()

    async def hang(exchange: Exchange) -> None:
        await exchange.wait_for_disconnect()
        left.set()

    async with open_pair(hang) as (client, server):
        with pytest.raises(Unavailable) as caught:
            await client.send(OutboundRequest(method="GET", url=server.url, timeout_s=0.05))
        assert caught.value.code == "timed_out"
        await asyncio.wait_for(left.wait(), 1)


async def test_a_trickling_server_does_not_stretch_the_time() -> None:
    async def trickle(exchange: Exchange) -> None:
        await exchange.start(200, content_type="text/plain")
        while True:
            await exchange.chunk(b"x")
            await asyncio.sleep(0.01)

    async with open_pair(trickle) as (client, server):
        with pytest.raises(Unavailable) as caught:
            await client.send(OutboundRequest(method="GET", url=server.url, timeout_s=0.1))
    assert caught.value.code == "timed_out"


async def test_a_cancelled_request_hangs_up() -> None:
    arrived, left = asyncio.Event(), asyncio.Event()

    async def hang(exchange: Exchange) -> None:
        arrived.set()
        await exchange.wait_for_disconnect()
        left.set()

    async with open_pair(hang) as (client, server):
        task = asyncio.create_task(client.send(get(server.url)))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(left.wait(), 1)


async def test_a_refused_connection_says_so() -> None:
    async with LoopbackHttp(greet) as server:
        url = server.url
    async with open_client("127.0.0.1") as client:
        with pytest.raises(Unavailable) as caught:
            await client.send(get(url))
    assert caught.value.code == "connect_failed"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not http at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000,
    ],
)
async def test_a_broken_answer_says_so(raw: bytes) -> None:
    async def break_off(exchange: Exchange) -> None:
        if raw:
            await exchange.send_raw(raw)
        exchange.cut()

    async with open_pair(break_off) as (client, server):
        with pytest.raises(Unavailable) as caught:
            await client.send(get(server.url))
    assert caught.value.code == "broken_response"


async def test_https_checks_the_name_that_was_asked_for(tmp_path: Path) -> None:
    authority = TestAuthority(tmp_path)
    asked: list[str | None] = []
    tls = authority.serve("erp.example")
    tls.sni_callback = lambda _socket, name, _context: asked.append(name)
    async with (
        LoopbackHttp(greet, tls=tls) as server,
        open_client(
            "erp.example",
            "other.example",
            resolver=lambda host, port: from_loopback(),
            tls=authority.trust(),
        ) as client,
    ):
        assert (await client.send(get(f"https://erp.example:{server.port}/"))).status == 200
        with pytest.raises(Unavailable) as caught:
            await client.send(get(f"https://other.example:{server.port}/"))
    assert caught.value.code == "connect_failed"
    assert asked == ["erp.example", "other.example"]
    assert len(server.requests) == 1


async def test_https_refuses_an_authority_that_the_machine_does_not_know(tmp_path: Path) -> None:
    tls = TestAuthority(tmp_path).serve("erp.example")
    async with (
        LoopbackHttp(greet, tls=tls) as server,
        open_client("erp.example", resolver=lambda host, port: from_loopback()) as client,
    ):
        with pytest.raises(Unavailable) as caught:
            await client.send(get(f"https://erp.example:{server.port}/"))
    assert caught.value.code == "connect_failed"
    assert server.requests == []


async def test_a_redirect_from_https_to_http_is_refused(tmp_path: Path) -> None:
    authority = TestAuthority(tmp_path)

    async def redirect(exchange: Exchange) -> None:
        await exchange.respond(302, headers=[("Location", "http://erp.example/")])

    async with (
        LoopbackHttp(redirect, tls=authority.serve("erp.example")) as server,
        open_client(
            "erp.example", resolver=lambda host, port: from_loopback(), tls=authority.trust()
        ) as client,
    ):
        with pytest.raises(Rejected):
            await client.send(get(f"https://erp.example:{server.port}/", max_redirects=2))
