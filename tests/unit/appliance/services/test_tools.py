from __future__ import annotations

from typing import Any

import msgspec
import pytest
import pytest_asyncio

from appliance.domain.data_table import Column
from appliance.domain.ids import EndpointId, IntegrationId, TenantId, ToolId, new_id
from appliance.domain.integration import EndpointParameter
from appliance.domain.tool import ExecutorKind, RequiredIntegration, Risk
from appliance.errors import Conflict, InvalidInput, NotFound
from appliance.services.starter_tables import StarterTables
from appliance.services.tenant_directory import TenantDirectory
from appliance.services.tool_setup import ToolSetup
from appliance.services.tools import (
    NewTool,
    TenantToolChanges,
    TenantToolChoice,
    ToolChanges,
    ToolService,
)
from tests.fakes.integrations import build_endpoint, build_integration
from tests.fakes.shops import ORDER_SCHEMA, build_workflow
from tests.fakes.sqlite_database import TemporaryDatabase

NO_TOOL = ToolId("00000000-0000-0000-0000-000000000000")
HOOK = "https://n8n.example/webhook/orders"


@pytest.fixture
def directory(temporary: TemporaryDatabase) -> TenantDirectory:
    database = temporary.database
    return TenantDirectory(tenants=database.tenants, tools=database.tools, clock=temporary.clock)


@pytest_asyncio.fixture
async def tools(temporary: TemporaryDatabase, directory: TenantDirectory) -> ToolService:
    for name in ("get_order", "get_order_status", "orders"):
        await temporary.database.workflows.put(build_workflow(name))
    return ToolService(
        tools=temporary.database.tools,
        integrations=temporary.database.integrations,
        executors=("n8n_webhook", "workflow", "integration"),
        setup=ToolSetup(workflows=temporary.database.workflows, settings={}, executors={}),
        starter_tables=StarterTables(
            temporary.database.data_tables, {"orders": [Column(name="a")]}
        ),
        directory=directory,
        clock=temporary.clock,
    )


@pytest.fixture
def tenant_id(temporary: TemporaryDatabase) -> TenantId:
    return temporary.tenant_id


def build_new(**fields: Any) -> NewTool:
    given = {"tool_name": "get_order_status", "description": "Look it up."}
    return NewTool(**(given | {"parameters_schema": ORDER_SCHEMA} | fields))


async def test_a_tool_is_kept_as_it_was_given(tools: ToolService) -> None:
    tool = await tools.create(build_new(risk="write", examples=["Where is it?"]))
    assert await tools.get(tool.id) == tool
    assert (tool.risk, tool.examples, tool.parameters_schema) == (
        "write",
        ["Where is it?"],
        ORDER_SCHEMA,
    )


async def test_a_name_can_be_taken_once(tools: ToolService) -> None:
    await tools.create(build_new())
    with pytest.raises(Conflict):
        await tools.create(build_new())
    assert len((await tools.list_page(limit=10, cursor=None)).items) == 1


BAD_SCHEMAS: list[dict[str, Any]] = [
    {"type": "string"},
    {"type": "array"},
    {"type": ["object", "null"]},
    {"type": "object", "properties": []},
    {"type": "object", "properties": {"a": {"type": "text"}}},
    {"type": "object", "required": "a"},
    {"type": "object", "properties": {"a": {"$ref": "https://example.com/a.json"}}},
    {"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}},
    {"type": "object", "properties": {"a": {"$ref": "#/$defs/missing"}}},
    {"type": "object", "allOf": [{"not": {"$ref": "other.json"}}]},
]


@pytest.mark.parametrize("schema", BAD_SCHEMAS)
async def test_a_schema_that_no_call_could_fit_is_refused(
    tools: ToolService, schema: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await tools.create(build_new(parameters_schema=schema))
    assert [error.field for error in caught.value.errors] == ["parameters_schema"]
    assert len(caught.value.errors[0].message) <= 500
    tool = await tools.create(build_new())
    with pytest.raises(InvalidInput):
        await tools.change(tool.id, ToolChanges(parameters_schema=schema))
    assert (await tools.get(tool.id)).parameters_schema == ORDER_SCHEMA


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/day"}},
            "$defs": {"day": {"type": "string"}},
        },
    ],
)
async def test_a_schema_within_itself_is_taken(tools: ToolService, schema: dict[str, Any]) -> None:
    assert (await tools.create(build_new(parameters_schema=schema))).parameters_schema == schema


