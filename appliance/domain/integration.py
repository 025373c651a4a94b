"""Integrations: a shop's own systems, what can be asked of them, and what came of asking.

Owns the shapes; how a system is reached is decided by the folders of ``appliance.integrations``.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from appliance.domain.ids import EndpointId, IntegrationId, TenantId
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.tool import Risk, TenantTool

ParameterType = Literal["string", "integer", "number", "boolean", "array"]
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
    none. ``from_identity`` means that it says whose data is asked for: only a tool whose parameter
    is bound to the verified identity may ask. ``type`` is as in JSON Schema; without one, anything
    goes that the place takes.
    """

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    location: Location = "query"
    target: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    type: ParameterType | None = None
    required: bool = False
    default: JsonValue = None
    from_identity: bool = False


class ToolOffer(Struct, frozen=True, kw_only=True):
    """What a server says of a tool that it offers. Others wrote it: nobody has to believe it.

    ``name`` is the server's own, ``tool_name`` the same within the limits of all providers.
    ``fingerprint`` changes with anything that the server says of the tool. ``risk`` is never lower
    than ``write``.
    """

    name: str
    tool_name: str
    description: str
    parameters_schema: JsonObject
    risk: Risk = "write"
    fingerprint: str


class UnfitOffer(ToolOffer, frozen=True, kw_only=True):
    """A tool of which the server says something that cannot be read; nobody can use it."""

    reason: str


class EndpointDefinition(Struct, frozen=True, kw_only=True):
    """What can be asked of a system, wherever it is connected.

    ``url_template`` holds ``{name}`` where a parameter stands. ``query`` is what a system with a
    language of its own is asked (SQL, GraphQL). ``response_mapping`` is a JMESPath expression over
    the answer. ``cache_s`` is for how many seconds an answer may be given again.
    """

    endpoint_name: str
    url_template: str = ""
    method: str = "GET"
    description: str = ""
    parameters: list[EndpointParameter] = field(default_factory=list)
    query: str | None = None
    response_mapping: str | None = None
    cache_s: int = 0
    risk: Risk = "read"


class Endpoint(EndpointDefinition, frozen=True, kw_only=True):
    """One thing that can be asked of an integration.

    ``offer`` is what a server says of it that offers its tools itself, ``approved`` the
    fingerprint that an operator let pass.
    """

    id: EndpointId
    tenant_id: TenantId
    integration_id: IntegrationId
    offer: ToolOffer | None = None
    approved: str | None = None
    created_at: datetime

    @property
    def is_approved(self) -> bool:
        """Whether it may be asked: nobody else wrote it, or an operator let it pass."""
        return self.offer is None or self.approved == self.offer.fingerprint


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


class EndpointChoice(Struct, frozen=True, kw_only=True):
    """Which endpoint a tool of the kind ``integration`` asks.

    ``integration`` is a key of the tool's ``integration_mapping``, ``endpoint`` a name; both are
    read from the tool's ``custom_config``, whose other fields belong to others.
    """

    integration: str
    endpoint: str


def find_unproved(endpoint: EndpointDefinition, bound: Collection[str]) -> str | None:
    """Return a parameter that says whose data is asked for and is not ``bound``, if there is one.

    Args:
        endpoint: What is asked.
        bound: The tool's parameters that the server fills in from the verified identity.
    """
    whose = (parameter.name for parameter in endpoint.parameters if parameter.from_identity)
    return next((name for name in whose if name not in bound), None)


def choose_endpoint(tool: TenantTool) -> EndpointChoice | str:
    """Return the endpoint of ``tool``, or the sentence on what the operator should mend.

    Without an ``integration`` it is the only one that is mapped, without an ``endpoint`` the one
    with the tool's own name.
    """
    keys = sorted(tool.integration_mapping)
    integration = tool.custom_config.get("integration", keys[0] if len(keys) == 1 else None)
    endpoint = tool.custom_config.get("endpoint", tool.tool.tool_name)
    if not keys:
        return "Map an integration to the tool in integration_mapping."
    if not isinstance(integration, str) or integration not in keys:
        return f"Set custom_config.integration to one of the mapped keys: {', '.join(keys)}."
    if not isinstance(endpoint, str) or not endpoint:
        return "Set custom_config.endpoint to the name of an endpoint of the integration."
    return EndpointChoice(integration=integration, endpoint=endpoint)
