"""Bodies of the operator's side.

Owns shapes that hide what may not be shown; what is done with them is left to the services.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from appliance.domain.identity import Claim
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.tenant import (
    AgentSettings,
    ApiKey,
    BusinessInfo,
    EscalationSettings,
    LlmSettings,
    RetentionSettings,
    Tenant,
)
from appliance.domain.tool import TenantTool, Tool
from appliance.domain.workflow import StoredWorkflow


class LoginBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name and password."""

    username: Annotated[str, Meta(min_length=1, max_length=200)]
    password: Annotated[str, Meta(min_length=1, max_length=1_000)]


class RefreshBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The refresh token of a login."""

    refresh_token: Annotated[str, Meta(min_length=1, max_length=500)]


class Me(Struct, frozen=True, kw_only=True):
    """The operator who asks."""

    id: str
    username: str
    role: str
    tenant_id: str | None
    display_name: str | None


class MyNameBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The name that visitors read of an operator; `null` leaves the shop's own in its place."""

    display_name: str | None


class KeyView(Struct, frozen=True, kw_only=True):
    """What may be shown of a publishable key; ``api_key`` only when it was just made."""

    id: str
    prefix: str
    created_at: datetime
    expires_at: datetime | None
    api_key: str | UnsetType = UNSET


class SigningSecretView(Struct, frozen=True, kw_only=True):
    """A signing secret that was just made; it cannot be read again."""

    signing_secret: str


class TenantView(Struct, frozen=True, kw_only=True):
    """A tenant; ``api_key`` and ``signing_secret`` only in the answer that made it."""

    id: str
    name: str
    domain: str | None
    allowed_origins: list[str]
    plan: str
    status: str
    language: str
    time_zone: str
    business_info: BusinessInfo
    widget_config: JsonObject
    llm: LlmSettings
    agent: AgentSettings
    retention: RetentionSettings
    escalation: EscalationSettings
    created_at: datetime
    updated_at: datetime
    api_key: str | UnsetType = UNSET
    signing_secret: str | UnsetType = UNSET


class TenantPage(Struct, frozen=True, kw_only=True):
    """A part of the list of tenants."""

    items: list[TenantView]
    next_cursor: str | None


class NewKeyBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the older keys work on."""

    overlap_hours: Annotated[int, Meta(ge=0, le=24 * 365)] = 24


class KeyList(Struct, frozen=True, kw_only=True):
    """All keys of a tenant."""

    items: list[KeyView]
    next_cursor: str | None = None


class EmbedView(Struct, frozen=True, kw_only=True):
    """What a site builder pastes; the key has to be filled in unless it was given."""

    snippet: str


class ToolPage(Struct, frozen=True, kw_only=True):
    """A part of the tool catalogue."""

    items: list[Tool]
    next_cursor: str | None


class TenantToolView(Struct, frozen=True, kw_only=True):
    """A tenant's use of a tool; ``trouble`` says in a list what keeps it from running."""

    tool_id: str
    tool_name: str
    description: str
    parameters_schema: JsonObject
    category: str
    risk: str
    enabled: bool
    executor: str
    webhook_url: str | None
    workflow: str | None
    custom_config: JsonObject
    integration_mapping: dict[str, str]
    trouble: str | None = None


class TenantToolList(Struct, frozen=True, kw_only=True):
    """All tools of a tenant."""

    items: list[TenantToolView]
    next_cursor: str | None = None


class TestCallBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of a trial, and the claims of the visitor as whom it runs, ``sub`` first.

    A tool of the risk ``write`` or ``destructive`` runs for real, and only with ``confirm``.
    """

    parameters: JsonObject = {}
    identity: dict[str, Claim] | None = None
    confirm: bool = False


class TestCallView(Struct, frozen=True, kw_only=True):
    """What came of a trial; ``sent`` is what the executor was given."""

    success: bool
    result: JsonValue
    error: str | None
    duration_ms: int
    attempts: int
    sent: JsonValue


class WorkflowView(Struct, frozen=True, kw_only=True):
    """A stored workflow; ``definition`` only when one is read."""

    id: str
    name: str
    nodes: list[JsonObject]
    webhook_path: str | None
    is_bundled: bool
    created_at: datetime
    definition: JsonObject | UnsetType = UNSET


class WorkflowList(Struct, frozen=True, kw_only=True):
    """All stored workflows."""

    items: list[WorkflowView]
    next_cursor: str | None = None


class RunBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to run a workflow with."""

    input: JsonObject = {}
    tenant_id: str | None = None
    debug: bool = False


class StatusView(Struct, frozen=True, kw_only=True):
    """The running server."""

    version: str
    started_at: datetime
    public_url: str
    admin_url: str
    demo_url: str | None
    data_dir: str
    pid: int


def build_tenant_view(
    tenant: Tenant,
    *,
    api_key: str | UnsetType = UNSET,
    signing_secret: str | UnsetType = UNSET,
) -> TenantView:
    """Return ``tenant`` as operators see it."""
    return TenantView(
        **{name: getattr(tenant, name) for name in Tenant.__struct_fields__},
        api_key=api_key,
        signing_secret=signing_secret,
    )


def build_key_view(key: ApiKey, *, api_key: str | UnsetType = UNSET) -> KeyView:
    """Return ``key`` as operators see it."""
    return KeyView(
        id=key.id,
        prefix=key.prefix,
        created_at=key.created_at,
        expires_at=key.expires_at,
        api_key=api_key,
    )


def build_tenant_tool_view(
    tenant_tool: TenantTool, *, trouble: str | None = None
) -> TenantToolView:
    """Return the tenant's use of a tool as operators see it."""
    tool = tenant_tool.tool
    return TenantToolView(
        tool_id=tool.id,
        tool_name=tool.tool_name,
        description=tool.description,
        parameters_schema=tool.parameters_schema,
        category=tool.category,
        risk=tenant_tool.risk,
        enabled=tenant_tool.enabled,
        executor=tenant_tool.executor,
        webhook_url=tenant_tool.webhook_url,
        workflow=tenant_tool.workflow,
        custom_config=tenant_tool.custom_config,
        integration_mapping=tenant_tool.integration_mapping,
        trouble=trouble,
    )


def build_workflow_view(
    workflow: StoredWorkflow,
    *,
    nodes: list[JsonObject],
    webhook_path: str | None,
    has_definition: bool = False,
) -> WorkflowView:
    """Return ``workflow`` as operators see it."""
    return WorkflowView(
        id=workflow.id,
        name=workflow.name,
        nodes=nodes,
        webhook_path=webhook_path,
        is_bundled=workflow.is_bundled,
        created_at=workflow.created_at,
        definition=workflow.definition if has_definition else msgspec.UNSET,
    )
