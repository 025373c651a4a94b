"""Integrations: what keeps them, what reaches them, and what tools ask them through.

Owns the ports. A type of system implements ``IntegrationKind`` and ``Integration`` in a folder of
``appliance.integrations``; ``appliance.services.integration_calls`` offers ``IntegrationAccess``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from msgspec import Struct

from appliance.domain.ids import EndpointId, IntegrationId, TenantId
from appliance.domain.integration import (
    ConnectionTest,
    Endpoint,
    EndpointDefinition,
    IntegrationCall,
    StoredIntegration,
    ToolOffer,
)
from appliance.domain.json_types import JsonObject
from appliance.domain.tool import Risk, ToolOutcome
from appliance.ports.repositories import Page

TellOffers = Callable[[StoredIntegration, Sequence[ToolOffer]], Awaitable[None]]
"""Told what a server offers now, where that is not what it offered before."""


class WebhookAccess(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An integration as a webhook receives it in ``_integrations``.

    ``auth_method`` says how ``api_key`` is to be sent: ``none``, ``header``, ``query``, ``basic``
    or ``bearer``; ``api_key_name`` names the header or the parameter of the query.
    """

    api_url: str
    api_key: str | None
    auth_method: str
    method: str
    api_key_name: str | None = None


class Integration(Protocol):
    """A connected system, ready to be asked."""

    async def test(self) -> ConnectionTest:
        """Try the connection; a failure is a result with the precise reason, not an exception."""
        ...

    async def call(self, endpoint: Endpoint, arguments: JsonObject) -> ToolOutcome:
        """Ask ``endpoint`` and return the mapped answer.

        A failure is an outcome with ``is_success=False`` and a sentence that says who should act;
        ``status`` is what the system answered with, where it has such numbers.
        """
        ...

    async def describe(self, endpoint: Endpoint | None) -> WebhookAccess:
        """Return what a webhook needs to ask the system itself, at ``endpoint`` if one is given.

        Raises:
            UpstreamError: What it needs has to be fetched first, and cannot be.
            InvalidInput: Such a system cannot be asked by a webhook.
        """
        ...


@runtime_checkable
class TriesEndpoints(Protocol):
    """An ``Integration`` that can look at an endpoint without asking it."""

    async def try_endpoint(self, endpoint: Endpoint) -> None:
        """Let the system say whether it understands ``endpoint``.

        One that cannot be reached says nothing.

        Raises:
            InvalidInput: It does not; names the fields.
        """
        ...


@runtime_checkable
class OffersTools(Protocol):
    """An ``Integration`` whose endpoints are what the system itself offers."""

    async def list_offers(self) -> list[ToolOffer]:
        """Ask what it offers now.

        Raises:
            UpstreamError: It does not say; who should act is in the sentence.
        """
        ...


@runtime_checkable
class Closes(Protocol):
    """An ``IntegrationKind`` that keeps something open between calls."""

    async def aclose(self) -> None:
        """End all of it."""
        ...


class IntegrationKind(Protocol):
    """A type of system that can be connected. One object serves all tenants."""

    @property
    def name(self) -> str:
        """The integration type, as a stored integration names it."""
        ...

    @property
    def secret_fields(self) -> frozenset[str]:
        """The fields of a connection that are never shown."""
        ...

    @property
    def ready_endpoints(self) -> tuple[EndpointDefinition, ...]:
        """What can be asked of every such system; a new integration begins with them."""
        ...

    def check_connection(self, config: JsonObject) -> JsonObject:
        """Return ``config`` with its defaults filled in.

        Raises:
            InvalidInput: A field is unknown, missing or does not fit; names the fields.
        """
        ...

    def check_endpoint(self, endpoint: Endpoint, config: JsonObject) -> None:
        """Look whether ``endpoint`` can be asked of a system connected by ``config``.

        Raises:
            InvalidInput: A field does not fit; names the fields.
        """
        ...

    def find_hosts(self, config: JsonObject) -> tuple[str, ...]:
        """Return where the secrets of ``config`` are sent, each as ``host:port``."""
        ...

    def open(self, integration: StoredIntegration) -> Integration:
        """Return the system; nothing is sent before it is asked.

        Raises:
            InvalidInput: The stored connection does not fit (any more).
        """
        ...


class IntegrationAccess(Protocol):
    """What tools ask a tenant's integrations through: looked up, cached, logged."""

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
        """Ask an endpoint, or give its cached answer again. A failure is an outcome.

        ``risk`` is the tool's; an endpoint of a higher one is not asked. ``bound`` are the tool's
        parameters that the server fills in from the verified identity; an endpoint that needs
        another one to be is not asked.
        """
        ...

    async def describe(
        self, tenant_id: TenantId, mapping: Mapping[str, str]
    ) -> dict[str, WebhookAccess]:
        """Return the mapped integrations that are switched on, by their keys."""
        ...


class IntegrationStore(Protocol):
    """Keeps integrations with their endpoints and the log of calls. Connections are encrypted.

    Another tenant's reads as absent. All methods raise ``StorageError`` when the database cannot
    be used.
    """

    async def add(self, integration: StoredIntegration) -> None:
        """Store a new integration."""
        ...

    async def save(self, integration: StoredIntegration) -> None:
        """Replace the stored integration of the same tenant and id."""
        ...

    async def save_test(
        self,
        tenant_id: TenantId,
        integration_id: IntegrationId,
        result: ConnectionTest,
        *,
        at: datetime,
    ) -> None:
        """Note what the newest test of the connection found."""
        ...

    async def get(
        self, tenant_id: TenantId, integration_id: IntegrationId
    ) -> StoredIntegration | None:
        """Return the integration, switched on or not."""
        ...

    async def list_all(self, tenant_id: TenantId) -> list[StoredIntegration]:
        """Return the tenant's integrations, oldest first."""
        ...

    async def delete(self, tenant_id: TenantId, integration_id: IntegrationId) -> bool:
        """Remove it with its endpoints and log; false when there is none."""
        ...

    async def put_endpoint(self, endpoint: Endpoint) -> None:
        """Store an endpoint, in place of an earlier one of the same id.

        Raises:
            Conflict: Another one has its name (``code="endpoint_name_taken"``).
        """
        ...

    async def get_endpoint(
        self, tenant_id: TenantId, integration_id: IntegrationId, endpoint_id: EndpointId
    ) -> Endpoint | None:
        """Return one endpoint."""
        ...

    async def find_endpoint(
        self, tenant_id: TenantId, integration_id: IntegrationId, endpoint_name: str
    ) -> Endpoint | None:
        """Return the endpoint of this name."""
        ...

    async def list_endpoints(
        self, tenant_id: TenantId, integration_id: IntegrationId
    ) -> list[Endpoint]:
        """Return the integration's endpoints, by name."""
        ...

    async def delete_endpoint(
        self, tenant_id: TenantId, integration_id: IntegrationId, endpoint_id: EndpointId
    ) -> bool:
        """Remove it; false when there is none."""
        ...

    async def add_call(self, call: IntegrationCall, *, keep: int) -> None:
        """Log a call, and forget all but the newest ``keep`` of the integration."""
        ...

    async def list_calls(
        self, tenant_id: TenantId, integration_id: IntegrationId, *, limit: int, cursor: str | None
    ) -> Page[IntegrationCall]:
        """Return logged calls, newest first.

        Raises:
            InvalidInput: ``cursor`` was not made by this method.
        """
        ...
