from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from appliance.domain.ids import WorkflowId
from appliance.domain.workflow import StoredWorkflow
from appliance.errors import ConfigurationError, Conflict, NotFound
from appliance.services.n8n import N8nService
from appliance.services.starter_tables import StarterTables
from appliance.services.tenant_directory import TenantDirectory
from appliance.services.tool_setup import ToolSetup
from appliance.services.tools import ToolService
from tests.contract.n8n_contract import build_export, opened_client
from tests.fakes.n8n_api import KEY, FakeN8n, build_webhook_node
from tests.fakes.shops import build_tenant_tool
from tests.fakes.sqlite_database import TemporaryDatabase


@pytest_asyncio.fixture
async def n8n() -> AsyncIterator[FakeN8n]:
    async with FakeN8n() as running:
        yield running


def build_tools(temporary: TemporaryDatabase) -> ToolService:
    database = temporary.database
    return ToolService(
        tools=database.tools,
        integrations=database.integrations,
        executors=("n8n_webhook", "workflow"),
        setup=ToolSetup(workflows=database.workflows, settings={}, executors={}),
        starter_tables=StarterTables(database.data_tables, {}),
        directory=TenantDirectory(
            tenants=database.tenants, tools=database.tools, clock=temporary.clock
        ),
        clock=temporary.clock,
    )


@pytest_asyncio.fixture
async def service(n8n: FakeN8n, temporary: TemporaryDatabase) -> AsyncIterator[N8nService]:
    database = temporary.database
    await database.workflows.put(
        StoredWorkflow(
            id=WorkflowId("w-1"),
            name="orders",
            definition=build_export("orders", "orders"),
            created_at=temporary.clock.now(),
        )
    )
    async with opened_client(n8n.url, KEY) as client:
        yield N8nService(server=client, workflows=database.workflows, tools=build_tools(temporary))


async def test_a_stored_workflow_is_put_into_n8n_and_published(
    service: N8nService, n8n: FakeN8n
) -> None:
    made = await service.import_workflow("w-1", is_replacing=False, is_published=True)
    assert (made.name, made.is_active) == ("orders", True)
    with pytest.raises(Conflict) as caught:
        await service.import_workflow("w-1", is_replacing=False, is_published=True)
    assert caught.value.code == "n8n_workflow_exists"
    again = await service.import_workflow("w-1", is_replacing=True, is_published=False)
    assert again.id == made.id
    n8n.add("orders")
    with pytest.raises(Conflict, match="Rename"):
        await service.import_workflow("w-1", is_replacing=True, is_published=True)
    with pytest.raises(NotFound):
        await service.import_workflow("w-2", is_replacing=False, is_published=True)


async def test_a_tool_calls_a_published_workflow_from_then_on(
    service: N8nService, n8n: FakeN8n, temporary: TemporaryDatabase
) -> None:
    tool = build_tenant_tool(temporary.tenant_id, custom_config={"timeout_s": 5})
    await temporary.database.tools.add(tool.tool)
    place = (temporary.tenant_id, tool.tool.id)
    found = n8n.add("orders", build_webhook_node("orders"))
    with pytest.raises(Conflict) as caught:
        await service.use_workflow(found, *place, path=None)
    assert caught.value.code == "n8n_workflow_not_published"
    await service.publish_workflow(found)
    with pytest.raises(NotFound):
        await service.use_workflow(found, *place, path=None)
    await temporary.database.tools.put_for_tenant(tool)
    used = await service.use_workflow(found, *place, path=None)
    assert (used.executor, used.webhook_url) == ("n8n_webhook", f"{n8n.url}/webhook/orders")
    assert used.custom_config == {"timeout_s": 5}
    with pytest.raises(NotFound):
        await service.use_workflow("nothing", *place, path=None)


@pytest.mark.parametrize(
    ("paths", "path", "chosen"),
    [
        (["a", "b"], "b", "b"),
        (["a", "b"], None, None),
        (["a"], "b", None),
        (["orders/:id"], None, None),
        ([], None, None),
    ],
)
async def test_the_webhook_must_be_clear(
    service: N8nService,
    n8n: FakeN8n,
    temporary: TemporaryDatabase,
    paths: list[str],
    path: str | None,
    chosen: str | None,
) -> None:
    tool = build_tenant_tool(temporary.tenant_id)
    await temporary.database.tools.add(tool.tool)
    await temporary.database.tools.put_for_tenant(tool)
    nodes: list[Any] = [build_webhook_node(item) for item in paths]
    nodes.append(build_webhook_node("looked-at", httpMethod="GET"))
    found = n8n.add("several", *nodes, is_active=True)
    use = service.use_workflow(found, temporary.tenant_id, tool.tool.id, path=path)
    if chosen is None:
        with pytest.raises(Conflict) as caught:
            await use
        assert caught.value.code == "n8n_webhook_unclear"
    else:
        assert (await use).webhook_url == f"{n8n.url}/webhook/{chosen}"


async def test_what_hinders_is_told_in_a_sentence(service: N8nService, n8n: FakeN8n) -> None:
    assert await service.find_trouble() is None
    n8n.refusal = (403, "Forbidden")
    assert "workflow:list" in (await service.find_trouble() or "")


async def test_without_an_n8n_the_setting_is_named(temporary: TemporaryDatabase) -> None:
    service = N8nService(
        server=None, workflows=temporary.database.workflows, tools=build_tools(temporary)
    )
    assert service.url is None
    assert "CSAI_N8N_URL" in (await service.find_trouble() or "")
    with pytest.raises(ConfigurationError) as caught:
        await service.list_workflows()
    assert (caught.value.code, caught.value.setting) == ("n8n_not_set", "CSAI_N8N_URL")
