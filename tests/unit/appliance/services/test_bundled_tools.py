from __future__ import annotations

from typing import Any

import msgspec
import pytest

from appliance.domain.ids import WorkflowId, new_id
from appliance.domain.workflow import StoredWorkflow
from appliance.paths import bundled_workflows
from appliance.services.bundled_tools import BundledTools, ShippedTool
from appliance.services.tools import NewTool
from appliance.workflows.bundled import load_bundled
from tests.fakes.shops import ORDER_SCHEMA
from tests.fakes.sqlite_database import TemporaryDatabase


def ship(version: int = 1, *, description: str = "Look it up.") -> ShippedTool:
    return ShippedTool(
        tool=NewTool(
            tool_name="get_order_status", description=description, parameters_schema=ORDER_SCHEMA
        ),
        workflow={"name": "get_order_status", "nodes": [], "version": version},
    )


@pytest.fixture
def bundled(temporary: TemporaryDatabase) -> BundledTools:
    database = temporary.database
    return BundledTools(tools=database.tools, workflows=database.workflows, clock=temporary.clock)


async def stored(temporary: TemporaryDatabase) -> StoredWorkflow:
    found = await temporary.database.workflows.find_by_name("get_order_status")
    assert found is not None
    return found


async def test_a_start_installs_what_is_missing(
    bundled: BundledTools, temporary: TemporaryDatabase
) -> None:
    await bundled.install([ship()])
    tool = await temporary.database.tools.find_by_name("get_order_status")
    assert tool is not None
    assert (tool.description, tool.parameters_schema) == ("Look it up.", ORDER_SCHEMA)
    workflow = await stored(temporary)
    assert workflow.is_bundled
    assert workflow.definition == ship().workflow


async def test_a_second_start_changes_nothing(
    bundled: BundledTools, temporary: TemporaryDatabase
) -> None:
    await bundled.install([ship()])
    before = (
        await stored(temporary),
        await temporary.database.tools.find_by_name("get_order_status"),
    )
    temporary.clock.advance(60)
    await bundled.install([ship()])
    after = await stored(temporary), await temporary.database.tools.find_by_name("get_order_status")
    assert before == after


async def test_a_new_version_renews_the_workflow_under_its_id(
    bundled: BundledTools, temporary: TemporaryDatabase
) -> None:
    await bundled.install([ship(1)])
    before = await stored(temporary)
    temporary.clock.advance(60)
    await bundled.install([ship(2)])
    after = await stored(temporary)
    assert after.definition["version"] == 2
    assert (after.id, after.created_at) == (before.id, before.created_at)


async def test_what_an_operator_changed_of_a_tool_stays(
    bundled: BundledTools, temporary: TemporaryDatabase
) -> None:
    await bundled.install([ship()])
    tool = await temporary.database.tools.find_by_name("get_order_status")
    assert tool is not None
    await temporary.database.tools.save(msgspec.structs.replace(tool, description="Ours."))
    await bundled.install([ship(2, description="Shipped anew.")])
    kept = await temporary.database.tools.find_by_name("get_order_status")
    assert kept is not None
    assert kept.description == "Ours."


async def test_an_imported_workflow_of_the_same_name_is_not_replaced(
    bundled: BundledTools, temporary: TemporaryDatabase
) -> None:
    own: dict[str, Any] = {"name": "get_order_status", "nodes": ["own"]}
    await temporary.database.workflows.put(
        StoredWorkflow(
            id=WorkflowId(new_id()),
            name="get_order_status",
            definition=own,
            created_at=temporary.clock.now(),
        )
    )
    await bundled.install([ship()])
    kept = await stored(temporary)
    assert kept.definition == own
    assert not kept.is_bundled


async def test_everything_that_ships_can_be_installed(
    bundled: BundledTools, temporary: TemporaryDatabase
) -> None:
    items = load_bundled(bundled_workflows())
    fields = NewTool.__struct_fields__
    shipped = [
        ShippedTool(
            tool=NewTool(**{name: getattr(item, name) for name in fields}), workflow=item.workflow
        )
        for item in items
    ]
    await bundled.install(shipped)
    page = await temporary.database.tools.list_page(limit=50, cursor=None)
    assert {tool.tool_name for tool in page.items} == {item.tool_name for item in items}
    assert all(workflow.is_bundled for workflow in await temporary.database.workflows.list_all())


async def test_a_tool_without_a_workflow_is_installed_alone(
    bundled: BundledTools, temporary: TemporaryDatabase
) -> None:
    await bundled.install([msgspec.structs.replace(ship(), workflow=None)])
    assert await temporary.database.tools.find_by_name("get_order_status") is not None
    assert await temporary.database.workflows.find_by_name("get_order_status") is None
