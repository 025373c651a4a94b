"""Integrations: a shop's own systems, what can be asked of them, and what came of asking.

Owns the shapes; how a system is reached is decided by the folders of ``appliance.integrations``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from appliance.domain.ids import EndpointId, IntegrationId, TenantId
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.tool import Risk

Location = Literal["path", "query", "header", "body"]
CallOutcome = Literal["succeeded", "failed", "cached"]


class ConnectionTest(Struct, frozen=True, kw_only=True):
    """What a test of a connection found; ``message`` says what works, or what to mend."""

    is_success: bool
    message: str
    duration_ms: int = 0


class StoredIntegration(Struct, frozen=True, kw_only=True):
    """A system that a tenant connected.

    ``connection_config`` is what its type needs to reach it, secrets included; empty when they were
    left behind in restoring a backup.
    """

    id: IntegrationId
    tenant_id: TenantId
    integration_type: str
    name: str
    connection_config: JsonObject
    enabled: bool = True
    last_sync_test_at: datetime | None = None
    last_sync_test_result: ConnectionTest | None = None
    created_at: datetime
    updated_at: datetime


class EndpointParameter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing an endpoint is told.

    ``name`` is the tool's parameter; ``target`` what the system calls it, where that differs. In a
    body, ``target`` may be a path (``customer.email``). ``default`` is sent when the tool gives
    none.
    """

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    location: Location = "query"
    target: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    required: bool = False
    default: JsonValue = None


class Endpoint(Struct, frozen=True, kw_only=True):
    """One thing that can be asked of an integration.

    ``url_template`` holds ``{name}`` where a parameter stands. ``query`` is what a system with a
    language of its own is asked (SQL, GraphQL). ``response_mapping`` is a JMESPath expression over
    the answer. ``cache_s`` is for how many seconds an answer may be given again.
    """

    id: EndpointId
    tenant_id: TenantId
    integration_id: IntegrationId
    endpoint_name: str
    url_template: str = ""
    method: str = "GET"
    description: str = ""
    parameters: list[EndpointParameter] = field(default_factory=list)
    query: str | None = None
    response_mapping: str | None = None
    cache_s: int = 0
    risk: Risk = "read"
    created_at: datetime


class IntegrationCall(Struct, frozen=True, kw_only=True):
    """One call as the log of an integration keeps it; nothing of what was said in it."""

    id: str
    tenant_id: TenantId
    integration_id: IntegrationId
    endpoint_name: str
    outcome: CallOutcome
    status: int | None = None
    duration_ms: int = 0
    attempts: int = 1
    error: str | None = None
    called_at: datetime
