"""A tenant's integrations and their endpoints, as operators manage them.

Owns the rules on what may be stored, and what of a connection may be shown; asking a system is left
to ``integration_calls`` and the types.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from appliance.domain.ids import EndpointId, IntegrationId, TenantId, new_id
from appliance.domain.integration import (
    ConnectionTest,
    Endpoint,
    EndpointDefinition,
    EndpointParameter,
    IntegrationCall,
    StoredIntegration,
)
from appliance.domain.json_types import JsonObject
from appliance.domain.secrets import hide, is_hidden
from appliance.domain.tool import RISK_ORDER, Risk
from appliance.errors import Conflict, FieldError, InvalidInput, NotFound
from appliance.ports.clock import Clock
from appliance.ports.integrations import IntegrationKind, IntegrationStore, TriesEndpoints
from appliance.ports.repositories import Page, ToolRepository
from appliance.services.changes import read_changes

Name = Annotated[str, Meta(min_length=1, max_length=200)]
EndpointName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$(?!\n)")]
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
Text = Annotated[str, Meta(max_length=20_000)]
CacheSeconds = Annotated[int, Meta(ge=0, le=86_400)]
Parameters = Annotated[list[EndpointParameter], Meta(max_length=50)]

MAX_INTEGRATIONS = 50
MAX_ENDPOINTS = 200


class NewIntegration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What it takes to connect a system; the fields of a connection are its type's."""

    integration_type: Annotated[str, Meta(max_length=20)]
    name: Name
    connection_config: JsonObject
    enabled: bool = True


class IntegrationChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of an integration shall change.

    Of ``connection_config`` too, an absent field stays as it is; ``null`` removes it. A secret that
    reads ``{"set": true, …}``, as it was shown, stays.
    """

    name: Name | UnsetType = UNSET
    connection_config: JsonObject | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class NewEndpoint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What it takes to add an endpoint. Without a risk, a GET or HEAD reads and all else writes."""

    endpoint_name: EndpointName
    url_template: Annotated[str, Meta(max_length=2_000)] = ""
    method: Method = "GET"
    description: Annotated[str, Meta(max_length=2_000)] = ""
    parameters: Parameters = []
    query: Text | None = None
    response_mapping: Annotated[str, Meta(max_length=2_000)] | None = None
    cache_s: CacheSeconds = 0
    risk: Risk | None = None


class EndpointChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of an endpoint shall change; an absent field stays as it is."""

    endpoint_name: EndpointName | UnsetType = UNSET
    url_template: Annotated[str, Meta(max_length=2_000)] | UnsetType = UNSET
    method: Method | UnsetType = UNSET
    description: Annotated[str, Meta(max_length=2_000)] | UnsetType = UNSET
    parameters: Parameters | UnsetType = UNSET
    query: Text | None | UnsetType = UNSET
    response_mapping: Annotated[str, Meta(max_length=2_000)] | None | UnsetType = UNSET
    cache_s: CacheSeconds | UnsetType = UNSET
    risk: Risk | UnsetType = UNSET


class IntegrationService:
    """Manages integrations."""

    def __init__(
        self,
        *,
        store: IntegrationStore,
        kinds: Mapping[str, IntegrationKind],
        tools: ToolRepository,
        clock: Clock,
    ) -> None:
        self._store = store
        self._kinds = kinds
        self._tools = tools
        self._clock = clock

    def show_connection(self, integration: StoredIntegration) -> JsonObject:
        """Return the connection with its secrets hidden."""
        kind = self._kinds.get(integration.integration_type)
        if kind is None:
            return {}
        return {
            name: hide(value) if name in kind.secret_fields else value
            for name, value in integration.connection_config.items()
        }

    async def list_all(self, tenant_id: TenantId) -> list[StoredIntegration]:
        """Return the tenant's integrations, oldest first."""
        return await self._store.list_all(tenant_id)

    async def get(self, tenant_id: TenantId, integration_id: IntegrationId) -> StoredIntegration:
        """Return one integration.

        Raises:
            NotFound: The tenant has none of this id.
        """
        found = await self._store.get(tenant_id, integration_id)
        if found is None:
            raise NotFound(
                f"There is no integration {integration_id!r}.", code="integration_not_found"
            )
        return found

    async def create(self, tenant_id: TenantId, new: NewIntegration) -> StoredIntegration:
        """Connect a system, with its type's ready endpoints; nothing is sent to it yet.

        Raises:
            InvalidInput: A field does not fit; names it.
            Conflict: The tenant has as many as it may.
        """
        kind = self._find_kind(new.integration_type)
        if len(await self._store.list_all(tenant_id)) >= MAX_INTEGRATIONS:
            raise Conflict(f"A tenant can have {MAX_INTEGRATIONS} integrations.")
        now = self._clock.now()
        integration = StoredIntegration(
            id=IntegrationId(new_id()),
            tenant_id=tenant_id,
            integration_type=kind.name,
            name=new.name,
            connection_config=kind.check_connection(new.connection_config),
            enabled=new.enabled,
            created_at=now,
            updated_at=now,
        )
        await self._store.add(integration)
        for ready in kind.ready_endpoints:
            await self._store.put_endpoint(_build_endpoint(integration, ready, now))
        return integration

    async def change(
        self, tenant_id: TenantId, integration_id: IntegrationId, changes: IntegrationChanges
    ) -> StoredIntegration:
        """Change the given fields.

        Raises:
            NotFound: The tenant has none of this id.
            InvalidInput: A field does not fit, or a secret would follow to another host.
        """
        current = await self.get(tenant_id, integration_id)
        given = read_changes(changes)
        if "connection_config" in given:
            kind = self._find_kind(current.integration_type)
            given["connection_config"] = _merge(
                kind, current.connection_config, given["connection_config"]
            )
        changed = msgspec.structs.replace(current, **given, updated_at=self._clock.now())
        await self._store.save(changed)
        return changed

    async def delete(self, tenant_id: TenantId, integration_id: IntegrationId) -> None:
        """Remove an integration with its endpoints and log.

        Raises:
            NotFound: The tenant has none of this id.
            Conflict: A tool is mapped to it; names the tools.
        """
        await self.get(tenant_id, integration_id)
        users = [
            used.tool.tool_name
            for used in await self._tools.list_for_tenant(tenant_id)
            if integration_id in used.integration_mapping.values()
        ]
        if users:
            raise Conflict(
                f"These tools use the integration: {', '.join(users)}. Map them to another one "
                "first.",
                code="integration_in_use",
            )
        await self._store.delete(tenant_id, integration_id)

    async def test(self, tenant_id: TenantId, integration_id: IntegrationId) -> ConnectionTest:
        """Try the connection and note what came of it.

        Raises:
            NotFound: The tenant has none of this id.
            InvalidInput: The connection is not set up (any more).
        """
        integration = await self.get(tenant_id, integration_id)
        kind = self._find_kind(integration.integration_type)
        result = await kind.open(integration).test()
        await self._store.save_test(tenant_id, integration_id, result, at=self._clock.now())
        return result

    async def list_calls(
        self, tenant_id: TenantId, integration_id: IntegrationId, *, limit: int, cursor: str | None
    ) -> Page[IntegrationCall]:
        """Return the log of recent calls, newest first.

        Raises:
            NotFound: The tenant has none of this id.
        """
        await self.get(tenant_id, integration_id)
        return await self._store.list_calls(tenant_id, integration_id, limit=limit, cursor=cursor)

    async def list_endpoints(
        self, tenant_id: TenantId, integration_id: IntegrationId
    ) -> list[Endpoint]:
        """Return an integration's endpoints, by name.

        Raises:
            NotFound: The tenant has none of this id.
        """
        await self.get(tenant_id, integration_id)
        return await self._store.list_endpoints(tenant_id, integration_id)

    async def add_endpoint(
        self, tenant_id: TenantId, integration_id: IntegrationId, new: NewEndpoint
    ) -> Endpoint:
        """Add an endpoint.

        Raises:
            NotFound: The tenant has no such integration.
            InvalidInput: A field does not fit.
            Conflict: The name is taken, or there are as many as there may be.
        """
        integration = await self.get(tenant_id, integration_id)
        if len(await self._store.list_endpoints(tenant_id, integration_id)) >= MAX_ENDPOINTS:
            raise Conflict(f"An integration can have {MAX_ENDPOINTS} endpoints.")
        fields = {name: getattr(new, name) for name in new.__struct_fields__}
        fields["risk"] = new.risk or ("read" if new.method in ("GET", "HEAD") else "write")
        definition = EndpointDefinition(**fields)
        endpoint = _build_endpoint(integration, definition, self._clock.now())
        return await self._put_endpoint(integration, endpoint)

    async def change_endpoint(
        self,
        tenant_id: TenantId,
        integration_id: IntegrationId,
        endpoint_id: EndpointId,
        changes: EndpointChanges,
    ) -> Endpoint:
        """Change the given fields; a risk that was not given rises with the method.

        Raises:
            NotFound: There is no such endpoint.
            InvalidInput: A field does not fit.
            Conflict: The name is taken.
        """
        integration = await self.get(tenant_id, integration_id)
        current = await self._store.get_endpoint(tenant_id, integration_id, endpoint_id)
        if current is None:
            raise _no_endpoint(endpoint_id)
        given = read_changes(changes)
        changed = msgspec.structs.replace(current, **given)
        if "risk" not in given and given.get("method", "GET") not in ("GET", "HEAD"):
            risk = max(current.risk, "write", key=RISK_ORDER.__getitem__)
            changed = msgspec.structs.replace(changed, risk=risk)
        return await self._put_endpoint(integration, changed)

    async def delete_endpoint(
        self, tenant_id: TenantId, integration_id: IntegrationId, endpoint_id: EndpointId
    ) -> None:
        """Remove an endpoint.

        Raises:
            NotFound: There is no such endpoint.
        """
        await self.get(tenant_id, integration_id)
        if not await self._store.delete_endpoint(tenant_id, integration_id, endpoint_id):
            raise _no_endpoint(endpoint_id)

    async def _put_endpoint(self, integration: StoredIntegration, endpoint: Endpoint) -> Endpoint:
        kind = self._find_kind(integration.integration_type)
        if endpoint.cache_s and endpoint.risk != "read":
            raise InvalidInput(
                "The cache_s does not fit.",
                errors=[FieldError("cache_s", "Only what an endpoint reads can be cached.")],
            )
        kind.check_endpoint(endpoint, integration.connection_config)
        if integration.enabled:
            system = kind.open(integration)
            if isinstance(system, TriesEndpoints):
                await system.try_endpoint(endpoint)
        await self._store.put_endpoint(endpoint)
        return endpoint

    def _find_kind(self, name: str) -> IntegrationKind:
        kind = self._kinds.get(name)
        if kind is None:
            known = ", ".join(sorted(self._kinds))
            raise InvalidInput(
                "The integration_type does not fit.",
                errors=[FieldError("integration_type", f"There are: {known}.")],
            )
        return kind


