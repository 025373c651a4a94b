"""What runs tools, one folder per kind; see ``registry``."""

from appliance.tools.registry import ToolParts, build_executors

__all__ = ["ToolParts", "build_executors"]
