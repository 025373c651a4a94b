"""Which parameters of a tool say who the visitor is.

Owns reading that from a tool; filling them in is left to ``appliance.agent.bound_arguments``. See
docs/adr/0020.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from appliance.domain.json_types import JsonObject
from appliance.domain.tool import TenantTool

MARK: Final = "x-identity"
"""In a property of a tool's schema: the claim that fills the parameter."""
CONFIG_KEY: Final = "identity"
"""In a tenant tool's ``custom_config``: claims by parameter, over what the schema says."""


def find_bindings(tool: TenantTool) -> dict[str, str]:
    """Return the claim of each bound parameter of ``tool``."""
    marked = {
        name: schema[MARK]
        for name, schema in read_properties(tool.tool.parameters_schema).items()
        if isinstance(schema, dict) and isinstance(schema.get(MARK), str)
    }
    configured = tool.custom_config.get(CONFIG_KEY)
    chosen = configured if isinstance(configured, dict) else {}
    return marked | {name: claim for name, claim in chosen.items() if isinstance(claim, str)}


def read_properties(schema: JsonObject) -> Mapping[str, Any]:
    """Return the properties at the top of a tool's schema."""
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}
