"""``EgressClient.connect`` and ``judge``: other protocols than HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from appliance.egress.addresses import Address
from appliance.errors import Rejected, Unavailable
from tests.fakes.loopback_http import LoopbackHttp
from tests.unit.appliance.egress.test_client import greet, open_client


async def test_a_socket_leads_to_the_judged_address_after_one_look_up() -> None:
    looked_up: list[str] = []

    async def resolver(host: str, port: int) -> Sequence[Address]:
        looked_up.append(host)
        return [ip_address("127.0.0.1")]

    async with (
        LoopbackHttp(greet) as server,
        open_client("db.example", resolver=resolver) as client,
    ):
        sock = await client.connect("DB.example", server.port, timeout_s=5)
        reader, writer = await asyncio.open_connection(sock=sock)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
        await writer.wait_closed()
    assert looked_up == ["db.example"]


async def test_the_next_address_is_tried() -> None:
    async def resolver(host: str, port: int) -> Sequence[Address]:
        return [ip_address("127.0.0.9"), ip_address("127.0.0.1")]

    async with (
        LoopbackHttp(greet) as server,
        open_client("db.example", resolver=resolver) as client,
    ):
        (await client.connect("db.example", server.port, timeout_s=5)).close()
        assert await client.judge("db.example", server.port) == ("127.0.0.9", "127.0.0.1")


@pytest.mark.parametrize("port", [0, -1, 65_536])
async def test_a_port_that_is_none_is_refused(port: int) -> None:
    async with open_client() as client:
        with pytest.raises(Rejected):
            await client.connect("db.example", port, timeout_s=5)


async def test_nobody_there_is_a_failed_connection() -> None:
    async def no_such_name(host: str, port: int) -> Sequence[Address]:
        raise OSError("no such name")

    async with LoopbackHttp(greet) as server:
        port = server.port
    async with open_client("127.0.0.1", resolver=no_such_name) as client:
        for host in ("127.0.0.1", "nowhere.example"):
            with pytest.raises(Unavailable) as caught:
                await client.connect(host, port, timeout_s=5)
            assert caught.value.code == "connect_failed"


async def test_a_name_server_that_does_not_answer_is_a_failed_connection() -> None:
    async def hang(host: str, port: int) -> Sequence[Address]:
        await asyncio.Event().wait()
        return []

    async with open_client(resolver=hang) as client:
        with pytest.raises(Unavailable) as caught:
            await client.connect("db.example", 5432, timeout_s=0.1)
    assert caught.value.code == "connect_failed"


async def test_a_credential_is_bound_here_too() -> None:
    async with LoopbackHttp(greet) as server, open_client("127.0.0.1") as client:
        bound = [f"127.0.0.1:{server.port}"]
        sock = await client.connect("127.0.0.1", server.port, timeout_s=5, credential_hosts=bound)
        sock.close()
        with pytest.raises(Rejected) as caught:
            await client.connect("127.0.0.1", server.port, timeout_s=5, credential_hosts=["db"])
        assert caught.value.code == "credential_bound"
