"""The two ways to an MCP server: streamable HTTP, and a program of this machine.

Owns opening the SDK's streams; what is said over them is left to ``sessions``. A program is
started by its name only: what runs is in the settings of the machine's owner.
"""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, TextIO

import structlog

from appliance.domain.mcp_server import McpProgram
from appliance.integrations.mcp.connection import McpConnection
from appliance.integrations.mcp.notes import Notes
from appliance.integrations.mcp.sdk import prepare_sdk
from appliance.ports.outbound_http import OutboundStreams

logger = structlog.get_logger(__name__)

MAX_LINE_CHARS: Final = 500


@asynccontextmanager
async def open_http(
    connection: McpConnection, streams: OutboundStreams, notes: Notes
) -> AsyncIterator[tuple[Any, Any]]:
    """Open the streams to the server at ``connection.url``, under the egress rules."""
    prepare_sdk()
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    from appliance.integrations.mcp.transport import EgressTransport

    transport = EgressTransport(streams, credential_hosts=connection.find_hosts(), notes=notes)
    async with (
        httpx2.AsyncClient(
            transport=transport,
            headers=connection.build_headers(),
            trust_env=False,
            timeout=None,
        ) as client,
        streamable_http_client(connection.url or "", http_client=client) as pair,
    ):
        yield pair


@asynccontextmanager
async def open_program(name: str, program: McpProgram) -> AsyncIterator[tuple[Any, Any]]:
    """Start ``program`` and open the streams to it; it ends with them, or is killed.

    Raises:
        OSError: It cannot be started.
    """
    prepare_sdk()
    from mcp.client.stdio import StdioServerParameters, stdio_client

    parameters = StdioServerParameters(
        command=program.command,
        args=program.arguments,
        env=program.environment,
        cwd=program.folder,
    )
    with _log_errors(name) as errors:
        async with stdio_client(parameters, errlog=errors) as pair:
            yield pair


class _log_errors:
    """A pipe whose lines are logged under the name of a server."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> TextIO:
        reading, writing = os.pipe()
        self._writing = os.fdopen(writing, "w")
        # A thread, since Windows cannot wait for such a pipe in the event loop.
        threading.Thread(target=self._log, args=(reading,), daemon=True).start()
        return self._writing

    def __exit__(self, *_: object) -> None:
        self._writing.close()

    def _log(self, reading: int) -> None:
        with os.fdopen(reading, encoding="utf-8", errors="replace") as lines:
            while line := lines.readline(10_000):
                text = line.strip()[:MAX_LINE_CHARS]
                if text:
                    logger.info("mcp_program_said", program=self._name, line=text)
