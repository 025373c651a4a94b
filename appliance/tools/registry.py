"""The tool kinds that exist and what they are built from.

Owns the one place that knows them all, by walking the package: a kind is a folder whose module has
``build(parts) -> ToolExecutor``. What a kind does is left to its folder.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, cast

from msgspec import Struct

from appliance.domain.ids import TenantId
from appliance.domain.tool import ExecutorKind
from appliance.plugins import load_all
from appliance.ports.clock import Clock
from appliance.ports.credentials import Credentials
from appliance.ports.integrations import IntegrationAccess
from appliance.ports.outbound_http import OutboundHttp
from appliance.ports.repositories import WorkflowRepository
from appliance.ports.tool_executor import ToolExecutor
from appliance.workflows.runner import WorkflowRunner

PACKAGE = "appliance.tools"

SigningSecret = Callable[[TenantId], Awaitable[str]]
"""Returns the secret that signs a tenant's webhooks; raises ``NotFound`` when it has none."""


class ToolParts(Struct, frozen=True, kw_only=True):
    """Everything a tool kind may need; each takes its part."""

    http: OutboundHttp
    webhooks: OutboundHttp
    clock: Clock
    credentials: Credentials
    integrations: IntegrationAccess
    workflows: WorkflowRunner
    workflow_repository: WorkflowRepository
    signing_secret: SigningSecret


class ToolKind(Protocol):
    """What the module of a tool kind offers."""

    def build(self, parts: ToolParts) -> ToolExecutor:
        """Return the kind's executor."""
        ...


def build_executors(parts: ToolParts) -> dict[ExecutorKind, ToolExecutor]:
    """Return an executor of every kind, by its name."""
    kinds = [cast(ToolKind, module) for module in load_all(PACKAGE)]
    executors = [kind.build(parts) for kind in kinds]
    return {executor.kind: executor for executor in executors}
