"""The body that changes a tenant, and what it makes of one.

Owns which fields may be absent; whether the changed tenant fits is left to
``appliance.services.tenants``.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from appliance.domain.json_types import JsonObject
from appliance.domain.tenant import (
    Amount,
    BusinessInfo,
    Days,
    EmailText,
    Failures,
    Fallbacks,
    InputTokens,
    OutputTokens,
    ShortText,
    Temperature,
    Tenant,
    TenantStatus,
    Tone,
    ToolRounds,
    UrlText,
    WindowMessages,
    canonical_provider,
)
from appliance.services.changes import Changes, apply_changes

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Domain = Annotated[str, Meta(max_length=253)]
Plan = Annotated[str, Meta(min_length=1, max_length=50)]


class LlmChanges(Changes, frozen=True, kw_only=True):
    """Which model shall answer; another provider without a model takes its own default."""

    provider: ShortText | None | UnsetType = UNSET
    model: ShortText | None | UnsetType = UNSET
    temperature: Temperature | UnsetType = UNSET
    max_output_tokens: OutputTokens | UnsetType = UNSET
    fallbacks: Fallbacks | UnsetType = UNSET
    daily_budget_micro_usd: Amount | None | UnsetType = UNSET
    daily_budget_tokens: Amount | None | UnsetType = UNSET


class AgentChanges(Changes, frozen=True, kw_only=True):
    """How the agent shall work."""

    max_tool_rounds: ToolRounds | UnsetType = UNSET
    tone: Tone | UnsetType = UNSET
    window_messages: WindowMessages | UnsetType = UNSET
    max_input_tokens: InputTokens | None | UnsetType = UNSET


class RetentionChanges(Changes, frozen=True, kw_only=True):
    """How long content shall be kept."""

    message_days: Days | None | UnsetType = UNSET
    tool_execution_days: Days | None | UnsetType = UNSET


class EscalationChanges(Changes, frozen=True, kw_only=True):
    """Who shall be told when a visitor needs a person, and when one shall be offered."""

    is_enabled: bool | UnsetType = UNSET
    email: EmailText | None | UnsetType = UNSET
    webhook_url: UrlText | None | UnsetType = UNSET
    offer_after_failures: Failures | UnsetType = UNSET
    is_automatic: bool | UnsetType = UNSET


class TenantChanges(Changes, frozen=True, kw_only=True):
    """What of a tenant shall change; an absent field stays as it is.

    So does one that is absent within ``llm``, ``agent``, ``retention`` or ``escalation``;
    ``business_info`` and ``widget_config`` are replaced whole.
    """

    name: Name | UnsetType = UNSET
    domain: Domain | None | UnsetType = UNSET
    allowed_origins: list[str] | UnsetType = UNSET
    plan: Plan | UnsetType = UNSET
    status: TenantStatus | UnsetType = UNSET
    language: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    business_info: BusinessInfo | UnsetType = UNSET
    widget_config: JsonObject | UnsetType = UNSET
    llm: LlmChanges | UnsetType = UNSET
    agent: AgentChanges | UnsetType = UNSET
    retention: RetentionChanges | UnsetType = UNSET
    escalation: EscalationChanges | UnsetType = UNSET


def change_tenant(tenant: Tenant, changes: TenantChanges) -> Tenant:
    """Return ``tenant`` with the given fields changed."""
    changed = apply_changes(tenant, changes)
    llm = changes.llm
    if llm is UNSET or llm.model is not UNSET:
        return changed
    if canonical_provider(changed.llm.provider or "") == (tenant.llm.provider or ""):
        return changed
    # A model belongs to its provider.
    return msgspec.structs.replace(changed, llm=msgspec.structs.replace(changed.llm, model=None))
