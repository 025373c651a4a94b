"""A shop at Shopify, as an integration.

Owns what is peculiar to it: one address, GraphQL documents as endpoints, search terms and variables
as their parameters.

Source: shopify.dev, "GraphQL Admin API reference"; the connection test asks for the app's scopes.
"""

from __future__ import annotations

from typing import Any, Final

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
from appliance.integrations.endpoint_request import NAME, build_body
from appliance.integrations.http_system import Answer, HttpFailure, HttpSystems
from appliance.integrations.response_mapping import check_mapping
from appliance.integrations.shopify.answers import (
    describe_failure,
    read_data,
    read_other_version,
)
from appliance.integrations.shopify.connection import (
    SECRET_FIELDS,
    TOKEN_HEADER,
    ShopifyConnection,
    read_connection,
)
from appliance.integrations.shopify.documents import FIELD, SEARCH, read_operation, write_search
from appliance.integrations.shopify.ready_endpoints import READY_ENDPOINTS, SCOPES
from appliance.ports.clock import Clock
from appliance.ports.integrations import Integration, WebhookAccess
from appliance.ports.outbound_http import OutboundRequest

TEST_DOCUMENT: Final = "{ currentAppInstallation { accessScopes { handle } } }"


class ShopifyKind:
    """Implements ``IntegrationKind`` for shops at Shopify."""

    def __init__(self, systems: HttpSystems, tokens: AccessTokens, clock: Clock) -> None:
        self._systems = systems
        self._tokens = tokens
        self._clock = clock

    @property
    def name(self) -> str:
        """The integration type."""
        return "shopify"

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
        if endpoint.url_template:
            raise refuse_field("url_template", "Leave it empty: a shop has one address.")
        operation = read_operation(endpoint.query or "")
        if operation is None:
            raise refuse_field("query", "Give one GraphQL query or mutation, with its fragments.")
        if operation.kind == "mutation" and endpoint.risk == "read":
            raise refuse_field("risk", "A mutation changes something: choose 'write' at least.")
        for number, parameter in enumerate(endpoint.parameters):
            field = f"parameters.{number}"
            target = parameter.target or parameter.name
            if parameter.name in [known.name for known in endpoint.parameters[:number]]:
                raise refuse_field(f"{field}.name", "This parameter is there twice.")
            if parameter.location not in ("query", "body"):
                raise refuse_field(
                    f"{field}.location",
                    "Choose 'query' for a term of the search, 'body' for a variable.",
                )
            wanted = SEARCH if parameter.location == "query" else target.partition(".")[0]
            if wanted not in operation.variables:
                raise refuse_field(field, f"The query declares no variable ${wanted}.")
            is_named = (FIELD if parameter.location == "query" else NAME).fullmatch(target)
            if not is_named:
                raise refuse_field(f"{field}.target", f"{target!r} is no name that Shopify has.")
        check_mapping(endpoint.response_mapping)

    def find_hosts(self, config: JsonObject) -> tuple[str, ...]:
        """Return where the secrets of ``config`` are sent."""
        return (read_connection(config).host,)

    def open(self, integration: StoredIntegration) -> Integration:
        """Return the shop; nothing is sent before it is asked."""
        connection = read_connection(integration.connection_config)
        return ShopifyShop(integration.id, connection, self._systems, self._tokens, self._clock)


class ShopifyShop:
    """Implements ``Integration`` for one shop."""

    def __init__(
        self,
        system: str,
        connection: ShopifyConnection,
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
        """Ask which scopes the app has."""
        started = self._clock.monotonic()
        try:
            answer = await self._ask(TEST_DOCUMENT, {}, is_repeatable=True)
            message, is_success = self._describe_success(answer), True
        except HttpFailure as exc:
            message, is_success = exc.error.message, False
        return ConnectionTest(
            is_success=is_success,
            message=message,
            duration_ms=round((self._clock.monotonic() - started) * 1000),
        )

    def _describe_success(self, answer: Answer) -> str:
        sentences = ["Shopify answers and accepts the credential."]
        granted = _read_scopes(answer.value)
        lacking = [scope for scope in SCOPES if scope not in granted]
        for scope in lacking:
            sentences.append(f"Without the scope {scope}, {SCOPES[scope]} will be refused.")
        if "read_orders" not in lacking and "read_all_orders" not in granted:
            sentences.append(
                "Orders older than 60 days are not found without the scope read_all_orders."
            )
        other = read_other_version(answer, self._connection.api_version)
        if other is not None:
            sentences.append(
                f"Shopify no longer has the version {self._connection.api_version} and answers in "
                f"{other}: set api_version to it."
            )
        return " ".join(sentences)

    async def call(self, endpoint: Endpoint, arguments: JsonObject) -> ToolOutcome:
        """Ask ``endpoint`` and return the mapped ``data`` of the answer."""

        async def ask() -> Answer:
            variables = build_body(endpoint, arguments)
            if any(parameter.location == "query" for parameter in endpoint.parameters):
                variables[SEARCH] = write_search(endpoint, arguments)
            return await self._ask(
                endpoint.query or "", variables, is_repeatable=endpoint.risk == "read"
            )

        return await call_endpoint(endpoint, arguments, ask, self._clock)

    async def describe(self, endpoint: Endpoint | None) -> WebhookAccess:
        """Return what a webhook needs to speak GraphQL itself; the header is Shopify's own."""
        return WebhookAccess(
            api_url=self._connection.url,
            api_key=await self._get_token(),
            auth_method="header",
            method="POST",
            api_key_name=TOKEN_HEADER,
        )

    async def _get_token(self, refused: str | None = None) -> str:
        client = self._connection.token_client
        if client is None:
            return self._connection.access_token or ""
        return await self._tokens.get(client, refused=refused)

    async def _ask(self, document: str, variables: JsonObject, *, is_repeatable: bool) -> Answer:
        body = msgspec.json.encode({"query": document, "variables": variables})
        used: str | None = None

        async def build(renews: bool) -> OutboundRequest:
            nonlocal used
            used = await self._get_token(refused=used if renews else None)
            return OutboundRequest(
                method="POST",
                url=self._connection.url,
                headers={
                    "Content-Type": "application/json",
                    "Accept": "application/json",
                    TOKEN_HEADER: used,
                },
                body=body,
                credential_hosts=(self._connection.host,),
            )

        try:
            answer = await self._systems.ask(
                self._system,
                build,
                is_repeatable=is_repeatable,
                can_renew=self._connection.token_client is not None,
                timeout_s=self._connection.timeout_s,
            )
        except HttpFailure as exc:
            raise describe_failure(exc) from exc
        return read_data(answer)


def _read_scopes(data: Any) -> set[str]:
    installation = data.get("currentAppInstallation") or {}
    return {str(scope.get("handle")) for scope in installation.get("accessScopes") or ()}
