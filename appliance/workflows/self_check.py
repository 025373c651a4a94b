"""Whether the embedded runner works, by running a small workflow.

Owns that workflow and what it must give; who asks is left to ``appliance.services.health``.
"""

from __future__ import annotations

import asyncio
from typing import Final

from appliance.domain.ids import TenantId
from appliance.domain.json_types import JsonObject
from appliance.errors import Unavailable
from appliance.ports.clock import Clock
from appliance.workflows.runner import WorkflowRunner

NOBODY: Final = TenantId("00000000-0000-0000-0000-000000000000")

FIRST_PATIENCE_S: Final = 10.0
PATIENCE_S: Final = 0.05
TRUSTED_S: Final = 60.0

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


class SelfCheck:
    """Tells whether the runner works, soon: who asks for health is not kept waiting by workflows.

    A runner that is busy and has worked a moment ago works.
    """

    def __init__(self, runner: WorkflowRunner, clock: Clock) -> None:
        self._runner = runner
        self._clock = clock
        self._worked_at: float | None = None

    async def __call__(self) -> None:
        """Run one expression in the sandbox.

        Raises:
            UpstreamError: The runner does not work; says why.
        """
        worked_at = self._worked_at
        try:
            async with asyncio.timeout(FIRST_PATIENCE_S if worked_at is None else PATIENCE_S):
                await check(self._runner)
        except TimeoutError:
            if worked_at is None or self._clock.monotonic() - worked_at > TRUSTED_S:
                raise Unavailable(
                    "Workflows have kept the runner busy for more than a minute.",
                    code="workflows_busy",
                ) from None
        else:
            self._worked_at = self._clock.monotonic()


async def check(runner: WorkflowRunner) -> None:
    """Run one expression in the sandbox.

    Raises:
        UpstreamError: The runner does not work; says why.
    """
    run = await runner.run(WORKFLOW, {}, tenant_id=NOBODY, time_zone="UTC")
    if run.output != {"sum": 42}:
        raise Unavailable("The workflow runner gives wrong results.", code="workflows_broken")