def _merge(kind: IntegrationKind, current: JsonObject, given: JsonObject) -> JsonObject:
    """Return the changed connection, in which no secret goes where it was not meant for.

    Raises:
        InvalidInput: A field does not fit, or a secret has to be given anew.
    """
    given = {
        name: value
        for name, value in given.items()
        if not (name in kind.secret_fields and is_hidden(value))
    }
    merged = {name: value for name, value in {**current, **given}.items() if value is not None}
    checked = kind.check_connection(merged)
    kept = [name for name in kind.secret_fields if name not in given and current.get(name)]
    if kept and set(kind.find_hosts(checked)) - set(kind.find_hosts(current)):
        raise InvalidInput(
            "The connection leads to another host now.",
            errors=[
                FieldError(
                    f"connection_config.{name}",
                    "Give this secret again, or null: it was entered for another host.",
                )
                for name in sorted(kept)
            ],
        )
    return checked


def _build_endpoint(
    integration: StoredIntegration, definition: EndpointDefinition, now: datetime
) -> Endpoint:
    return Endpoint(
        id=EndpointId(new_id()),
        tenant_id=integration.tenant_id,
        integration_id=integration.id,
        created_at=now,
        **{name: getattr(definition, name) for name in EndpointDefinition.__struct_fields__},
    )


def _no_endpoint(endpoint_id: EndpointId) -> NotFound:
    return NotFound(f"There is no endpoint {endpoint_id!r}.", code="endpoint_not_found")
