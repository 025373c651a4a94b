"""Tools that ask an integration of the tenant's; see ``executor``."""

from appliance.ports.tool_executor import ToolExecutor
from appliance.tools.integration.executor import IntegrationExecutor
from appliance.tools.registry import ToolParts

__all__ = ["IntegrationExecutor", "build"]


def build(parts: ToolParts) -> ToolExecutor:
    """Return the executor of integration tools."""
    return IntegrationExecutor(parts.integrations)
