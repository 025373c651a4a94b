"""Bodies about integrations and credentials.

Owns shapes that hide secrets; what is done with them is left to the services.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from appliance.domain.credential import Credential
from appliance.domain.integration import (
    ConnectionTest,
    Endpoint,
    EndpointParameter,
    IntegrationCall,
    StoredIntegration,
    ToolOffer,
)
from appliance.domain.json_types import JsonObject
from appliance.domain.secrets import hide
from appliance.services.tool_mirror import RefusedOffer


class ConnectionTestView(Struct, frozen=True, kw_only=True):
    """What a test of a connection found."""

    success: bool
    message: str
    duration_ms: int


class IntegrationView(Struct, frozen=True, kw_only=True):
    """An integration; secrets of its connection read ``{"set": true, "hint": "...last 4"}``."""

    id: str
    integration_type: str
    name: str
    connection_config: JsonObject
    enabled: bool
    last_sync_test_at: datetime | None
    last_sync_test_result: ConnectionTestView | None
    created_at: datetime
    updated_at: datetime


class IntegrationList(Struct, frozen=True, kw_only=True):
    """All integrations of a tenant."""

    items: list[IntegrationView]
    next_cursor: str | None = None


class EndpointView(Struct, frozen=True, kw_only=True):
    """One thing that can be asked of an integration."""

    id: str
    endpoint_name: str
    url_template: str
    method: str
    description: str
    parameters: list[EndpointParameter]
    query: str | None
    response_mapping: str | None
    cache_s: int
    risk: str
    offer: ToolOffer | None
    is_approved: bool
    created_at: datetime


class EndpointList(Struct, frozen=True, kw_only=True):
    """All endpoints of an integration."""

    items: list[EndpointView]
    next_cursor: str | None = None


class RefreshedView(Struct, frozen=True, kw_only=True):
    """What a server offers now, and what of it cannot be used."""

    items: list[EndpointView]
    refused: list[RefusedOffer]


class IntegrationCallView(Struct, frozen=True, kw_only=True):
    """One line of an integration's log."""

    id: str
    endpoint_name: str
    outcome: str
    status: int | None
    duration_ms: int
    attempts: int
    error: str | None
    called_at: datetime


class IntegrationCallPage(Struct, frozen=True, kw_only=True):
    """A part of an integration's log."""

    items: list[IntegrationCallView]
    next_cursor: str | None


class CredentialView(Struct, frozen=True, kw_only=True):
    """A credential, every value of it as ``{"set": true, "hint": "...last 4"}``."""

    id: str
    credential_type: str
    name: str
    values: dict[str, JsonObject]
    hosts: list[str]
    created_at: datetime
    updated_at: datetime


class CredentialList(Struct, frozen=True, kw_only=True):
    """All credentials of a tenant."""

    items: list[CredentialView]
    next_cursor: str | None = None


def build_test_view(result: ConnectionTest) -> ConnectionTestView:
    """Return the result of a test as operators see it."""
    return ConnectionTestView(
        success=result.is_success, message=result.message, duration_ms=result.duration_ms
    )


def build_integration_view(integration: StoredIntegration, shown: JsonObject) -> IntegrationView:
    """Return the integration as operators see it; ``shown`` is its connection without secrets."""
    result = integration.last_sync_test_result
    return IntegrationView(
        id=integration.id,
        integration_type=integration.integration_type,
        name=integration.name,
        connection_config=shown,
        enabled=integration.enabled,
        last_sync_test_at=integration.last_sync_test_at,
        last_sync_test_result=None if result is None else build_test_view(result),
        created_at=integration.created_at,
        updated_at=integration.updated_at,
    )


def build_endpoint_view(endpoint: Endpoint) -> EndpointView:
    """Return the endpoint as operators see it."""
    return EndpointView(
        **{name: getattr(endpoint, name) for name in EndpointView.__struct_fields__}
    )


def build_call_view(call: IntegrationCall) -> IntegrationCallView:
    """Return a line of the log as operators see it."""
    return IntegrationCallView(
        **{name: getattr(call, name) for name in IntegrationCallView.__struct_fields__}
    )


def build_credential_view(credential: Credential) -> CredentialView:
    """Return the credential as operators see it."""
    return CredentialView(
        id=credential.id,
        credential_type=credential.credential_type,
        name=credential.name,
        values={name: hide(value) for name, value in credential.values.items()},
        hosts=list(credential.hosts),
        created_at=credential.created_at,
        updated_at=credential.updated_at,
    )