async def test_a_binding_to_the_identity_that_could_not_hold_is_refused(
    tools: ToolService, tenant_id: TenantId
) -> None:
    unfit = {"type": "object", "properties": {"id": {"x-identity": 7}}}
    with pytest.raises(InvalidInput):
        await tools.create(build_new(parameters_schema=unfit))
    tool = await tools.create(build_new())
    with pytest.raises(InvalidInput):
        await tools.change(tool.id, ToolChanges(parameters_schema=unfit))
    choice = TenantToolChoice(custom_config={"identity": {"customer": "sub"}})
    with pytest.raises(InvalidInput) as refused:
        await tools.put_for_tenant(tenant_id, tool.id, choice)
    assert refused.value.errors[0].field == "custom_config"
    choice = TenantToolChoice(custom_config={"identity": {"order_number": "sub"}})
    assert (await tools.put_for_tenant(tenant_id, tool.id, choice)).custom_config


async def test_only_given_fields_of_a_tool_change(tools: ToolService) -> None:
    tool = await tools.create(build_new())
    changed = await tools.change(tool.id, ToolChanges(description="Better words."))
    assert changed.description == "Better words."
    assert changed.parameters_schema == tool.parameters_schema
    assert await tools.get(tool.id) == changed


async def test_what_does_not_exist_is_not_found(tools: ToolService, tenant_id: TenantId) -> None:
    for work in (
        tools.get(NO_TOOL),
        tools.change(NO_TOOL, ToolChanges()),
        tools.delete(NO_TOOL),
        tools.put_for_tenant(tenant_id, NO_TOOL, TenantToolChoice()),
        tools.change_for_tenant(tenant_id, NO_TOOL, TenantToolChanges()),
        tools.delete_for_tenant(tenant_id, NO_TOOL),
    ):
        with pytest.raises(NotFound):
            await work


@pytest.mark.parametrize(
    ("choice", "executor"),
    [
        (TenantToolChoice(), "workflow"),
        (TenantToolChoice(workflow="orders"), "workflow"),
        (TenantToolChoice(webhook_url=HOOK), "n8n_webhook"),
        (TenantToolChoice(webhook_url=HOOK, executor="workflow"), "workflow"),
        (TenantToolChoice(executor="n8n_webhook", webhook_url=HOOK), "n8n_webhook"),
    ],
)
async def test_a_webhook_means_that_it_is_called(
    tools: ToolService, tenant_id: TenantId, choice: TenantToolChoice, executor: ExecutorKind
) -> None:
    tool = await tools.create(build_new())
    stored = await tools.put_for_tenant(tenant_id, tool.id, choice)
    assert stored.executor == executor
    assert await tools.list_for_tenant(tenant_id) == [stored]


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "n8n.example/hook",
        "ftp://n8n.example/hook",
        "https://",
        "https:///hook",
        "https://user:pw@n8n.example/hook",
        "https://:pw@n8n.example/hook",
        "https://@n8n.example/hook",
        "http://[",
        "http://n8n.example:99999/",
        "http://n8n.example:0/",
        "http://n8n.example:x/",
        "javascript:alert(1)",
    ],
)
async def test_a_webhook_without_a_fitting_address_is_refused(
    tools: ToolService, tenant_id: TenantId, url: str | None
) -> None:
    tool = await tools.create(build_new())
    choice = TenantToolChoice(executor="n8n_webhook", webhook_url=url)
    with pytest.raises(InvalidInput) as caught:
        await tools.put_for_tenant(tenant_id, tool.id, choice)
    assert [error.field for error in caught.value.errors] == ["webhook_url"]
    assert "pw" not in str(caught.value.errors)
    assert await tools.list_for_tenant(tenant_id) == []


async def test_setting_and_clearing_the_webhook_changes_who_runs_the_tool(
    tools: ToolService, tenant_id: TenantId
) -> None:
    tool = await tools.create(build_new())
    await tools.put_for_tenant(tenant_id, tool.id, TenantToolChoice())
    hooked = await tools.change_for_tenant(tenant_id, tool.id, TenantToolChanges(webhook_url=HOOK))
    assert hooked.executor == "n8n_webhook"
    changes = TenantToolChanges(webhook_url=None, executor="n8n_webhook")
    with pytest.raises(InvalidInput):
        await tools.change_for_tenant(tenant_id, tool.id, changes)
    back = await tools.change_for_tenant(tenant_id, tool.id, TenantToolChanges(webhook_url=None))
    assert (back.executor, back.webhook_url) == ("workflow", None)


