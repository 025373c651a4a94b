"""Tools that a workflow inside the appliance does; see ``executor``."""

from appliance.ports.tool_executor import ToolExecutor
from appliance.tools.registry import ToolParts
from appliance.tools.workflow.executor import WorkflowExecutor

__all__ = ["WorkflowExecutor", "build"]


def build(parts: ToolParts) -> ToolExecutor:
    """Return the executor of workflow tools."""
    return WorkflowExecutor(
        parts.workflow_repository, parts.workflows, parts.integrations, parts.clock
    )
