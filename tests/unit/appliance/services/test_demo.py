from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio

from appliance.domain.data_table import Column
from appliance.domain.json_types import JsonObject
from appliance.errors import StorageError
from appliance.ports.data_tables import RowFilter
from appliance.services.demo import DemoContent, DemoService
from appliance.services.starter_tables import StarterTables
from appliance.services.tenant_changes import TenantChanges
from appliance.services.tenant_directory import TenantDirectory
from appliance.services.tenants import NewTenant, TenantService
from appliance.services.tool_setup import ToolSetup
from appliance.services.tools import TenantToolChanges, ToolService
from tests.fakes.shops import build_tool, build_workflow
from tests.fakes.sqlite_database import TemporaryDatabase

ALL = RowFilter()
CONTENT = DemoContent(
    tenant=NewTenant(name="Bob's Pizza Shop", language="en"),
    tables={
        "orders": [Column(name="order_number"), Column(name="total", type="number")],
        "bookings": [Column(name="name")],
    },
    rows={"orders": [{"order_number": "12345", "total": 42}, {"order_number": "2", "total": 1}]},
    tools={"get_order_status": {"table": "orders"}, "not_installed": {}},
)


class Stage:
    def __init__(self, temporary: TemporaryDatabase) -> None:
        database = self.database = temporary.database
        directory = TenantDirectory(
            tenants=database.tenants, tools=database.tools, clock=temporary.clock
        )
        self.tenants = TenantService(
            tenants=database.tenants,
            directory=directory,
            clock=temporary.clock,
        )
        self.tools = ToolService(
            tools=database.tools,
            integrations=database.integrations,
            executors=("workflow",),
            setup=ToolSetup(workflows=database.workflows, settings={}, executors={}),
            starter_tables=StarterTables(database.data_tables, {}),
            directory=directory,
            clock=temporary.clock,
        )
        self.directory = directory

    def build(self, data_tables: Any = None) -> DemoService:
        return DemoService(
            tenants=self.tenants,
            tools=self.tools,
            tool_repository=self.database.tools,
            data_tables=data_tables or self.database.data_tables,
            settings=self.database.settings,
        )

    async def rows(self, tenant_id: Any, table: str = "orders") -> list[JsonObject]:
        found = await self.database.data_tables.get_rows(tenant_id, table, ALL)
        return [{"order_number": row["order_number"], "total": row["total"]} for row in found]


@pytest_asyncio.fixture
async def stage(temporary: TemporaryDatabase) -> Stage:
    await temporary.database.tools.add(build_tool())
    await temporary.database.workflows.put(build_workflow())
    return Stage(temporary)


async def test_the_first_start_makes_the_shop_with_rows_and_tools(stage: Stage) -> None:
    shop = await stage.build().ensure(CONTENT)
    known = await stage.directory.find_by_key(shop.api_key)
    assert known is not None
    assert known.tenant == shop.tenant
    assert await stage.rows(shop.tenant.id) == CONTENT.rows["orders"]
    assert await stage.database.data_tables.get_rows(shop.tenant.id, "bookings", ALL) == []
    (tool,) = known.tools.values()
    assert (tool.executor, tool.workflow) == ("workflow", "get_order_status")
    assert tool.custom_config == {"table": "orders"}


async def test_a_later_start_finds_it_and_leaves_every_change_alone(stage: Stage) -> None:
    shop = await stage.build().ensure(CONTENT)
    tenant_id = shop.tenant.id
    await stage.tenants.change(tenant_id, TenantChanges(name="Renamed"))
    (tool,) = await stage.tools.list_for_tenant(tenant_id)
    await stage.tools.change_for_tenant(tenant_id, tool.tool.id, TenantToolChanges(enabled=False))
    await stage.database.data_tables.delete_rows(tenant_id, "orders", ALL)
    again = await stage.build().ensure(CONTENT)
    assert (again.tenant.id, again.tenant.name) == (tenant_id, "Renamed")
    assert again.api_key == shop.api_key
    assert await stage.rows(tenant_id) == []
    assert [tool.enabled for tool in await stage.tools.list_for_tenant(tenant_id)] == [False]


class FailingTables:
    """The real tables, which fail at the n-th write."""

    def __init__(self, tables: Any, writes: int) -> None:
        self._tables = tables
        self._left = writes

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._tables, name)
        if not name.startswith(("ensure", "insert")):
            return real

        async def write(*args: Any) -> Any:
            if self._left == 0:
                raise StorageError("The power went out.")
            self._left -= 1
            return await real(*args)

        return write


@pytest.mark.parametrize("writes", [0, 1, 2])
async def test_an_interrupted_start_is_completed_by_the_next(stage: Stage, writes: int) -> None:
    before = len((await stage.tenants.list_page(limit=50, cursor=None, only=None)).items)
    broken = FailingTables(stage.database.data_tables, writes)
    with pytest.raises(StorageError):
        await stage.build(broken).ensure(CONTENT)
    shop = await stage.build().ensure(CONTENT)
    assert await stage.rows(shop.tenant.id) == CONTENT.rows["orders"]
    names = set(await stage.database.data_tables.list_tables(shop.tenant.id))
    assert names == {"orders", "bookings"}
    assert len(await stage.tools.list_for_tenant(shop.tenant.id)) == 1
    page = await stage.tenants.list_page(limit=50, cursor=None, only=None)
    assert len(page.items) == before + 1


async def test_a_shop_that_was_erased_is_made_anew(stage: Stage) -> None:
    first = await stage.build().ensure(CONTENT)
    erasure = stage.database.erasure
    await erasure.close_tenant(first.tenant.id)
    while not (await erasure.erase_tenant(first.tenant.id, limit=100)).is_done:
        pass
    second = await stage.build().ensure(CONTENT)
    assert second.tenant.id != first.tenant.id
    assert len(await stage.rows(second.tenant.id)) == 2
    assert (await stage.build().ensure(CONTENT)).tenant.id == second.tenant.id
