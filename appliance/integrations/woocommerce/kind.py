"""A shop at WooCommerce, as an integration.

Owns what is peculiar to it: its REST API behind WordPress's address, signed by a key's two halves,
lists in pages.

Source: woocommerce.github.io/woocommerce-rest-api-docs.
"""

from __future__ import annotations

from typing import Final

import msgspec

from appliance.domain.integration import (
    ConnectionTest,
    Endpoint,
    EndpointDefinition,
    StoredIntegration,
)
from appliance.domain.json_types import JsonObject
from appliance.domain.tool import ToolOutcome
from appliance.integrations.connection_fields import refuse_field
from appliance.integrations.endpoint_call import call_endpoint
from appliance.integrations.endpoint_request import (
    BODILESS,
    RequestParts,
    build_request_parts,
    check_endpoint_request,
)
from appliance.integrations.http_system import Answer, HttpFailure, HttpSystems
from appliance.integrations.response_mapping import check_mapping
from appliance.integrations.woocommerce.answers import describe_failure
from appliance.integrations.woocommerce.connection import (
    SECRET_FIELDS,
    WooCommerceConnection,
    read_connection,
)
from appliance.integrations.woocommerce.paging import ask_all_pages
from appliance.integrations.woocommerce.ready_endpoints import READY_ENDPOINTS
from appliance.ports.clock import Clock
from appliance.ports.integrations import Integration, WebhookAccess
from appliance.ports.outbound_http import OutboundRequest

TEST_PARTS: Final = RequestParts(
    method="GET", path="/orders?per_page=1&_fields=id", headers={}, body=None
)


class WooCommerceKind:
    """Implements ``IntegrationKind`` for shops at WooCommerce."""

    def __init__(self, systems: HttpSystems, clock: Clock) -> None:
        self._systems = systems
        self._clock = clock

    @property
    def name(self) -> str:
        """The integration type."""
        return "woocommerce"

    @property
    def secret_fields(self) -> frozenset[str]:
        """The fields of a connection that are never shown."""
        return SECRET_FIELDS

    @property
    def ready_endpoints(self) -> tuple[EndpointDefinition, ...]:
        """Orders, products, stock and new orders."""
        return READY_ENDPOINTS

    def check_connection(self, config: JsonObject) -> JsonObject:
        """Return ``config`` with its defaults filled in."""
        checked: JsonObject = msgspec.to_builtins(read_connection(config))
        return checked

    def check_endpoint(self, endpoint: Endpoint, config: JsonObject) -> None:
        """Look whether ``endpoint`` can be asked of a shop."""
        check_endpoint_request(endpoint, reserved_headers=frozenset())
        if endpoint.query is not None:
            raise refuse_field("query", "A system of the type 'woocommerce' takes no query.")
        if endpoint.risk == "read" and endpoint.method not in BODILESS:
            raise refuse_field("risk", f"A {endpoint.method} changes something: choose 'write'.")
        check_mapping(endpoint.response_mapping)

    def find_hosts(self, config: JsonObject) -> tuple[str, ...]:
        """Return where the secrets of ``config`` are sent."""
        return (read_connection(config).host,)

    def open(self, integration: StoredIntegration) -> Integration:
        """Return the shop; nothing is sent before it is asked."""
        connection = read_connection(integration.connection_config)
        return WooCommerceShop(integration.id, connection, self._systems, self._clock)


class WooCommerceShop:
    """Implements ``Integration`` for one shop."""

    def __init__(
        self, system: str, connection: WooCommerceConnection, systems: HttpSystems, clock: Clock
    ) -> None:
        self._system = system
        self._connection = connection
        self._systems = systems
        self._clock = clock

    async def test(self) -> ConnectionTest:
        """Ask for one order's id."""
        started = self._clock.monotonic()
        message = (
            "WooCommerce answers and lets the key read orders. Whether it may write shows with the "
            "first new order."
        )
        is_success = True
        try:
            await self._ask(TEST_PARTS)
        except HttpFailure as exc:
            message, is_success = exc.error.message, False
        return ConnectionTest(
            is_success=is_success,
            message=message,
            duration_ms=round((self._clock.monotonic() - started) * 1000),
        )

    async def call(self, endpoint: Endpoint, arguments: JsonObject) -> ToolOutcome:
        """Ask ``endpoint`` and return the mapped answer."""

        async def ask() -> Answer:
            return await self._ask(build_request_parts(endpoint, arguments))

        return await call_endpoint(endpoint, arguments, ask, self._clock)

    async def describe(self, endpoint: Endpoint | None) -> WebhookAccess:
        """Return what a webhook needs to ask the shop itself."""
        connection = self._connection
        return WebhookAccess(
            api_url=connection.api_url + (endpoint.url_template if endpoint is not None else ""),
            api_key=f"{connection.consumer_key}:{connection.consumer_secret}",
            auth_method="basic",
            method=endpoint.method if endpoint is not None else "GET",
        )

    async def _ask(self, parts: RequestParts) -> Answer:
        deadline = self._clock.monotonic() + self._connection.timeout_s

        async def ask(path: str) -> Answer:
            left_s = deadline - self._clock.monotonic()
            return await self._ask_once(msgspec.structs.replace(parts, path=path), left_s)

        return await ask_all_pages(parts.path, ask)

    async def _ask_once(self, parts: RequestParts, timeout_s: float) -> Answer:
        request = OutboundRequest(
            method=parts.method,
            url=self._connection.api_url + parts.path,
            headers={
                "Accept": "application/json",
                **parts.headers,
                "Authorization": self._connection.authorization,
            },
            body=parts.body,
            credential_hosts=(self._connection.host,),
        )

        async def build(renews: bool) -> OutboundRequest:
            return request

        is_reading = parts.method in BODILESS
        try:
            return await self._systems.ask(
                self._system, build, is_repeatable=is_reading, timeout_s=timeout_s
            )
        except HttpFailure as exc:
            raise describe_failure(exc, is_writing=not is_reading) from exc