async def test_only_given_fields_of_a_tenants_use_change(
    tools: ToolService, tenant_id: TenantId
) -> None:
    tool = await tools.create(build_new())
    choice = TenantToolChoice(custom_config={"table": "orders"}, risk="write")
    await tools.put_for_tenant(tenant_id, tool.id, choice)
    changed = await tools.change_for_tenant(tenant_id, tool.id, TenantToolChanges(enabled=False))
    assert not changed.enabled
    assert (changed.custom_config, changed.risk) == ({"table": "orders"}, "write")
    plain = await tools.change_for_tenant(tenant_id, tool.id, TenantToolChanges(risk=None))
    assert plain.risk == "read"


async def test_a_tenants_use_is_no_other_tenants(
    tools: ToolService, temporary: TemporaryDatabase
) -> None:
    tool = await tools.create(build_new())
    await tools.put_for_tenant(temporary.tenant_id, tool.id, TenantToolChoice())
    assert await tools.list_for_tenant(temporary.other_tenant_id) == []
    with pytest.raises(NotFound):
        await tools.delete_for_tenant(temporary.other_tenant_id, tool.id)


async def test_every_change_is_seen_by_the_next_visitor(
    tools: ToolService, directory: TenantDirectory, temporary: TemporaryDatabase
) -> None:
    tenant_id = temporary.tenant_id
    at = temporary.clock.now()
    await temporary.database.tenants.add_publishable_key(tenant_id, "pk_a", at=at)

    async def seen() -> dict[str, str]:
        known = await directory.find_by_key("pk_a")
        assert known is not None
        return {name: tool.tool.description for name, tool in known.tools.items()}

    assert await seen() == {}
    tool = await tools.create(build_new())
    await tools.put_for_tenant(tenant_id, tool.id, TenantToolChoice())
    assert await seen() == {"get_order_status": "Look it up."}
    await tools.change(tool.id, ToolChanges(description="Better."))
    assert await seen() == {"get_order_status": "Better."}
    await tools.change_for_tenant(tenant_id, tool.id, TenantToolChanges(enabled=False))
    assert await seen() == {}
    await tools.change_for_tenant(tenant_id, tool.id, TenantToolChanges(enabled=True))
    assert await seen() == {"get_order_status": "Better."}
    await tools.delete_for_tenant(tenant_id, tool.id)
    assert await seen() == {}
    await tools.put_for_tenant(tenant_id, tool.id, TenantToolChoice())
    assert await seen() == {"get_order_status": "Better."}
    await tools.delete(tool.id)
    assert await seen() == {}


@pytest.mark.parametrize("name", ["", "1st", "a b", "a.b", "naïve", "a" * 65, "drop\n", "a\n"])
def test_a_name_that_a_model_could_not_write_is_refused(name: str) -> None:
    body = {"tool_name": name, "description": "x"}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, NewTool)


async def test_a_workflow_tool_brings_the_tables_it_works_on(
    temporary: TemporaryDatabase, tools: ToolService, tenant_id: TenantId
) -> None:
    tool = await tools.create(NewTool(tool_name="get_order", description="Find an order."))
    choice = TenantToolChoice(webhook_url="https://n8n.example/webhook/x")
    await tools.put_for_tenant(tenant_id, tool.id, choice)
    assert await temporary.database.data_tables.list_tables(tenant_id) == {}
    await tools.put_for_tenant(tenant_id, tool.id, TenantToolChoice(workflow="get_order"))
    assert list(await temporary.database.data_tables.list_tables(tenant_id)) == ["orders"]


async def connect(
    temporary: TemporaryDatabase, *parameters: EndpointParameter, risk: Risk = "read"
) -> str:
    """Store an integration with an endpoint ``order``; return its id."""
    integration = build_integration(
        {"base_url": "https://shop.example"},
        id=IntegrationId(new_id()),
        tenant_id=temporary.tenant_id,
    )
    await temporary.database.integrations.add(integration)
    await temporary.database.integrations.put_endpoint(
        build_endpoint(
            id=EndpointId(new_id()),
            tenant_id=temporary.tenant_id,
            integration_id=integration.id,
            risk=risk,
            parameters=list(parameters),
        )
    )
    return integration.id


async def test_a_tool_that_asks_for_somebodys_data_binds_whose(
    tools: ToolService, tenant_id: TenantId, temporary: TemporaryDatabase
) -> None:
    schema = {"type": "object", "properties": {"email": {"type": "string"}}}
    tool = await tools.create(
        NewTool(tool_name="my_orders", description="Lists orders.", parameters_schema=schema)
    )
    whose = EndpointParameter(name="email", from_identity=True)
    mapping = {"shop": await connect(temporary, whose)}
    config: dict[str, Any] = {"endpoint": "order"}

    def choose() -> TenantToolChoice:
        return TenantToolChoice(
            executor="integration", integration_mapping=mapping, custom_config=config
        )

    with pytest.raises(InvalidInput) as caught:
        await tools.put_for_tenant(tenant_id, tool.id, choose())
    assert caught.value.errors[0].field == "custom_config.identity"
    config["identity"] = {"email": "email"}
    assert (await tools.put_for_tenant(tenant_id, tool.id, choose())).executor == "integration"


