"""The demo shop: a tenant with real rows, made once and kept.

Owns making it; its content is data in ``bundled-workflows/demo``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from appliance.domain.data_table import Column
from appliance.domain.ids import TenantId
from appliance.domain.json_types import JsonObject
from appliance.domain.tenant import Tenant
from appliance.errors import NotFound
from appliance.ports.data_tables import DataTables, RowFilter
from appliance.ports.repositories import SettingStore, ToolRepository
from appliance.services.tenants import NewTenant, TenantService
from appliance.services.tools import TenantToolChoice, ToolService

SETTING = "demo_shop"
ALL_ROWS = RowFilter()


class DemoContent(Struct, frozen=True, kw_only=True):
    """What the demo shop is made of: itself, tables and rows, tools by name with their settings."""

    tenant: NewTenant
    tables: Mapping[str, Sequence[Column]]
    rows: Mapping[str, Sequence[JsonObject]]
    tools: Mapping[str, JsonObject]


class DemoShop(Struct, frozen=True, kw_only=True):
    """The demo tenant and the publishable key its page uses."""

    tenant: Tenant
    api_key: str


class DemoService:
    """Makes the demo shop at the first start of the demo, and finds it again later."""

    def __init__(
        self,
        *,
        tenants: TenantService,
        tools: ToolService,
        tool_repository: ToolRepository,
        data_tables: DataTables,
        settings: SettingStore,
    ) -> None:
        self._tenants = tenants
        self._tools = tools
        self._tool_repository = tool_repository
        self._data_tables = data_tables
        self._settings = settings

    async def ensure(self, content: DemoContent) -> DemoShop:
        """Return the demo shop; make it from ``content`` when there is none.

        A start that was interrupted half way is completed by the next one.
        """
        known = await self._settings.get(SETTING) or {}
        shop = await self._find(known)
        if shop is None:
            known = {}
            created = await self._tenants.create(content.tenant)
            shop = DemoShop(tenant=created.tenant, api_key=created.api_key)
        if not known.get("is_complete"):
            await self._remember(shop, is_complete=False)
            await self._fill(shop.tenant.id, content)
            await self._remember(shop, is_complete=True)
        return shop

    async def _find(self, known: JsonObject) -> DemoShop | None:
        """Return the shop that was made; ``None`` when it was never made, or erased."""
        if "tenant_id" not in known:
            return None
        try:
            tenant = await self._tenants.get(TenantId(known["tenant_id"]))
        except NotFound:
            return None
        return DemoShop(tenant=tenant, api_key=known["api_key"])

    async def _remember(self, shop: DemoShop, *, is_complete: bool) -> None:
        await self._settings.put(
            SETTING,
            {"tenant_id": shop.tenant.id, "api_key": shop.api_key, "is_complete": is_complete},
        )

    async def _fill(self, tenant_id: TenantId, content: DemoContent) -> None:
        for name, columns in content.tables.items():
            await self._data_tables.ensure_table(tenant_id, name, columns)
            rows = content.rows.get(name)
            if rows and not await self._data_tables.get_rows(tenant_id, name, ALL_ROWS, limit=1):
                await self._data_tables.insert_rows(tenant_id, name, rows)
        for tool_name, config in content.tools.items():
            tool = await self._tool_repository.find_by_name(tool_name)
            if tool is not None:
                choice = TenantToolChoice(
                    executor="workflow", workflow=tool_name, custom_config=config
                )
                await self._tools.put_for_tenant(tenant_id, tool.id, choice)
