"""Tools that a workflow inside the appliance does; see ``executor``."""

from appliance.ports.tool_executor import ToolExecutor
from appliance.tools.registry import ToolDependencies
from appliance.tools.workflow.executor import WorkflowExecutor

__all__ = ["WorkflowExecutor", "build"]


def build(dependencies: ToolDependencies) -> ToolExecutor:
    """Return the executor of workflow tools."""
    return WorkflowExecutor(
        dependencies.workflows, dependencies.workflow_runner, dependencies.clock
    )
