"""What runs tools, one folder per kind; see ``registry``."""

from appliance.tools.registry import ToolDependencies, build_executors

__all__ = ["ToolDependencies", "build_executors"]
