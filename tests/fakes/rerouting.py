"""Names of the outside world that lead to servers on loopback ports.

Owns the way there, for a test's own process or, run as a program, for a whole server's; TLS, HTTP
and the egress rules on the way are the real ones.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpcore

ROUTES = "TEST_ROUTES"
"""The variable that holds the routes of a server's process: ports by ``name:port``, in JSON."""
PROGRAM = (sys.executable, "-m", "tests.fakes.rerouting")


@contextmanager
def rerouted(routes: Mapping[str, int]) -> Iterator[None]:
    """Lead each ``name:port`` to a port on 127.0.0.1 while the context is open."""
    addresses: dict[str, str] = {}
    ports: dict[tuple[str, int], int] = {}
    for place, port in routes.items():
        name, _, asked_port = place.rpartition(":")
        address = addresses.setdefault(name, f"127.77.0.{len(addresses) + 1}")
        ports[address, int(asked_port)] = port
    find, connect = socket.getaddrinfo, httpcore.AnyIOBackend.connect_tcp

    def find_address(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        return find(addresses.get(host, host), port, *more, **named)

    async def connect_tcp(self: Any, host: str, port: int, *more: Any, **named: Any) -> Any:
        if (host, port) in ports:
            host, port = "127.0.0.1", ports[host, port]
        return await connect(self, host, port, *more, **named)

    socket.getaddrinfo = find_address
    httpcore.AnyIOBackend.connect_tcp = connect_tcp  # type: ignore[method-assign]
    try:
        yield
    finally:
        socket.getaddrinfo = find
        httpcore.AnyIOBackend.connect_tcp = connect  # type: ignore[method-assign]


if __name__ == "__main__":
    from appliance.__main__ import main

    with rerouted(json.loads(os.environ[ROUTES])):
        main()
