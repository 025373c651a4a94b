"""Something that runs a tool for a tenant.

Owns the port every tool kind implements; whether a call may run at all is decided before, by
``appliance.agent.policy``.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from msgspec import Struct

from appliance.domain.identity import VerifiedIdentity
from appliance.domain.ids import ConversationId, TenantId
from appliance.domain.tool import ExecutorKind, TenantTool, ToolCall, ToolOutcome
from appliance.errors import FieldError


class ToolContext(Struct, frozen=True, kw_only=True):
    """For whom a call runs.

    ``conversation_id`` is ``None`` for an operator's test call, ``identity`` for a visitor of whom
    the shop's server vouched for nothing in this message.
    """

    tenant_id: TenantId
    conversation_id: ConversationId | None = None
    time_zone: str = "UTC"
    identity: VerifiedIdentity | None = None


class ToolExecutor(Protocol):
    """Runs calls of one executor kind."""

    @property
    def kind(self) -> ExecutorKind:
        """The executor kind, as a tenant's tool names it."""
        ...

    async def execute(self, tool: TenantTool, call: ToolCall, context: ToolContext) -> ToolOutcome:
        """Run one call, whose arguments already fit the tool's schema.

        A failure of the tool is an outcome with ``is_success=False`` and a sentence that says who
        should act, not an exception. Cancelling the task abandons the call.
        """
        ...


@runtime_checkable
class ChecksSetup(Protocol):
    """An executor that knows before a call what a tool lacks."""

    async def find_setup_errors(self, tool: TenantTool) -> list[FieldError]:
        """Return which fields of the tenant's choice do not fit, and what to mend."""
        ...
