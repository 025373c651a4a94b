"""The tools of this product, as the answerer is given them."""

from __future__ import annotations

import json
from functools import cache

from appliance.domain.tool import ToolSpec
from appliance.paths import bundled_workflows


@cache
def load_bundled() -> tuple[ToolSpec, ...]:
    """All that work without an integration."""
    loaded = []
    for path in sorted(bundled_workflows().glob("*.tool.json")):
        tool = json.loads(path.read_text(encoding="utf-8"))
        loaded.append(
            ToolSpec(
                name=tool["tool_name"],
                description=tool["description"],
                risk=tool["risk"],
                parameters_schema=tool["parameters_schema"],
                examples=tuple(tool["examples"]),
            )
        )
    return tuple(loaded)
