"""What ships with the program: its tools and workflows, and the demo shop.

Owns reading them from the resources into the database.
"""

from __future__ import annotations

import msgspec

from appliance.domain.data_table import Column
from appliance.paths import bundled_workflows
from appliance.ports.clock import Clock
from appliance.services.bundled_tools import BundledTools, ShippedTool
from appliance.services.demo import DemoContent, DemoService, DemoShop
from appliance.services.tenants import NewTenant, TenantService
from appliance.services.tools import NewTool, ToolService
from appliance.storage.database import Database
from appliance.workflows.bundled import (
    BundledTool,
    load_bundled,
    load_data_tables,
    load_demo_config,
    load_demo_rows,
    load_integration_tools,
)

DEMO_TENANT = "demo/tenant.json"


async def install_bundled_tools(database: Database, clock: Clock) -> None:
    """Bring the catalogue's shipped tools and their workflows to this version's."""
    bundled = BundledTools(tools=database.tools, workflows=database.workflows, clock=clock)
    folder = bundled_workflows()
    await bundled.install(
        [
            ShippedTool(tool=_build_tool(item), workflow=item.workflow or None)
            for item in (*load_bundled(folder), *load_integration_tools(folder))
        ]
    )


async def ensure_demo(
    database: Database, clock: Clock, *, tenants: TenantService, tools: ToolService
) -> DemoShop:
    """Return the demo shop, made when there is none."""
    folder = bundled_workflows()
    tenant = msgspec.json.decode((folder / DEMO_TENANT).read_bytes(), type=NewTenant)
    configs = load_demo_config(folder)
    service = DemoService(
        tenants=tenants,
        tools=tools,
        tool_repository=database.tools,
        data_tables=database.data_tables,
        settings=database.settings,
    )
    return await service.ensure(
        DemoContent(
            tenant=tenant,
            tables=load_tables(),
            rows=load_demo_rows(folder, clock.now(), time_zone=tenant.time_zone),
            tools={
                item.tool_name: configs.get(item.tool_name, {}) for item in load_bundled(folder)
            },
        )
    )


def load_tables() -> dict[str, list[Column]]:
    """Return the columns of the data tables that shipped workflows work on, by name."""
    return {table.name: table.columns for table in load_data_tables(bundled_workflows())}


def _build_tool(item: BundledTool) -> NewTool:
    fields = {name: getattr(item, name) for name in NewTool.__struct_fields__}
    return NewTool(**fields)
