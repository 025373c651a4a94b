"""What servers offer, as endpoints of their integrations.

Owns what becomes of an endpoint when a server says something new; what a tenant makes of it is left
to ``offered_tools``.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from appliance.domain.bound_parameters import MARK
from appliance.domain.ids import EndpointId, new_id
from appliance.domain.integration import Endpoint, StoredIntegration, ToolOffer, UnfitOffer
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.tool import RISK_ORDER
from appliance.errors import InvalidInput
from appliance.ports.clock import Clock
from appliance.ports.integrations import IntegrationStore
from appliance.services.tools import check_readable

MAX_OFFERS = 200
MAX_SCHEMA_BYTES = 50_000


class RefusedOffer(Struct, frozen=True, kw_only=True):
    """A tool that cannot be used, and why."""

    name: str
    reason: str


class ToolMirror:
    """Keeps endpoints like what is offered; implements ``TellOffers`` by ``update``."""

    def __init__(self, store: IntegrationStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def update(self, integration: StoredIntegration, offers: Sequence[ToolOffer]) -> None:
        """Let the endpoints say what ``offers`` say; see ``mirror``."""
        await self.mirror(integration, offers)

    async def mirror(
        self, integration: StoredIntegration, offers: Sequence[ToolOffer]
    ) -> list[RefusedOffer]:
        """Let the endpoints say what ``offers`` say; return those that cannot be used.

        What is new, or was changed, waits for an operator's approval. A risk rises with the offer
        and never falls. What is no longer offered is removed, or where it was approved, is not
        approved any more: a tool may still name it.
        """
        tenant_id = integration.tenant_id
        listed = await self._store.list_endpoints(tenant_id, integration.id)
        known = {one.offer.name: one for one in listed if one.offer is not None}
        taken = {one.endpoint_name for one in listed}
        refused: list[RefusedOffer] = []
        usable: dict[str, ToolOffer] = {}
        for raw in offers[:MAX_OFFERS]:
            offer = msgspec.structs.replace(raw, parameters_schema=_unbind(raw.parameters_schema))
            reason = _find_problem(offer)
            if reason is None:
                usable[offer.name] = offer
            else:
                refused.append(RefusedOffer(name=offer.tool_name, reason=reason))
        for offer in usable.values():
            endpoint = self._renew(integration, known.get(offer.name), offer, taken)
            if endpoint is not None:
                taken.add(endpoint.endpoint_name)
                await self._store.put_endpoint(endpoint)
        for name in known.keys() - usable.keys():
            await self._withdraw(known[name])
        return refused

    def _renew(
        self,
        integration: StoredIntegration,
        current: Endpoint | None,
        offer: ToolOffer,
        taken: set[str],
    ) -> Endpoint | None:
        """Return the endpoint as it has to be stored; ``None`` where nothing is new."""
        if current is not None:
            if current.offer == offer:
                return None
            said_before = current.offer.risk if current.offer is not None else None
            risk = current.risk
            if said_before != offer.risk:
                risk = max(risk, offer.risk, key=RISK_ORDER.__getitem__)
            return msgspec.structs.replace(
                current, offer=offer, risk=risk, description=offer.description
            )
        name = offer.tool_name
        if name in taken:
            name = f"{name[:55]}_{offer.fingerprint[:8]}"
        return Endpoint(
            id=EndpointId(new_id()),
            tenant_id=integration.tenant_id,
            integration_id=integration.id,
            endpoint_name=name,
            method="POST",
            description=offer.description,
            risk=offer.risk,
            offer=offer,
            created_at=self._clock.now(),
        )

    async def _withdraw(self, endpoint: Endpoint) -> None:
        if endpoint.approved is None:
            await self._store.delete_endpoint(
                endpoint.tenant_id, endpoint.integration_id, endpoint.id
            )
        elif endpoint.is_approved:
            await self._store.put_endpoint(msgspec.structs.replace(endpoint, approved=""))


def _find_problem(offer: ToolOffer) -> str | None:
    if isinstance(offer, UnfitOffer):
        return offer.reason
    if len(msgspec.json.encode(offer.parameters_schema)) > MAX_SCHEMA_BYTES:
        return f"Its schema is larger than {MAX_SCHEMA_BYTES} bytes."
    try:
        check_readable(offer.parameters_schema)
    except (InvalidInput, RecursionError):
        return "Its parameters are no JSON Schema of the version 2020-12 that stands by itself."
    return None


def _unbind(schema: JsonObject) -> JsonObject:
    """Return ``schema`` without marks that would fill in who the visitor is for a stranger."""

    def strip(value: JsonValue) -> JsonValue:
        match value:
            case dict():
                return {key: strip(item) for key, item in value.items() if key != MARK}
            case list():
                return [strip(item) for item in value]
            case _:
                return value

    return {key: strip(item) for key, item in schema.items() if key != MARK}
