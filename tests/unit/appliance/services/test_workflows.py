"""The rules on stored workflows, with the real engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from appliance.domain.data_table import Column
from appliance.domain.ids import TenantId
from appliance.domain.json_types import JsonObject
from appliance.domain.tool import ExecutorKind
from appliance.errors import Conflict, InvalidInput, NotFound
from appliance.services.workflows import NO_TENANT, WorkflowService
from appliance.workflows.runner import WorkflowRunner
from tests.fakes.refusing_http import RefusingHttp
from tests.fakes.shops import build_tenant, build_tenant_tool
from tests.fakes.sqlite_database import TemporaryDatabase


def node(name: str, kind: str, **parameters: Any) -> JsonObject:
    return {
        "id": name, "name": name, "type": f"n8n-nodes-base.{kind}", "typeVersion": 2,
        "position": [0, 0], "parameters": parameters,
    }  # fmt: skip


def export(name: str = "greet", code: str = "return [{json: {greeting: 'Hi'}}];") -> JsonObject:
    """Return an n8n export of a webhook and a piece of code."""
    return {
        "name": name,
        "nodes": [
            node("Webhook", "webhook", path=name, httpMethod="POST", responseMode="lastNode"),
            node("Code", "code", mode="runOnceForAllItems", language="javaScript", jsCode=code),
        ],
        "connections": {
            "Webhook": {"main": [[{"node": "Code", "type": "main", "index": 0}]]},
        },
        "settings": {},
    }


@pytest.fixture
def engine(temporary: TemporaryDatabase) -> Iterator[WorkflowRunner]:
    runner = WorkflowRunner(temporary.database.data_tables, RefusingHttp(), temporary.clock)
    yield runner
    runner.close()


@pytest.fixture
def workflows(temporary: TemporaryDatabase, engine: WorkflowRunner) -> WorkflowService:
    return WorkflowService(
        workflows=temporary.database.workflows,
        tenants=temporary.database.tenants,
        tools=temporary.database.tools,
        engine=engine,
        clock=temporary.clock,
    )


async def test_an_export_is_stored_and_summed_up(workflows: WorkflowService) -> None:
    stored, summary = await workflows.import_export(export())
    assert stored.definition == export()
    assert not stored.is_bundled
    assert (summary.name, summary.webhook_path) == ("greet", "greet")
    assert [entry["name"] for entry in summary.nodes] == ["Webhook", "Code"]
    assert await workflows.get(stored.id) == (stored, summary)
    assert await workflows.list_all() == [(stored, summary)]


async def test_a_second_import_replaces_the_first_under_its_id(
    workflows: WorkflowService, temporary: TemporaryDatabase
) -> None:
    first, _ = await workflows.import_export(export())
    temporary.clock.advance(60)
    second, _ = await workflows.import_export(export(code="return [{json: {greeting: 'Yo'}}];"))
    assert (second.id, second.created_at) == (first.id, first.created_at)
    assert [stored for stored, _ in await workflows.list_all()] == [second]


async def test_every_node_that_cannot_run_is_named(workflows: WorkflowService) -> None:
    bad = export()
    bad["nodes"] += [node("Mail", "gmail"), node("Sheet", "googleSheets")]
    with pytest.raises(InvalidInput) as caught:
        await workflows.import_export(bad)
    assert caught.value.code == "unsupported_node"
    told = str(caught.value.errors) + caught.value.message
    assert "Mail" in told
    assert "Sheet" in told
    assert await workflows.list_all() == []


@pytest.mark.parametrize("broken", [{}, {"name": "x"}, {"nodes": "x"}, {"name": 1, "nodes": []}])
async def test_what_is_no_export_is_refused(workflows: WorkflowService, broken: JsonObject) -> None:
    with pytest.raises(InvalidInput):
        await workflows.import_export(broken)


async def test_what_ships_can_be_neither_replaced_nor_removed(
    workflows: WorkflowService, temporary: TemporaryDatabase
) -> None:
    stored, _ = await workflows.import_export(export())
    bundled = msgspec.structs.replace(stored, is_bundled=True)
    await temporary.database.workflows.put(bundled)
    with pytest.raises(Conflict) as taken:
        await workflows.import_export(export())
    assert taken.value.code == "workflow_name_taken"
    with pytest.raises(Conflict) as kept:
        await workflows.delete(stored.id)
    assert kept.value.code == "workflow_is_bundled"
    assert (await workflows.get(stored.id))[0] == bundled


async def test_a_tenant_has_what_ships_and_what_its_tools_name(
    workflows: WorkflowService, temporary: TemporaryDatabase
) -> None:
    shipped, _ = await workflows.import_export(export("shipped"))
    await temporary.database.workflows.put(msgspec.structs.replace(shipped, is_bundled=True))
    others = [(await workflows.import_export(export(name)))[0] for name in ("hook", "named", "x")]
    kinds: tuple[tuple[str, ExecutorKind], ...] = (("hook", "n8n_webhook"), ("named", "workflow"))
    for name, executor in kinds:
        tool = build_tenant_tool(temporary.tenant_id, name, executor=executor)
        await temporary.database.tools.add(tool.tool)
        await temporary.database.tools.put_for_tenant(tool)

    async def list_names(only: TenantId) -> list[str]:
        return [stored.name for stored, _ in await workflows.list_all(only=only)]

    assert await list_names(temporary.tenant_id) == ["named", "shipped"]
    assert await list_names(temporary.other_tenant_id) == ["shipped"]
    for stored in others:
        with pytest.raises(NotFound):
            await workflows.get(stored.id, only=temporary.other_tenant_id)


async def test_an_imported_one_can_be_removed(workflows: WorkflowService) -> None:
    stored, _ = await workflows.import_export(export())
    await workflows.delete(stored.id)
    with pytest.raises(NotFound):
        await workflows.get(stored.id)


@pytest.mark.parametrize("reference", ["greet", "id of the row", "n8n-7", None])
async def test_one_that_runs_a_tool_stays(
    workflows: WorkflowService, temporary: TemporaryDatabase, reference: str | None
) -> None:
    stored, _ = await workflows.import_export({**export(), "id": "n8n-7"})
    tools = temporary.database.tools
    used = msgspec.structs.replace(
        build_tenant_tool(temporary.tenant_id, "greet" if reference is None else "say_hello"),
        executor="workflow",
        enabled=False,
        workflow=stored.id if reference == "id of the row" else reference,
    )
    await tools.add(used.tool)
    await tools.put_for_tenant(used)
    with pytest.raises(Conflict) as caught:
        await workflows.delete(stored.id)
    assert caught.value.code == "workflow_in_use"
    assert used.tool.tool_name in caught.value.message
    assert (await workflows.get(stored.id))[0] == stored
    await tools.put_for_tenant(msgspec.structs.replace(used, executor="n8n_webhook"))
    await workflows.delete(stored.id)
    assert await workflows.list_all() == []


async def test_one_whose_name_another_goes_by_first_can_be_removed(
    workflows: WorkflowService, temporary: TemporaryDatabase
) -> None:
    hidden, _ = await workflows.import_export({**export("other"), "id": "greet"})
    named, _ = await workflows.import_export(export("greet"))
    used = build_tenant_tool(temporary.tenant_id, executor="workflow", workflow="greet")
    await temporary.database.tools.add(used.tool)
    await temporary.database.tools.put_for_tenant(used)
    await workflows.delete(hidden.id)
    with pytest.raises(Conflict):
        await workflows.delete(named.id)


async def test_an_unknown_one_is_not_found(workflows: WorkflowService) -> None:
    for work in (
        workflows.get("x"),
        workflows.delete("x"),
        workflows.run("x", {}, tenant_id=None, debug=False),
    ):
        with pytest.raises(NotFound) as caught:
            await work
        assert caught.value.code == "workflow_not_found"


async def test_a_trial_runs_it_with_the_given_body(workflows: WorkflowService) -> None:
    code = "return [{json: {got: $input.first().json.body.who}}];"
    stored, _ = await workflows.import_export(export(code=code))
    run = await workflows.run(stored.id, {"who": "Dana"}, tenant_id=None, debug=True)
    assert run.error is None
    assert "Dana" in str(run.output)
    assert [trace.name for trace in run.nodes] == ["Webhook", "Code"]
    ((item,),) = run.nodes[1].output or []
    assert item["json"] == {"got": "Dana"}


async def test_a_trial_for_a_tenant_uses_its_rows_and_its_time_zone(
    workflows: WorkflowService, temporary: TemporaryDatabase
) -> None:
    tenant = build_tenant(time_zone="Asia/Jerusalem")
    await temporary.database.tenants.add(tenant)
    tables = temporary.database.data_tables
    await tables.ensure_table(tenant.id, "orders", [Column(name="order_number")])
    await tables.insert_rows(tenant.id, "orders", [{"order_number": "12345"}])
    table = node(
        "Rows", "dataTable", resource="row", operation="get", returnAll=True,
        dataTableId={"__rl": True, "mode": "name", "value": "orders"},
    )  # fmt: skip
    code = "return [{json: {zone: $now.zoneName, rows: $input.all().length}}];"
    definition = export(code=code)
    definition["nodes"].insert(1, table | {"typeVersion": 1})
    definition["connections"] = {
        "Webhook": {"main": [[{"node": "Rows", "type": "main", "index": 0}]]},
        "Rows": {"main": [[{"node": "Code", "type": "main", "index": 0}]]},
    }
    stored, _ = await workflows.import_export(definition)
    mine = await workflows.run(stored.id, {}, tenant_id=tenant.id, debug=False)
    assert mine.error is None, mine.error
    assert "Asia/Jerusalem" in str(mine.output)
    assert "'rows': 1" in str(mine.output)
    nobodys = await workflows.run(stored.id, {}, tenant_id=None, debug=False)
    assert nobodys.error is not None
    other = await workflows.run(stored.id, {}, tenant_id=temporary.other_tenant_id, debug=False)
    assert other.error is not None
    assert await temporary.database.tenants.get(NO_TENANT) is None


async def test_a_trial_for_a_tenant_that_does_not_exist_is_not_found(
    workflows: WorkflowService,
) -> None:
    stored, _ = await workflows.import_export(export())
    with pytest.raises(NotFound) as caught:
        await workflows.run(stored.id, {}, tenant_id="nobody", debug=False)
    assert caught.value.code == "tenant_not_found"


async def test_a_workflow_that_fails_is_returned_with_its_trace(workflows: WorkflowService) -> None:
    stored, _ = await workflows.import_export(export(code="throw new Error('no pizza left');"))
    run = await workflows.run(stored.id, {}, tenant_id=None, debug=False)
    assert run.error is not None
    assert run.nodes[-1].error is not None


async def test_one_that_this_version_cannot_read_is_listed_and_removed(
    workflows: WorkflowService, temporary: TemporaryDatabase
) -> None:
    stored, _ = await workflows.import_export(export())
    unreadable = msgspec.structs.replace(stored, definition={"nodes": "from another version"})
    await temporary.database.workflows.put(unreadable)
    ((listed, summary),) = await workflows.list_all()
    assert (listed.id, summary.name, summary.nodes) == (stored.id, stored.name, [])
    await workflows.delete(stored.id)
    assert await workflows.list_all() == []
