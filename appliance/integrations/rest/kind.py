"""Any system with a JSON API, as an integration.

Owns what is peculiar to it: one address, one way to sign in, endpoints as paths below the address.
"""

from __future__ import annotations

import msgspec

from appliance.domain.integration import (
    ConnectionTest,
    Endpoint,
    EndpointDefinition,
    StoredIntegration,
)
from appliance.domain.json_types import JsonObject
from appliance.domain.tool import ToolOutcome
from appliance.integrations.access_tokens import AccessTokens
from appliance.integrations.connection_fields import refuse_field
from appliance.integrations.endpoint_call import call_endpoint
from appliance.integrations.endpoint_request import (
    RequestParts,
    build_request_parts,
    check_endpoint_request,
)
from appliance.integrations.http_system import (
    Answer,
    HttpFailure,
    HttpSystems,
)
from appliance.integrations.response_mapping import check_mapping
from appliance.integrations.rest.connection import (
    SECRET_FIELDS,
    RestConnection,
    read_connection,
)
from appliance.integrations.rest.signing import sign_request
from appliance.ports.clock import Clock
from appliance.ports.integrations import Integration, WebhookAccess
from appliance.ports.outbound_http import OutboundRequest


class RestKind:
    """Implements ``IntegrationKind`` for any JSON API."""

    def __init__(self, systems: HttpSystems, tokens: AccessTokens, clock: Clock) -> None:
        self._systems = systems
        self._tokens = tokens
        self._clock = clock

    @property
    def name(self) -> str:
        """The integration type."""
        return "rest"

    @property
    def secret_fields(self) -> frozenset[str]:
        """The fields of a connection that are never shown."""
        return SECRET_FIELDS

    @property
    def ready_endpoints(self) -> tuple[EndpointDefinition, ...]:
        """None: every such system is another one."""
        return ()

    def check_connection(self, config: JsonObject) -> JsonObject:
        """Return ``config`` with its defaults filled in."""
        checked: JsonObject = msgspec.to_builtins(read_connection(config))
        return checked

    def check_endpoint(self, endpoint: Endpoint, config: JsonObject) -> None:
        """Look whether ``endpoint`` can be asked of a system connected by ``config``."""
        connection = read_connection(config)
        taken = {connection.signing_header, *(name.lower() for name in connection.headers)}
        check_endpoint_request(endpoint, reserved_headers=frozenset(taken))
        if endpoint.query is not None:
            raise refuse_field("query", "A system of the type 'rest' takes no query.")
        check_mapping(endpoint.response_mapping)

    def find_hosts(self, config: JsonObject) -> tuple[str, ...]:
        """Return where the secrets of ``config`` are sent."""
        return read_connection(config).find_hosts()

    def open(self, integration: StoredIntegration) -> Integration:
        """Return the system; nothing is sent before it is asked."""
        connection = read_connection(integration.connection_config)
        return RestIntegration(integration.id, connection, self._systems, self._tokens, self._clock)


class RestIntegration:
    """Implements ``Integration`` for one connected JSON API."""

    def __init__(
        self,
        system: str,
        connection: RestConnection,
        systems: HttpSystems,
        tokens: AccessTokens,
        clock: Clock,
    ) -> None:
        self._system = system
        self._connection = connection
        self._systems = systems
        self._tokens = tokens
        self._clock = clock

    async def test(self) -> ConnectionTest:
        """Ask for ``test_path`` as the credential's owner."""
        started = self._clock.monotonic()
        parts = RequestParts(method="GET", path=self._connection.test_path, headers={}, body=None)
        problem: str | None = None
        try:
            await self._ask(parts, is_repeatable=True)
        except HttpFailure as exc:
            problem = self._describe_failed_test(exc)
        is_signed = self._connection.auth != "none"
        works = f"The system answers{' and accepts the credential' if is_signed else ''}."
        return ConnectionTest(
            is_success=problem is None,
            message=problem or works,
            duration_ms=self._ms_since(started),
        )

    def _describe_failed_test(self, failure: HttpFailure) -> str:
        path = self._connection.test_path or "/"
        if failure.status in (404, 410):
            return (
                f"The system answers, but knows no {path!r} ({failure.status}). "
                "Set test_path to something that it has."
            )
        if failure.status is not None and failure.error.code == "broken_response":
            return (
                f"The system answers, but not with JSON at {path!r}. "
                "Set test_path to something that it answers with JSON."
            )
        return failure.error.message

    async def call(self, endpoint: Endpoint, arguments: JsonObject) -> ToolOutcome:
        """Ask ``endpoint`` and return the mapped answer."""

        async def ask() -> Answer:
            parts = build_request_parts(endpoint, arguments)
            return await self._ask(parts, is_repeatable=endpoint.risk == "read")

        return await call_endpoint(endpoint, arguments, ask, self._clock)

    async def describe(self, endpoint: Endpoint | None) -> WebhookAccess:
        """Return what a webhook needs to ask the system itself."""
        connection = self._connection
        path = endpoint.url_template if endpoint is not None else ""
        method, key = str(connection.auth), connection.api_key
        if connection.auth == "basic":
            key = f"{connection.username}:{connection.password}"
        elif connection.auth == "oauth2":
            method, key = "bearer", await self._tokens.get(connection.token_client)
        return WebhookAccess(
            api_url=connection.base_url.rstrip("/") + path,
            api_key=key,
            auth_method=method,
            method=endpoint.method if endpoint is not None else "GET",
            api_key_name=connection.api_key_name if method in ("header", "query") else None,
        )

    async def _ask(self, parts: RequestParts, *, is_repeatable: bool) -> Answer:
        used: str | None = None

        async def build(renews: bool) -> OutboundRequest:
            nonlocal used
            if self._connection.auth == "oauth2":
                used = await self._tokens.get(
                    self._connection.token_client, refused=used if renews else None
                )
            return sign_request(self._connection, parts, token=used)

        return await self._systems.ask(
            self._system,
            build,
            is_repeatable=is_repeatable,
            can_renew=self._connection.auth == "oauth2",
            timeout_s=self._connection.timeout_s,
        )

    def _ms_since(self, started: float) -> int:
        return round((self._clock.monotonic() - started) * 1000)
