"""Asking tenants' integrations on behalf of their tools.

Owns finding the system and the endpoint, giving cached answers again and logging each call; how a
system is asked is left to its type.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

import msgspec
import structlog

from appliance.domain.ids import IntegrationId, TenantId, new_id
from appliance.domain.integration import (
    CallOutcome,
    Endpoint,
    IntegrationCall,
    StoredIntegration,
    find_unproved,
)
from appliance.domain.json_types import JsonObject
from appliance.domain.secrets import mask_known, mask_text
from appliance.domain.tool import RISK_ORDER, Risk, ToolOutcome
from appliance.errors import InvalidInput, StorageError, UpstreamError
from appliance.ports.clock import Clock
from appliance.ports.integrations import IntegrationKind, IntegrationStore, WebhookAccess
from appliance.services.cache_roles import LiveData, LiveResult

logger = structlog.get_logger(__name__)

CALLS_KEPT: Final = 200
"""How many calls of an integration its log keeps."""


class IntegrationCalls:
    """Implements ``IntegrationAccess``."""

    def __init__(
        self,
        *,
        store: IntegrationStore,
        kinds: Mapping[str, IntegrationKind],
        live_data: LiveData,
        clock: Clock,
    ) -> None:
        self._store = store
        self._kinds = kinds
        self._live_data = live_data
        self._clock = clock

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
        """Ask an endpoint, or give its cached answer again."""
        integration = await self._store.get(tenant_id, integration_id)
        if integration is None or not integration.enabled:
            return _fail(
                "The integration was removed or is switched off. The operator should map another "
                "one to this tool, or switch it on."
            )
        endpoint = await self._store.find_endpoint(tenant_id, integration_id, endpoint_name)
        if endpoint is None:
            return _fail(
                f"The integration {integration.name!r} has no endpoint {endpoint_name!r}. "
                "The operator should add it, or choose another one."
            )
        if not endpoint.is_approved:
            return _fail(
                f"What the server says of {endpoint_name!r} is not approved. The operator should "
                "look at it, and approve it."
            )
        if RISK_ORDER[endpoint.risk] > RISK_ORDER[risk]:
            return _fail(
                f"The endpoint {endpoint_name!r} has the risk {endpoint.risk!r} and the tool only "
                f"{risk!r}. The operator should give the tool the same risk."
            )
        unproved = find_unproved(endpoint, bound)
        if unproved is not None:
            return _fail(
                f"The endpoint {endpoint_name!r} answers only for who the visitor was proved to "
                f"be. The operator should bind the tool's parameter {unproved!r} to the identity "
                "token."
            )
        started, called_at = self._clock.monotonic(), self._clock.now()
        outcome, kind = await self._ask_or_remember(integration, endpoint, arguments)
        secrets = self._list_secrets(integration)
        outcome = msgspec.structs.replace(
            outcome,
            output=mask_known(outcome.output, secrets),
            error=mask_text(outcome.error, secrets),
            duration_ms=round((self._clock.monotonic() - started) * 1000),
        )
        await self._log(endpoint, outcome, kind, called_at)
        return outcome

    def _list_secrets(self, integration: StoredIntegration) -> list[str]:
        kind = self._kinds.get(integration.integration_type)
        names = kind.secret_fields if kind is not None else frozenset()
        values = (integration.connection_config.get(name) for name in names)
        return [value for value in values if isinstance(value, str)]

    async def describe(
        self, tenant_id: TenantId, mapping: Mapping[str, str]
    ) -> dict[str, WebhookAccess]:
        """Return the mapped integrations that are switched on, by their keys.

        An endpoint with the name of the key says where below the system's address, and how.
        """
        described: dict[str, WebhookAccess] = {}
        for key, integration_id in mapping.items():
            found = await self._store.get(tenant_id, IntegrationId(integration_id))
            kind = self._kinds.get(found.integration_type) if found is not None else None
            if found is None or not found.enabled or kind is None:
                continue
            endpoint = await self._store.find_endpoint(tenant_id, found.id, key)
            try:
                described[key] = await kind.open(found).describe(endpoint)
            except (InvalidInput, UpstreamError) as exc:
                logger.warning("integration_not_described", integration=found.id, error=exc.message)
        return described

    async def _ask_or_remember(
        self, integration: StoredIntegration, endpoint: Endpoint, arguments: JsonObject
    ) -> tuple[ToolOutcome, CallOutcome]:
        tenant_id = integration.tenant_id
        is_cached = endpoint.cache_s > 0 and endpoint.risk == "read"
        # A change of the endpoint or the connection changes the basis, and so what is found.
        basis: JsonObject = {
            "arguments": arguments,
            "endpoint": msgspec.to_builtins(endpoint),
            "connected_at": integration.updated_at.isoformat(),
        }
        if is_cached:
            kept = await self._live_data.find(tenant_id, endpoint.id, basis)
            if kept is not None:
                outcome = ToolOutcome(
                    is_success=True, output=kept.value, attempts=0, sent=arguments
                )
                return outcome, "cached"
        outcome = await self._ask(integration, endpoint, arguments)
        if is_cached and outcome.is_success:
            result = LiveResult(value=outcome.output, fetched_at=self._clock.now())
            await self._live_data.remember(
                tenant_id, endpoint.id, basis, result, ttl_s=float(endpoint.cache_s)
            )
        return outcome, "succeeded" if outcome.is_success else "failed"

    async def _ask(
        self, integration: StoredIntegration, endpoint: Endpoint, arguments: JsonObject
    ) -> ToolOutcome:
        kind = self._kinds.get(integration.integration_type)
        if kind is None:
            return _fail(
                f"Nothing here reaches systems of the type {integration.integration_type!r}."
            )
        try:
            return await kind.open(integration).call(endpoint, arguments)
        except InvalidInput as exc:
            named = "; ".join(f"{error.field}: {error.message}" for error in exc.errors)
            return _fail(
                f"The integration {integration.name!r} is not set up. The operator should correct "
                f"it. {named or exc.message}"
            )

    async def _log(
        self, endpoint: Endpoint, outcome: ToolOutcome, kind: CallOutcome, called_at: datetime
    ) -> None:
        call = IntegrationCall(
            id=new_id(),
            tenant_id=endpoint.tenant_id,
            integration_id=endpoint.integration_id,
            endpoint_name=endpoint.endpoint_name,
            outcome=kind,
            status=outcome.status,
            duration_ms=outcome.duration_ms,
            attempts=outcome.attempts,
            error=outcome.error,
            called_at=called_at,
        )
        try:
            await self._store.add_call(call, keep=CALLS_KEPT)
        except StorageError as exc:
            # What was asked is done; a missing line in the log must not undo it.
            logger.warning("integration_call_not_logged", error=exc.message)


def _fail(error: str) -> ToolOutcome:
    return ToolOutcome(is_success=False, error=error, failure="not_available", attempts=0)
