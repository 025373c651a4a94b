"""Whether the embedded runner works, by running a small workflow.

Owns that workflow and what it must give; who asks is left to ``appliance.services.health``.
"""

from __future__ import annotations

from typing import Final

from appliance.domain.ids import TenantId
from appliance.domain.json_types import JsonObject
from appliance.errors import Unavailable
from appliance.workflows.runner import WorkflowRunner

NOBODY: Final = TenantId("00000000-0000-0000-0000-000000000000")

WORKFLOW: Final[JsonObject] = {
    "name": "Self-check",
    "nodes": [
        {"name": "Start", "type": "n8n-nodes-base.manualTrigger", "typeVersion": 1},
        {
            "name": "Add",
            "type": "n8n-nodes-base.set",
            "typeVersion": 3.4,
            "parameters": {
                "assignments": {
                    "assignments": [
                        {"id": "1", "name": "sum", "value": "={{ 40 + 2 }}", "type": "number"}
                    ]
                }
            },
        },
    ],
    "connections": {"Start": {"main": [[{"node": "Add", "type": "main", "index": 0}]]}},
}


async def check(runner: WorkflowRunner) -> None:
    """Run one expression in the sandbox.

    Raises:
        UpstreamError: The runner does not work; says why.
    """
    run = await runner.run(WORKFLOW, {}, tenant_id=NOBODY, time_zone="UTC")
    if run.output != {"sum": 42}:
        raise Unavailable("The workflow runner gives wrong results.", code="workflows_broken")
