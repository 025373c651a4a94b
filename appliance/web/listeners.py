"""Serving applications on addresses, until told to stop.

Owns the HTTP server's set-up and its end; what is served is left to ``appliance.web.apps``.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Sequence
from contextlib import suppress

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from msgspec import Struct

from appliance import failpoints
from appliance.errors import AddressInUse, ConfigurationError
from appliance.tasks import TaskGroup
from appliance.web.access import AsgiApp

BACKLOG = 4_096
MAX_OPEN_REQUESTS = 20_000
"""Every open stream holds a slot: visitors' idle streams must not starve ``/health``."""
HEADER_DEADLINE_MS = 10_000
STOP_DEADLINE_S = 2.0
START_DEADLINE_S = 10.0


class Listener(Struct, frozen=True, kw_only=True):
    """An application and where it listens."""

    app: AsgiApp
    host: str
    port: int


def choose_port(host: str, port: int, *, setting: str) -> int:
    """Return ``port``, or a free one for 0, after seeing that it can be listened on.

    Raises:
        AddressInUse: Another program listens there.
        ConfigurationError: The address is not one of this machine's, or not permitted.
    """
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ConfigurationError(
            f"{setting}: {host!r} is not an address of this machine.", setting=setting
        ) from error
    family, kind, protocol, _, address = infos[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            raise _explain(error, host, port, setting) from error
        chosen: int = probe.getsockname()[1]
        return chosen


def _explain(error: OSError, host: str, port: int, setting: str) -> ConfigurationError:
    if error.errno == errno.EADDRINUSE:
        return AddressInUse(
            f"{host}:{port} is already in use by another program. Stop it, or choose another port "
            f"with {setting}.",
            setting=setting,
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return ConfigurationError(
            f"This user may not listen on {host}:{port}. Choose a port above 1023 with {setting}.",
            setting=setting,
        )
    return ConfigurationError(
        f"{host}:{port} cannot be listened on: {error.strerror}.", setting=setting
    )


async def serve(
    listeners: Sequence[Listener], *, started: asyncio.Event, stop: asyncio.Event
) -> None:
    """Serve until ``stop``; ``started`` is set once every listener answers."""
    tasks = TaskGroup()
    servers = [_build_server(listener) for listener in listeners]
    serving = [
        tasks.start(server.serve(), name=f"listener-{listener.port}")
        for server, listener in zip(servers, listeners, strict=True)
    ]
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await _wait_until_listening(listeners)
        started.set()
        await asyncio.wait({stopping, *serving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        failpoints.passed("server.drained")
        stopping.cancel()
        for server in servers:
            server.stop()  # type: ignore[no-untyped-call]
        await tasks.drain(timeout_s=STOP_DEADLINE_S)
    for task in serving:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


def _build_server(listener: Listener) -> Server:
    return Server(
        listener.app,
        address=listener.host,
        port=listener.port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_DEADLINE_MS),
        websockets=False,
        backlog=BACKLOG,
        backpressure=MAX_OPEN_REQUESTS,
        log_enabled=False,
    )


async def _wait_until_listening(listeners: Sequence[Listener]) -> None:
    async with asyncio.timeout(START_DEADLINE_S):
        for listener in listeners:
            host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listener.host, listener.host)
            while True:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection(host, listener.port)
                    writer.close()
                    break
                await asyncio.sleep(0.005)
