from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from appliance.egress import EgressClient
from appliance.errors import Rejected
from appliance.integrations.mcp.notes import Notes
from appliance.integrations.mcp.transport import MAX_LISTENINGS, EgressTransport
from tests.fakes.loopback_http import Exchange, LoopbackHttp


async def answer(exchange: Exchange) -> None:
    if exchange.request.path == "/large":
        await exchange.start(200, content_type="text/event-stream")
        for _ in range(1_100):
            await exchange.chunk(b": " + b"x" * 1_000 + b"\n")
        await exchange.end()
    else:
        await exchange.respond_json(200, {"path": exchange.request.target})


@asynccontextmanager
async def open_client(
    *allow: str, hosts: tuple[str, ...], notes: Notes
) -> AsyncIterator[httpx2.AsyncClient]:
    egress = EgressClient(allow)
    transport = EgressTransport(egress, credential_hosts=hosts, notes=notes)
    async with httpx2.AsyncClient(transport=transport, trust_env=False) as client:
        yield client
    await egress.aclose()


async def test_a_request_goes_out_under_the_egress_rules() -> None:
    notes = Notes()
    async with LoopbackHttp(answer) as server:
        where = f"127.0.0.1:{server.port}"
        async with open_client(where, hosts=(where,), notes=notes) as client:
            got = await client.post(f"{server.url}/mcp", json={"a": 1}, headers={"X-Key": "k"})
        assert got.json() == {"path": "/mcp"}
        [request] = server.requests
    assert (request.json(), request.headers["x-key"]) == ({"a": 1}, "k")
    assert (notes.status, notes.failure) == (200, None)


@pytest.mark.parametrize(
    ("allow", "bound", "code"),
    [((), True, "egress_denied"), (("127.0.0.1",), False, "credential_bound")],
)
async def test_a_refusal_is_noted_and_nothing_sent(
    allow: tuple[str, ...], bound: bool, code: str
) -> None:
    notes = Notes()
    async with LoopbackHttp(answer) as server:
        hosts = (f"127.0.0.1:{server.port}",) if bound else ("mcp.example:443",)
        async with open_client(*allow, hosts=hosts, notes=notes) as client:
            with pytest.raises(Rejected):
                await client.post(f"{server.url}/mcp", json={})
        assert server.connections == 0
    assert notes.failure is not None
    assert notes.failure.code == code


async def test_an_answer_is_bounded_however_it_comes() -> None:
    notes = Notes()
    async with LoopbackHttp(answer) as server:
        where = f"127.0.0.1:{server.port}"
        async with open_client(where, hosts=(where,), notes=notes) as client:
            with pytest.raises(httpx2.StreamError):
                await client.post(f"{server.url}/large", json={})
    assert notes.failure is not None
    assert notes.failure.code == "response_too_large"


async def test_a_session_does_not_listen_for_ever_to_a_server_that_hangs_up() -> None:
    notes = Notes()
    async with LoopbackHttp(answer) as server:
        where = f"127.0.0.1:{server.port}"
        async with open_client(where, hosts=(where,), notes=notes) as client:
            for _ in range(MAX_LISTENINGS):
                await client.get(server.url)
            with pytest.raises(Rejected):
                await client.get(server.url)
        assert len(server.requests) == MAX_LISTENINGS
