"""Tools: what the assistant can do, for whom, and what came of a call.

Owns the shapes; who runs a tool is decided by ``appliance.tools``, whether it may run now by
``appliance.agent.policy``.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Final, Literal

import msgspec
from msgspec import Struct, field

from appliance.domain.ids import TenantId, ToolId
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.tokens import estimate_tokens
from appliance.domain.tool_failures import FailureKind

Risk = Literal["read", "write", "destructive"]
RISK_ORDER: Final[dict[Risk, int]] = {"read": 0, "write": 1, "destructive": 2}
ExecutorKind = Literal["n8n_webhook", "workflow", "integration", "builtin"]
ToolStatus = Literal["running", "succeeded", "failed", "needs_confirmation"]

UNREADABLE_ARGUMENTS = "unreadable_arguments"
"""The one argument of a call whose arguments a provider could not read; such a call never runs."""


class RequiredIntegration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A system the tool reaches, by the key under which a tenant maps it."""

    key: str
    required: bool = True


class Tool(Struct, frozen=True, kw_only=True):
    """A catalogue entry, shared by all tenants.

    ``parameters_schema`` is a JSON Schema of type object. ``examples`` are utterances of visitors
    that this tool should serve.
    """

    id: ToolId
    tool_name: str
    description: str
    parameters_schema: JsonObject
    category: str = "general"
    risk: Risk = "read"
    required_integrations: list[RequiredIntegration] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)
    created_at: datetime


class TenantTool(Struct, frozen=True, kw_only=True):
    """A tool as one tenant uses it: on or off, run by what, configured how."""

    tenant_id: TenantId
    tool: Tool
    enabled: bool = True
    executor: ExecutorKind = "workflow"
    webhook_url: str | None = None
    workflow: str | None = None
    custom_config: JsonObject = field(default_factory=dict)
    integration_mapping: dict[str, str] = field(default_factory=dict)
    risk_override: Risk | None = None

    @property
    def risk(self) -> Risk:
        """The risk that counts for this tenant."""
        return self.risk_override or self.tool.risk

    @property
    def workflow_reference(self) -> str:
        """What the workflow that runs it is found by; see ``WorkflowRepository.find``."""
        return self.workflow or self.tool.tool_name

    @property
    def is_repeatable(self) -> bool:
        """Whether what runs it does the work of one call id once, however often it is called."""
        return self.risk == "read" or self.custom_config.get("idempotent") is True


class ToolSpec(Struct, frozen=True, kw_only=True, dict=True):
    """A tool as a model sees it.

    ``bound`` are the parameters that the server fills in, which ``parameters_schema`` lacks.
    ``refusal`` says why the tool may not be called now. ``result_words`` are the tool's own words
    for what it returns, by language; see ``appliance.providers.builtin.result_sentences``.
    """

    name: str
    description: str
    parameters_schema: JsonObject
    risk: Risk = "read"
    examples: tuple[str, ...] = ()
    bound: tuple[str, ...] = ()
    refusal: str | None = None
    result_words: JsonObject = {}

    @cached_property
    def tokens(self) -> int:
        """About how many tokens a model reads of it."""
        return estimate_tokens(msgspec.json.encode(self))


class ToolCall(Struct, frozen=True, kw_only=True):
    """A model's request to run a tool; ``id`` is unique within the conversation."""

    id: str
    name: str
    arguments: JsonObject


class ToolOutcome(Struct, frozen=True, kw_only=True):
    """What came of one call.

    ``output`` is the tool's result when it succeeded, or said itself that it did not do it; when it
    failed otherwise, what the shop's system says of it to people, if anything. ``failure`` is what
    model and visitor are told by; ``error`` is a sentence for the operator alone: never an upstream
    body, never a secret. ``sent`` is the request body, for the operator, without secrets.
    ``status`` is the number a system answered with, if it has such numbers.
    """

    is_success: bool
    output: JsonValue = None
    error: str | None = None
    failure: FailureKind | None = None
    duration_ms: int = 0
    attempts: int = 1
    sent: JsonValue = None
    status: int | None = None

    @property
    def is_unknown(self) -> bool:
        """Whether something may have been done or not."""
        return self.failure == "unknown"

    @property
    def is_answered(self) -> bool:
        """Whether ``output`` is what the tool itself answers, be it that nothing was done."""
        return self.is_success or isinstance(self.output, dict)


class ToolExecution(Struct, frozen=True, kw_only=True):
    """One executed call as it is logged."""

    call: ToolCall
    outcome: ToolOutcome
    ledger_key: str | None = None
    executed_at: datetime
