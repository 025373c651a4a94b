"""``EgressClient.stream``, and where a credential may go."""

from __future__ import annotations

import asyncio

import pytest

from appliance.errors import Rejected, Unavailable
from appliance.ports.outbound_http import OutboundRequest
from tests.fakes.loopback_http import Exchange, LoopbackHttp
from tests.unit.appliance.egress.test_client import (
    get,
    greet,
    open_client,
    open_pair,
)


async def trickle(exchange: Exchange) -> None:
    await exchange.start(200, content_type="text/event-stream")
    for number in range(3):
        await exchange.chunk(f"data: {number}\n\n".encode())
    await exchange.end()


async def test_pieces_are_read_while_they_arrive() -> None:
    is_read = asyncio.Event()

    async def wait_between(exchange: Exchange) -> None:
        await exchange.start(200, content_type="text/event-stream")
        await exchange.chunk(b"first")
        await is_read.wait()
        await exchange.chunk(b"second")
        await exchange.end()

    async with open_pair(wait_between) as (client, server):
        async with client.stream(get(server.url)) as answer:
            assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream")
            assert await anext(answer.pieces) == b"first"
            is_read.set()
            assert [piece async for piece in answer.pieces] == [b"second"]
        assert server.requests[0].headers["accept-encoding"] == "identity"


async def test_leaving_abandons_the_rest() -> None:
    gone = asyncio.Event()

    async def go_on(exchange: Exchange) -> None:
        await exchange.start(200, content_type="text/event-stream")
        await exchange.chunk(b"first")
        await exchange.wait_for_disconnect()
        gone.set()

    async with open_pair(go_on) as (client, server):
        async with client.stream(get(server.url)) as answer:
            await anext(answer.pieces)
        async with asyncio.timeout(5):
            await gone.wait()


async def test_a_stream_is_bounded() -> None:
    async with (
        open_pair(trickle) as (client, server),
        client.stream(get(server.url, max_response_bytes=12)) as answer,
    ):
        assert await anext(answer.pieces)
        with pytest.raises(Rejected) as caught:
            await anext(answer.pieces)
    assert caught.value.code == "response_too_large"


async def test_a_piece_that_does_not_come_ends_the_wait() -> None:
    async def stall(exchange: Exchange) -> None:
        await exchange.start(200, content_type="text/event-stream")
        await exchange.wait_for_disconnect()

    async with open_pair(stall) as (client, server):
        request = OutboundRequest(method="GET", url=server.url, timeout_s=0.2)
        async with client.stream(request) as got:
            with pytest.raises(Unavailable) as caught:
                await anext(got.pieces)
    assert caught.value.code == "timed_out"


async def test_a_stream_that_breaks_off_is_told() -> None:
    async def cut(exchange: Exchange) -> None:
        await exchange.start(200, content_type="text/event-stream")
        await exchange.chunk(b"first")
        exchange.cut()

    async with open_pair(cut) as (client, server), client.stream(get(server.url)) as answer:
        with pytest.raises(Unavailable) as caught:
            assert [piece async for piece in answer.pieces]
    assert caught.value.code == "broken_response"


async def test_an_error_of_the_reader_stays_its_own() -> None:
    async with open_pair(trickle) as (client, server):
        with pytest.raises(TimeoutError, match="mine"):
            async with client.stream(get(server.url)):
                raise TimeoutError("mine")


async def test_a_credential_goes_to_its_own_host_only() -> None:
    async with open_pair() as (client, server):
        bound = (f"127.0.0.1:{server.port}",)
        assert (await client.send(get(server.url, credential_hosts=bound))).status == 200
        for other in ((), ("shop.example",), (f"127.0.0.1:{server.port + 1}",)):
            with pytest.raises(Rejected) as caught:
                await client.send(get(server.url, credential_hosts=other))
            assert caught.value.code == "credential_bound"
        with pytest.raises(Rejected):
            async with client.stream(get(server.url, credential_hosts=())):
                pass
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_does_not_take_a_credential_elsewhere(status: int) -> None:
    """The other host may be reached, but not by a request that carries a credential."""
    async with LoopbackHttp(greet, host="127.0.0.2") as thief:

        async def redirect(exchange: Exchange) -> None:
            await exchange.respond(status, headers=[("Location", f"{thief.url}/?key=k")])

        async with (
            LoopbackHttp(redirect) as server,
            open_client("127.0.0.0/8") as client,
        ):
            url = f"{server.url}/?key=k"
            assert (await client.send(get(url, max_redirects=3))).status == 200
            assert len(thief.requests) == 1
            with pytest.raises(Rejected) as caught:
                await client.send(
                    get(url, max_redirects=3, credential_hosts=(f"127.0.0.1:{server.port}",))
                )
            assert caught.value.code == "credential_bound"
            assert len(thief.requests) == 1
