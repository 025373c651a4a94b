"""Trying a tenant's tool by hand, before a visitor does.

Owns the trial call; it counts as nobody's usage and is not logged as an execution.
"""

from __future__ import annotations

from collections.abc import Mapping

from appliance.agent.policy import find_argument_problem
from appliance.domain.ids import ToolId, new_id
from appliance.domain.json_types import JsonObject
from appliance.domain.tenant import Tenant
from appliance.domain.tool import ExecutorKind, ToolCall, ToolOutcome
from appliance.errors import ConfigurationError, FieldError, InvalidInput, NotFound
from appliance.ports.repositories import ToolRepository
from appliance.ports.tool_executor import ToolContext, ToolExecutor


class ToolTrials:
    """Runs trial calls."""

    def __init__(
        self, *, tools: ToolRepository, executors: Mapping[ExecutorKind, ToolExecutor]
    ) -> None:
        self._tools = tools
        self._executors = executors

    async def run(self, tenant: Tenant, tool_id: ToolId, parameters: JsonObject) -> ToolOutcome:
        """Run the tool once with ``parameters``, also when it is switched off.

        Raises:
            NotFound: The tenant does not use this tool.
            InvalidInput: The parameters do not fit the tool's schema.
            ConfigurationError: There is nothing here that can run it.
        """
        tool = await self._tools.get_for_tenant(tenant.id, tool_id)
        if tool is None:
            raise NotFound(f"The tenant does not use the tool {tool_id!r}.", code="tool_not_found")
        problem = find_argument_problem(parameters, tool.tool.parameters_schema)
        if problem is not None:
            raise InvalidInput(
                "The parameters do not fit the tool's schema.",
                errors=[FieldError("parameters", problem)],
            )
        executor = self._executors.get(tool.executor)
        if executor is None:
            raise ConfigurationError(
                f"Nothing here runs tools of the kind {tool.executor!r}.", code="executor_unknown"
            )
        call = ToolCall(id=f"test_{new_id()}", name=tool.tool.tool_name, arguments=parameters)
        context = ToolContext(tenant_id=tenant.id, time_zone=tenant.time_zone)
        return await executor.execute(tool, call, context)
