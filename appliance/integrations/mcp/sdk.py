"""The client half of the official MCP SDK, imported when the first server is asked.

Owns leaving the server half behind: the SDK's packages import it, with a web framework and a web
server, before any of their modules. See docs/adr/0031.
"""

from __future__ import annotations

import logging
import sys
from importlib.util import find_spec
from types import ModuleType

PACKAGES = ("mcp", "mcp.client")


def prepare_sdk() -> None:
    """Let modules of the client half be imported without the SDK's own package modules.

    Raises:
        ImportError: The SDK is not installed.
    """
    # What it logs of a failure reaches us as an error, and would quote what the server wrote.
    logging.getLogger("mcp").setLevel(logging.CRITICAL + 1)
    for name in PACKAGES:
        if name in sys.modules:
            continue
        spec = find_spec(name)
        if spec is None or spec.submodule_search_locations is None:
            raise ImportError(f"{name} is not installed")
        package = ModuleType(name)
        package.__path__ = list(spec.submodule_search_locations)
        package.__spec__ = spec
        sys.modules[name] = package