async def test_a_tool_asks_an_endpoint_that_is_there(
    tools: ToolService, tenant_id: TenantId, temporary: TemporaryDatabase
) -> None:
    tool = await tools.create(build_new())
    choice = TenantToolChoice(
        executor="integration",
        integration_mapping={"shop": await connect(temporary)},
        custom_config={"endpoint": "order"},
    )
    stored = await tools.put_for_tenant(tenant_id, tool.id, choice)
    assert (stored.executor, stored.custom_config) == ("integration", {"endpoint": "order"})


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"executor": "builtin"}, "executor"),
        ({"executor": "integration"}, "custom_config"),
        ({"mapping": {"shop": "nowhere"}}, "integration_mapping.shop"),
        ({"mapping": {"shop": "theirs"}}, "integration_mapping.shop"),
        ({"executor": "integration", "mapping": {"shop": "mine"}}, "custom_config.endpoint"),
        (
            {
                "executor": "integration",
                "mapping": {"shop": "risky"},
                "config": {"endpoint": "order"},
            },
            "risk",
        ),
        ({"required": {"erp": True}}, "integration_mapping.erp"),
        ({"required": {"erp": False}, "mapping": {"shop": "mine"}}, "integration_mapping.shop"),
    ],
)
async def test_what_a_tool_is_mapped_to_is_checked(
    tools: ToolService,
    tenant_id: TenantId,
    temporary: TemporaryDatabase,
    fields: dict[str, Any],
    field: str,
) -> None:
    ids = {
        "mine": await connect(temporary),
        "risky": await connect(temporary, risk="destructive"),
        "nowhere": new_id(),
    }
    required = [
        RequiredIntegration(key=key, required=needed)
        for key, needed in fields.get("required", {}).items()
    ]
    tool = await tools.create(build_new(required_integrations=required))
    theirs = "theirs" in fields.get("mapping", {}).values()
    ids["theirs"] = ids["mine"]
    choice = TenantToolChoice(
        executor=fields.get("executor"),
        integration_mapping={key: ids[name] for key, name in fields.get("mapping", {}).items()},
        custom_config=fields.get("config", {}),
    )
    owner = temporary.other_tenant_id if theirs else tenant_id
    with pytest.raises(InvalidInput) as caught:
        await tools.put_for_tenant(owner, tool.id, choice)
    assert caught.value.errors[0].field == field
    assert await tools.list_for_tenant(owner) == []


async def test_a_tool_whose_endpoint_is_gone_can_be_switched_off(
    tools: ToolService, tenant_id: TenantId, temporary: TemporaryDatabase
) -> None:
    tool = await tools.create(build_new())
    integration_id = IntegrationId(await connect(temporary))
    choice = TenantToolChoice(
        executor="integration",
        integration_mapping={"shop": integration_id},
        custom_config={"endpoint": "order"},
    )
    await tools.put_for_tenant(tenant_id, tool.id, choice)
    store = temporary.database.integrations
    [endpoint] = await store.list_endpoints(tenant_id, integration_id)
    await store.delete_endpoint(tenant_id, integration_id, endpoint.id)
    off = await tools.change_for_tenant(tenant_id, tool.id, TenantToolChanges(enabled=False))
    assert not off.enabled
    with pytest.raises(InvalidInput):
        await tools.change_for_tenant(tenant_id, tool.id, TenantToolChanges(enabled=True))


async def test_a_tool_that_could_not_be_run_is_saved_only_switched_off(
    tools: ToolService, tenant_id: TenantId
) -> None:
    tool = await tools.create(build_new())
    off = TenantToolChoice(workflow="gone", enabled=False)
    stored = await tools.put_for_tenant(tenant_id, tool.id, off)
    assert "'gone'" in (await tools.find_trouble(stored) or "")
    for work in (
        tools.put_for_tenant(tenant_id, tool.id, TenantToolChoice(workflow="gone")),
        tools.change_for_tenant(tenant_id, tool.id, TenantToolChanges(enabled=True)),
    ):
        with pytest.raises(InvalidInput) as caught:
            await work
        assert [error.field for error in caught.value.errors] == ["workflow"]
    assert await tools.list_for_tenant(tenant_id) == [stored]
    changes = TenantToolChanges(enabled=True, workflow="orders")
    changed = await tools.change_for_tenant(tenant_id, tool.id, changes)
    assert await tools.find_trouble(changed) is None
