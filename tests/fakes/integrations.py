"""Integrations that answer as told, and a JSON API on a loopback port.

Owns the fakes; the kinds and services under test are the real ones.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from appliance.domain.ids import EndpointId, IntegrationId, TenantId
from appliance.domain.integration import Endpoint, EndpointParameter, StoredIntegration
from appliance.domain.json_types import JsonObject
from appliance.domain.tool import Risk, ToolOutcome
from appliance.egress import EgressClient
from appliance.integrations.access_tokens import AccessTokens
from appliance.integrations.http_system import HttpSystems
from appliance.integrations.rest import RestKind
from appliance.ports.integrations import WebhookAccess
from tests.fakes.clock import SettableClock
from tests.fakes.webhook_server import Answer, Respond, WebhookServer, reply_json

TENANT = TenantId("tenant-1")
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@dataclass
class ScriptedIntegrations:
    """Implements ``IntegrationAccess``; keeps what it was asked."""

    outcome: ToolOutcome = field(default_factory=lambda: ToolOutcome(is_success=True))
    described: dict[str, WebhookAccess] = field(default_factory=dict)
    bound: set[str] = field(default_factory=set)
    asked: list[tuple[TenantId, IntegrationId, str, JsonObject, Risk]] = field(default_factory=list)

    async def call(
        self,
        tenant_id: TenantId,
        integration_id: IntegrationId,
        endpoint_name: str,
        arguments: JsonObject,
        *,
        risk: Risk,
        bound: Collection[str] = (),
    ) -> ToolOutcome:
        self.bound = set(bound)
        self.asked.append((tenant_id, integration_id, endpoint_name, arguments, risk))
        return self.outcome

    async def describe(
        self, tenant_id: TenantId, mapping: Mapping[str, str]
    ) -> dict[str, WebhookAccess]:
        return {key: found for key, found in self.described.items() if key in mapping}


def build_integration(config: JsonObject, **more: Any) -> StoredIntegration:
    """Return a connected system of the type ``rest``."""
    fields: dict[str, Any] = {
        "id": IntegrationId("integration-1"),
        "tenant_id": TENANT,
        "integration_type": "rest",
        "name": "Shop",
        "created_at": AT,
        "updated_at": AT,
    }
    return StoredIntegration(connection_config=config, **(fields | more))


def build_endpoint(*parameters: EndpointParameter, **more: Any) -> Endpoint:
    """Return an endpoint of that system."""
    fields: dict[str, Any] = {
        "id": EndpointId("endpoint-1"),
        "tenant_id": TENANT,
        "integration_id": IntegrationId("integration-1"),
        "endpoint_name": "order",
        "url_template": "/orders/{number}",
        "parameters": list(parameters),
        "created_at": AT,
    }
    return Endpoint(**(fields | more))


class JsonApi:
    """A JSON API on a loopback port and the real type ``rest`` to ask it, waiting no time."""

    def __init__(self, server: WebhookServer, http: EgressClient) -> None:
        self.server = server
        self.http = http
        self.clock = SettableClock()
        self.waits: list[float] = []
        systems = HttpSystems(http, self.clock, sleep=self._sleep, jitter=lambda: 1.0)
        self.tokens = AccessTokens(http, self.clock)
        self.kind = RestKind(systems, self.tokens, self.clock)

    @property
    def base_url(self) -> str:
        return f"http://{self.server.authority}"

    def build_integration(self, **config: Any) -> StoredIntegration:
        return build_integration({"base_url": self.base_url, **config})

    async def call(self, endpoint: Endpoint, arguments: JsonObject, **config: Any) -> ToolOutcome:
        return await self.kind.open(self.build_integration(**config)).call(endpoint, arguments)

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.advance(seconds)


@asynccontextmanager
async def open_json_api(*answers: Answer, respond: Respond | None = None) -> AsyncIterator[JsonApi]:
    """Open a JSON API that gives these answers one after another, or asks ``respond``."""
    async with WebhookServer(answers or (reply_json({"ok": True}),), respond=respond) as server:
        http = EgressClient([server.authority])
        try:
            yield JsonApi(server, http)
        finally:
            await http.aclose()
