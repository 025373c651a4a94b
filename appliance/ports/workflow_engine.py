"""Something that runs workflows in n8n's format.

Owns the port and the shapes that cross it; the embedded engine is ``appliance.workflows``.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from appliance.domain.ids import TenantId
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import ApplianceError


class NodeTrace(Struct, frozen=True, kw_only=True):
    """One run of a node.

    ``output`` is its items per branch, with ``debug`` only and unless they are nested too deeply.
    """

    name: str
    items: int
    duration_ms: float
    error: str | None = None
    output: list[list[JsonObject]] | None = None


class WorkflowRun(Struct, frozen=True, kw_only=True):
    """What came of a run: the webhook's answer, or ``error``, and every node that ran."""

    output: JsonValue = None
    status_code: int = 200
    headers: dict[str, str] = {}
    nodes: list[NodeTrace]
    duration_ms: float
    error: ApplianceError | None = None


class WorkflowSummary(Struct, frozen=True, kw_only=True):
    """What an export holds: its nodes as ``{"name", "type"}``, and its webhook's path."""

    name: str
    nodes: list[JsonObject]
    webhook_path: str | None


class WorkflowEngine(Protocol):
    """Reads and runs workflows."""

    def summarise(self, export: JsonObject) -> WorkflowSummary:
        """Read and check an n8n export.

        Raises:
            InvalidInput: It is no export, or it has nodes that cannot run here
                (``unsupported_node``, naming each).
        """
        ...

    async def run_traced(
        self,
        definition: JsonObject,
        input: JsonObject,
        *,
        tenant_id: TenantId,
        time_zone: str,
        debug: bool = False,
    ) -> WorkflowRun:
        """Run an export with ``input`` as the webhook's body; a failed run is returned too.

        Raises:
            InvalidInput: The export cannot run here.
        """
        ...
