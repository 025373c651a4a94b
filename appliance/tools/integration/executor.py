"""Runs a tool by asking an endpoint of an integration that the tenant mapped to it.

Owns which endpoint that is; asking, caching and logging are left to ``IntegrationAccess``.
"""

from __future__ import annotations

from appliance.domain.bound_parameters import find_bindings
from appliance.domain.ids import IntegrationId
from appliance.domain.integration import choose_endpoint
from appliance.domain.tool import ExecutorKind, TenantTool, ToolCall, ToolOutcome
from appliance.ports.integrations import IntegrationAccess
from appliance.ports.tool_executor import ToolContext


class IntegrationExecutor:
    """Implements ``ToolExecutor`` for the kind ``integration``."""

    def __init__(self, integrations: IntegrationAccess) -> None:
        self._integrations = integrations

    @property
    def kind(self) -> ExecutorKind:
        """The executor kind."""
        return "integration"

    async def execute(self, tool: TenantTool, call: ToolCall, context: ToolContext) -> ToolOutcome:
        """Ask the endpoint that the tool's ``custom_config`` names and return its answer."""
        choice = choose_endpoint(tool)
        if isinstance(choice, str):
            return ToolOutcome(
                is_success=False,
                error=f"The tool is not set up. {choice}",
                failure="not_available",
                attempts=0,
            )
        return await self._integrations.call(
            context.tenant_id,
            IntegrationId(tool.integration_mapping[choice.integration]),
            choice.endpoint,
            call.arguments,
            risk=tool.risk,
            bound=find_bindings(tool).keys(),
        )
