"""MCP servers; see ``kind``."""

from appliance.integrations.mcp.kind import McpKind
from appliance.integrations.registry import IntegrationParts
from appliance.ports.integrations import IntegrationKind

__all__ = ["McpKind", "build"]


def build(parts: IntegrationParts) -> IntegrationKind:
    """Return the type ``mcp``."""
    return McpKind(parts.streams, parts.mcp_programs, parts.tell_offers, parts.clock)
