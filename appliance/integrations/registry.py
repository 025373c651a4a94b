"""The types of integrations that exist and what they are built from.

Owns the one place that knows them all, by walking the package: a type is a folder whose module has
``build(parts) -> IntegrationKind``. How a system is asked is left to its folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, cast

from msgspec import Struct

from appliance.domain.integration import StoredIntegration, ToolOffer
from appliance.domain.mcp_server import McpProgram
from appliance.plugins import load_all
from appliance.ports.clock import Clock
from appliance.ports.integrations import IntegrationKind, TellOffers
from appliance.ports.outbound_connections import OutboundConnections
from appliance.ports.outbound_http import OutboundHttp, OutboundStreams

PACKAGE = "appliance.integrations"


async def ignore_offers(integration: StoredIntegration, offers: Sequence[ToolOffer]) -> None:
    """Tell nobody."""


class IntegrationParts(Struct, frozen=True, kw_only=True):
    """Everything a type of integration may need; each takes its part.

    ``sqlite_dir`` holds a folder for each tenant, named by its id, with the databases that it may
    read.
    ``mcp_programs`` are those that the machine's owner registered, by name.
    """

    http: OutboundHttp
    streams: OutboundStreams
    connections: OutboundConnections
    clock: Clock
    sqlite_dir: Path | None = None
    mcp_programs: Mapping[str, McpProgram] = {}
    tell_offers: TellOffers = ignore_offers


class IntegrationFolder(Protocol):
    """What the module of a type offers."""

    def build(self, parts: IntegrationParts) -> IntegrationKind:
        """Return the type."""
        ...


def build_kinds(parts: IntegrationParts) -> dict[str, IntegrationKind]:
    """Return every type of integration, by its name."""
    folders = [cast(IntegrationFolder, module) for module in load_all(PACKAGE)]
    kinds = [folder.build(parts) for folder in folders]
    return {kind.name: kind for kind in kinds}
