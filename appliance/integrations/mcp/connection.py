"""What it takes to reach an MCP server: its address, or the name of a program of this machine.

Owns the fields and what goes with which; opening the connection is left to ``openings``.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from appliance.domain.json_types import JsonObject
from appliance.field_errors import read_fields
from appliance.integrations.connection_fields import (
    Secret,
    WebAddress,
    check_address,
    check_one_line,
    find_host,
    find_secret_fields,
    refuse_field,
)
from appliance.integrations.endpoint_request import HEADER, OWN_HEADERS

TAKEN: Final = frozenset(("accept", "mcp-session-id", "mcp-protocol-version", "last-event-id"))


class McpConnection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An MCP server.

    Either ``url`` (streamable HTTP, signed in as ``auth`` says with ``api_key``) or ``program``,
    the name under which the machine's owner registered one. ``timeout_s`` bounds a call.
    """

    url: WebAddress | None = None
    program: Annotated[str, Meta(min_length=1, max_length=40)] | None = None
    auth: Literal["none", "bearer", "header"] = "none"
    api_key: Secret | None = None
    api_key_name: Annotated[str, Meta(min_length=1, max_length=100)] = "X-API-Key"
    timeout_s: Annotated[float, Meta(gt=0, le=120)] = 30.0

    def build_headers(self) -> dict[str, str]:
        """Return the headers that sign in."""
        match self.auth:
            case "none":
                return {}
            case "bearer":
                return {"authorization": f"Bearer {self.api_key}"}
            case "header":
                return {self.api_key_name.lower(): self.api_key or ""}

    def find_hosts(self) -> tuple[str, ...]:
        """Return where the secret is sent."""
        return () if self.url is None else (find_host(self.url),)


SECRET_FIELDS: Final = find_secret_fields(McpConnection)


def read_connection(config: JsonObject, *, programs: Collection[str]) -> McpConnection:
    """Return the connection that ``config`` describes.

    Args:
        config: As it is stored.
        programs: The names that the machine's owner registered.

    Raises:
        InvalidInput: A field does not fit, or is missing for this way to sign in.
    """
    connection = read_fields(config, McpConnection, name="connection_config")
    check_one_line(config)
    if (connection.url is None) == (connection.program is None):
        raise refuse_field(
            "connection_config.url", "Give either an address or the name of a registered program."
        )
    if connection.program is not None:
        if connection.program not in programs:
            raise refuse_field(
                "connection_config.program",
                "The machine's owner has registered no program of this name.",
            )
        if connection.auth != "none":
            raise refuse_field("connection_config.auth", "A program is not signed in to.")
        return connection
    check_address(connection.url or "", field="url")
    if connection.auth != "none" and connection.api_key is None:
        raise refuse_field(
            "connection_config.api_key",
            f"This field is required to sign in by {connection.auth!r}.",
        )
    name = connection.api_key_name
    if not HEADER.fullmatch(name) or name.lower() in OWN_HEADERS | TAKEN:
        raise refuse_field("connection_config.api_key_name", "This header cannot be set.")
    return connection
