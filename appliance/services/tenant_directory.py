"""Which tenant a publishable key stands for, from memory.

Owns the cache of tenants and their tools on the hot path; changing them is left to
``appliance.services.tenants`` and ``appliance.services.tools``, which tell this of every change.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property

from msgspec import Struct

from appliance.agent.bound_arguments import build_spec
from appliance.domain.ids import TenantId, hash_token
from appliance.domain.tenant import Tenant
from appliance.domain.tool import TenantTool, ToolSpec
from appliance.ports.clock import Clock
from appliance.ports.repositories import TenantRepository, ToolRepository

MAX_TENANTS = 2_000
MAX_AGE_S = 30.0
"""A key that expires, or a change made by another process, is noticed after this time."""


class KnownTenant(Struct, frozen=True, kw_only=True, dict=True):
    """A tenant and its enabled tools by name, as of ``loaded_at`` on the monotonic clock."""

    tenant: Tenant
    tools: dict[str, TenantTool]
    loaded_at: float

    @cached_property
    def specs(self) -> dict[str, ToolSpec]:
        """The tools as models see them, for a visitor who was not proved to be anybody."""
        return {name: build_spec(tool, None) for name, tool in self.tools.items()}


class TenantDirectory:
    """Finds tenants by key; what it found is used for ``MAX_AGE_S``."""

    def __init__(self, *, tenants: TenantRepository, tools: ToolRepository, clock: Clock) -> None:
        self._tenants = tenants
        self._tools = tools
        self._clock = clock
        self._by_key: OrderedDict[str, KnownTenant] = OrderedDict()
        self._origins: frozenset[str] = frozenset()
        self._origins_loaded_at: float | None = None
        self._changes = 0

    async def find_by_key(self, key: str) -> KnownTenant | None:
        """Return the active tenant of a publishable key, or ``None``."""
        key_hash = hash_token(key)
        now = self._clock.monotonic()
        known = self._by_key.get(key_hash)
        if known is not None and now - known.loaded_at < MAX_AGE_S:
            return known
        changes = self._changes
        tenant = await self._tenants.find_by_publishable_key(key, at=self._clock.now())
        if tenant is None:
            self._by_key.pop(key_hash, None)
            return None
        known = await self.load(tenant)
        if changes != self._changes:
            return known  # may be older than a change that was told meanwhile: not kept
        self._by_key[key_hash] = known
        while len(self._by_key) > MAX_TENANTS:
            self._by_key.popitem(last=False)
        return known

    async def load(self, tenant: Tenant) -> KnownTenant:
        """Return ``tenant`` with its enabled tools."""
        tools = await self._tools.list_for_tenant(tenant.id)
        return KnownTenant(
            tenant=tenant,
            tools={tool.tool.tool_name: tool for tool in tools if tool.enabled},
            loaded_at=self._clock.monotonic(),
        )

    async def is_origin_of_any_tenant(self, origin: str) -> bool:
        """Say whether some active tenant allows pages of ``origin``.

        A browser's preflight carries no key, so this is all that can be told before the request
        itself, which is judged by its tenant alone.
        """
        now = self._clock.monotonic()
        if self._origins_loaded_at is None or now - self._origins_loaded_at > MAX_AGE_S:
            self._origins = await self._load_origins()
            self._origins_loaded_at = now
        return origin in self._origins or "*" in self._origins

    async def _load_origins(self) -> frozenset[str]:
        origins: set[str] = set()
        cursor: str | None = None
        while True:
            page = await self._tenants.list_page(limit=200, cursor=cursor)
            for tenant in page.items:
                if tenant.status == "active":
                    origins.update(tenant.allowed_origins)
            cursor = page.next_cursor
            if cursor is None:
                return frozenset(origins)

    def forget(self, tenant_id: TenantId | None = None) -> None:
        """Drop what is known of one tenant, or of all, because it changed."""
        self._changes += 1
        self._origins_loaded_at = None
        if tenant_id is None:
            self._by_key.clear()
            return
        for key_hash, known in list(self._by_key.items()):
            if known.tenant.id == tenant_id:
                del self._by_key[key_hash]
