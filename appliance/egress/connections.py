"""Opens connections to judged addresses only.

Owns resolving a name once, judging every address and connecting to the very address that was
judged; the HTTP on top is httpcore's. Since httpcore keeps connections by scheme, host and port, a
kept connection serves only the name it was judged for.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import httpcore

from appliance.egress.addresses import Address, read_literal
from appliance.egress.rules import EgressRules

Resolver = Callable[[str, int], Awaitable[Sequence[Address]]]
"""Returns the addresses of a host name, best first; raises ``OSError`` when there are none."""

MAX_ADDRESSES_TRIED = 4


async def resolve(host: str, port: int) -> list[Address]:
    """Ask the machine's resolver.

    Raises:
        OSError: The name does not exist, or no name server answers.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [read_literal(str(entry[4][0])) for entry in found]
    return [address for address in addresses if address is not None]


class JudgedBackend(httpcore.AsyncNetworkBackend):
    """httpcore's way to the network, with the egress rules in between."""

    def __init__(self, rules: EgressRules, resolver: Resolver) -> None:
        self._rules = rules
        self._resolver = resolver
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of ``host`` that answers.

        Raises:
            Rejected: One of its addresses may not be reached.
            httpcore.ConnectError: The name does not resolve, or none of its addresses answers.
        """
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in await self.judge(host, port):
            try:
                return await self._network.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
        assert failure is not None
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: no URL of a tenant names a socket file."""
        raise httpcore.ConnectError("socket files are not reachable")

    async def sleep(self, seconds: float) -> None:
        """Wait between httpcore's own retries, of which there are none."""
        await asyncio.sleep(seconds)

    async def judge(self, host: str, port: int) -> Sequence[Address]:
        """Return the addresses to try, best first, after all of the name's were judged.

        Raises:
            Rejected: One of its addresses may not be reached.
            httpcore.ConnectError: The name does not resolve.
        """
        addresses = await self._find_addresses(host, port)
        self._rules.check(host, port, addresses)
        return addresses[:MAX_ADDRESSES_TRIED]

    async def _find_addresses(self, host: str, port: int) -> Sequence[Address]:
        literal = read_literal(host)
        if literal is not None:
            return [literal]
        try:
            return await self._resolver(host, port)
        except (OSError, UnicodeError) as exc:
            raise httpcore.ConnectError(f"{host} does not resolve") from exc
