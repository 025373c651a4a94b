"""From what a server offers to tools of a tenant, with an operator's approval in between.

Owns approving and making tools of it; keeping up with the server is left to ``tool_mirror``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from appliance.domain.argument_checks import find_unsafe_pattern
from appliance.domain.ids import EndpointId, IntegrationId, TenantId
from appliance.domain.integration import Endpoint, StoredIntegration, choose_endpoint
from appliance.domain.tool import RISK_ORDER, TenantTool
from appliance.errors import Conflict, InvalidInput, NotFound
from appliance.ports.integrations import IntegrationKind, IntegrationStore, OffersTools
from appliance.ports.repositories import ToolRepository
from appliance.services.tool_mirror import RefusedOffer, ToolMirror
from appliance.services.tools import NewTool, TenantToolChoice, ToolChanges, ToolService

KEY: Final = "mcp"
"""Under which a tool made here maps its integration."""
MAX_NAME_CHARS: Final = 64


class Approval(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which version of an offer the operator has looked at."""

    fingerprint: Annotated[str, Meta(min_length=1, max_length=64)]


class Refreshed(Struct, frozen=True, kw_only=True):
    """What a server offers now."""

    endpoints: list[Endpoint]
    refused: list[RefusedOffer]


class OfferedTools:
    """Lets operators take over what servers offer."""

    def __init__(
        self,
        *,
        store: IntegrationStore,
        kinds: Mapping[str, IntegrationKind],
        mirror: ToolMirror,
        catalogue: ToolRepository,
        tools: ToolService,
    ) -> None:
        self._store = store
        self._kinds = kinds
        self._mirror = mirror
        self._catalogue = catalogue
        self._tools = tools

    async def refresh(self, tenant_id: TenantId, integration_id: IntegrationId) -> Refreshed:
        """Ask the server what it offers and mirror it.

        Raises:
            NotFound: The tenant has no such integration.
            InvalidInput: It is none that offers tools, or is not set up.
            UpstreamError: The server does not say.
        """
        integration = await self._get(tenant_id, integration_id)
        kind = self._kinds.get(integration.integration_type)
        system: object = None if kind is None else kind.open(integration)
        if not isinstance(system, OffersTools):
            raise InvalidInput(
                f"A system of the type {integration.integration_type!r} offers no tools by itself."
            )
        refused = await self._mirror.mirror(integration, await system.list_offers())
        listed = await self._store.list_endpoints(tenant_id, integration_id)
        return Refreshed(endpoints=listed, refused=refused)

    async def approve(
        self,
        tenant_id: TenantId,
        integration_id: IntegrationId,
        endpoint_id: EndpointId,
        approval: Approval,
    ) -> Endpoint:
        """Let the tool be asked as long as the server says of it what it says now.

        Raises:
            NotFound: There is no such endpoint.
            InvalidInput: Nobody else wrote it, or its schema has a pattern that is not safe to run.
            Conflict: The server says something else by now (``offer_changed``).
        """
        endpoint = await self._get_endpoint(tenant_id, integration_id, endpoint_id)
        if endpoint.offer is None:
            raise InvalidInput("This endpoint was not offered by a server; it needs no approval.")
        if endpoint.offer.fingerprint != approval.fingerprint:
            raise Conflict(
                "The server says something else of this tool by now. Look at it again.",
                code="offer_changed",
            )
        unsafe = find_unsafe_pattern(endpoint.offer.parameters_schema)
        if unsafe is not None:
            raise InvalidInput(f"This tool cannot be approved. {unsafe} Its server has to mend it.")
        approved = msgspec.structs.replace(endpoint, approved=approval.fingerprint)
        await self._store.put_endpoint(approved)
        return approved

    async def make_tool(
        self, tenant_id: TenantId, integration_id: IntegrationId, endpoint_id: EndpointId
    ) -> TenantTool:
        """Put an approved offer into the catalogue and let the tenant use it, or renew it there.

        A name that another tool has gets the integration's name before it.

        Raises:
            NotFound: There is no such endpoint.
            Conflict: It is not approved (``not_approved``).
        """
        integration = await self._get(tenant_id, integration_id)
        endpoint = await self._get_endpoint(tenant_id, integration_id, endpoint_id)
        offer = endpoint.offer
        if offer is None or not endpoint.is_approved:
            raise Conflict("Approve what the server says of this tool first.", code="not_approved")
        description = offer.description or f"The tool {offer.tool_name} of {integration.name}."
        current = await self._find_tool(tenant_id, endpoint)
        if current is not None:
            risk = max(current.tool.risk, endpoint.risk, key=RISK_ORDER.__getitem__)
            await self._tools.change(
                current.tool.id,
                ToolChanges(
                    description=description, parameters_schema=offer.parameters_schema, risk=risk
                ),
            )
            [renewed] = [
                one
                for one in await self._catalogue.list_for_tenant(tenant_id)
                if one.tool.id == current.tool.id
            ]
            return renewed
        tool = await self._tools.create(
            NewTool(
                tool_name=await self._choose_name(integration, offer.tool_name),
                description=description,
                parameters_schema=offer.parameters_schema,
                category="mcp",
                risk=endpoint.risk,
            )
        )
        return await self._tools.put_for_tenant(
            tenant_id,
            tool.id,
            TenantToolChoice(
                executor="integration",
                integration_mapping={KEY: integration.id},
                custom_config={"integration": KEY, "endpoint": endpoint.endpoint_name},
            ),
        )

    async def _find_tool(self, tenant_id: TenantId, endpoint: Endpoint) -> TenantTool | None:
        """Return the tool that was made of this endpoint before."""
        for one in await self._catalogue.list_for_tenant(tenant_id):
            choice = choose_endpoint(one) if one.executor == "integration" else ""
            if isinstance(choice, str) or one.tool.category != "mcp":
                continue
            mapped = one.integration_mapping.get(choice.integration)
            if (mapped, choice.endpoint) == (endpoint.integration_id, endpoint.endpoint_name):
                return one
        return None

    async def _choose_name(self, integration: StoredIntegration, wanted: str) -> str:
        """Return a name that no tool of the catalogue has."""
        if await self._catalogue.find_by_name(wanted) is None:
            return wanted
        prefix = re.sub(r"[^A-Za-z0-9_-]+", "_", integration.name).strip("_-")
        longer = f"{prefix if prefix[:1].isalpha() else KEY}_{wanted}"[:MAX_NAME_CHARS]
        if await self._catalogue.find_by_name(longer) is None:
            return longer
        mark = hashlib.sha256(f"{integration.id}\x1f{wanted}".encode()).hexdigest()[:8]
        return f"{longer[: MAX_NAME_CHARS - 9]}_{mark}"

    async def _get(self, tenant_id: TenantId, integration_id: IntegrationId) -> StoredIntegration:
        found = await self._store.get(tenant_id, integration_id)
        if found is None:
            raise NotFound(
                f"There is no integration {integration_id!r}.", code="integration_not_found"
            )
        return found

    async def _get_endpoint(
        self, tenant_id: TenantId, integration_id: IntegrationId, endpoint_id: EndpointId
    ) -> Endpoint:
        found = await self._store.get_endpoint(tenant_id, integration_id, endpoint_id)
        if found is None:
            raise NotFound(f"There is no endpoint {endpoint_id!r}.", code="endpoint_not_found")
        return found
