from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

import httpcore
import pytest

from appliance.egress.addresses import Address
from appliance.egress.connections import JudgedBackend, resolve
from appliance.egress.rules import EgressRules
from appliance.errors import Rejected
from tests.fakes.loopback_http import Exchange, LoopbackHttp


async def answer(exchange: Exchange) -> None:
    await exchange.respond(200)


def resolving_to(*addresses: str) -> object:
    async def resolver(host: str, port: int) -> Sequence[Address]:
        return [ip_address(address) for address in addresses]

    return resolver


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    async with LoopbackHttp(answer) as server:
        backend = JudgedBackend(
            EgressRules(allow=["127.0.0.0/8"]), resolving_to("127.0.0.9", "127.0.0.1")
        )
        stream = await backend.connect_tcp("shop.example", server.port, timeout=2)
        await stream.aclose()
        assert server.connections == 1


async def test_no_answering_address_is_a_failed_connection() -> None:
    async with LoopbackHttp(answer) as server:
        port = server.port
    backend = JudgedBackend(EgressRules(allow=["127.0.0.1"]), resolving_to("127.0.0.1"))
    with pytest.raises(httpcore.ConnectError):
        await backend.connect_tcp("shop.example", port, timeout=2)


async def test_a_name_that_does_not_resolve_is_a_failed_connection() -> None:
    async def resolver(host: str, port: int) -> Sequence[Address]:
        raise OSError("no such name")

    with pytest.raises(httpcore.ConnectError):
        await JudgedBackend(EgressRules(), resolver).connect_tcp("shop.example", 80)


async def test_a_forbidden_address_is_never_connected_to() -> None:
    async with LoopbackHttp(answer) as canary:
        backend = JudgedBackend(EgressRules(), resolving_to("8.8.8.8", "127.0.0.1"))
        with pytest.raises(Rejected):
            await backend.connect_tcp("shop.example", canary.port)
        assert canary.connections == 0


async def test_a_socket_file_is_not_reachable() -> None:
    backend = JudgedBackend(EgressRules(), resolving_to())
    with pytest.raises(httpcore.ConnectError):
        await backend.connect_unix_socket("/run/docker.sock")


async def test_the_machine_s_resolver_knows_localhost() -> None:
    assert {str(address) for address in await resolve("localhost", 80)} <= {"127.0.0.1", "::1"}
