"""Putting the shipped workflows and their tools into the store.

Owns keeping them up to date at each start; what they do is in ``bundled-workflows/``.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from appliance.domain.ids import ToolId, WorkflowId, new_id
from appliance.domain.json_types import JsonObject
from appliance.domain.tool import Tool
from appliance.domain.workflow import StoredWorkflow
from appliance.ports.clock import Clock
from appliance.ports.repositories import ToolRepository, WorkflowRepository
from appliance.services.tools import NewTool


class ShippedTool(Struct, frozen=True, kw_only=True):
    """A tool that ships with the program, and the workflow that does it, if one does."""

    tool: NewTool
    workflow: JsonObject | None


class BundledTools:
    """Installs shipped tools; what an operator changed of a tool is not touched."""

    def __init__(
        self, *, tools: ToolRepository, workflows: WorkflowRepository, clock: Clock
    ) -> None:
        self._tools = tools
        self._workflows = workflows
        self._clock = clock

    async def install(self, shipped: Sequence[ShippedTool]) -> None:
        """Add what is missing and renew the workflows that a new version changed."""
        for item in shipped:
            if item.workflow is not None:
                await self._install_workflow(item.workflow)
            if await self._tools.find_by_name(item.tool.tool_name) is None:
                await self._tools.add(
                    Tool(
                        id=ToolId(new_id()),
                        created_at=self._clock.now(),
                        **msgspec.structs.asdict(item.tool),
                    )
                )

    async def _install_workflow(self, definition: JsonObject) -> None:
        name = str(definition["name"])
        stored = await self._workflows.find_by_name(name)
        is_own = stored is not None and not stored.is_bundled
        if is_own or (stored is not None and stored.definition == definition):
            return
        await self._workflows.put(
            StoredWorkflow(
                id=WorkflowId(stored.id if stored else new_id()),
                name=name,
                definition=definition,
                is_bundled=True,
                created_at=stored.created_at if stored else self._clock.now(),
            )
        )
