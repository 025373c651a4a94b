from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from appliance.domain.ids import EndpointId, IntegrationId, TenantId, ToolId, new_id
from appliance.domain.integration import EndpointDefinition, StoredIntegration
from appliance.domain.tool import TenantTool, Tool
from appliance.errors import Conflict, InvalidInput, NotFound
from appliance.integrations.shopify import ShopifyKind
from appliance.services.integrations import (
    EndpointChanges,
    IntegrationChanges,
    IntegrationService,
    NewEndpoint,
    NewIntegration,
)
from tests.fakes.integrations import open_json_api
from tests.fakes.sqlite_database import TemporaryDatabase

KEY = "key-of-the-shop-1234"
CONFIG = {"base_url": "https://shop.example/api", "auth": "bearer", "api_key": KEY}
NOBODY = IntegrationId("00000000-0000-0000-0000-000000000000")


@pytest_asyncio.fixture
async def service(temporary: TemporaryDatabase) -> AsyncIterator[IntegrationService]:
    async with open_json_api() as api:
        yield IntegrationService(
            store=temporary.database.integrations,
            kinds={"rest": api.kind},
            tools=temporary.database.tools,
            clock=temporary.clock,
        )


@pytest.fixture
def mine(temporary: TemporaryDatabase) -> TenantId:
    return temporary.tenant_id


async def connect(service: IntegrationService, mine: TenantId, **more: Any) -> StoredIntegration:
    new = NewIntegration(integration_type="rest", name="Shop", connection_config={**CONFIG, **more})
    return await service.create(mine, new)


def config(**fields: Any) -> IntegrationChanges:
    return IntegrationChanges(connection_config=fields)


async def test_a_connection_shows_no_secret(service: IntegrationService, mine: TenantId) -> None:
    made = await connect(service, mine)
    shown = service.show_connection(made)
    assert shown["api_key"] == {"set": True, "hint": "...1234"}
    assert shown["password"] == {"set": False}
    assert shown["base_url"] == CONFIG["base_url"]
    assert KEY not in str(shown)
    unknown = msgspec.structs.replace(made, integration_type="gone")
    assert service.show_connection(unknown) == {}


async def test_absent_fields_stay_and_null_removes(
    service: IntegrationService, mine: TenantId, temporary: TemporaryDatabase
) -> None:
    made = await connect(service, mine, test_path="/ping")
    temporary.clock.advance(1)
    changed = await service.change(mine, made.id, config(timeout_s=3, test_path=None))
    assert changed.connection_config["api_key"] == KEY
    assert changed.connection_config["test_path"] == ""
    assert changed.connection_config["timeout_s"] == 3
    assert changed.updated_at > made.updated_at
    off = await service.change(mine, made.id, IntegrationChanges(enabled=False, name="Off"))
    assert (off.enabled, off.name) == (False, "Off")
    assert off.connection_config == changed.connection_config


async def test_a_secret_sent_back_as_it_was_shown_stays(
    service: IntegrationService, mine: TenantId
) -> None:
    made = await connect(service, mine)
    shown = service.show_connection(made)
    changed = await service.change(mine, made.id, config(**shown))
    assert changed.connection_config == made.connection_config


@pytest.mark.parametrize(
    "url", ["https://thief.example/api", "https://shop.example:8443/", "http://shop.example/"]
)
async def test_a_secret_does_not_follow_to_another_host(
    service: IntegrationService, mine: TenantId, url: str
) -> None:
    made = await connect(service, mine)
    with pytest.raises(InvalidInput) as caught:
        await service.change(mine, made.id, config(base_url=url))
    assert [error.field for error in caught.value.errors] == ["connection_config.api_key"]
    assert await service.get(mine, made.id) == made
    changed = await service.change(mine, made.id, config(base_url=url, api_key="another"))
    assert changed.connection_config["base_url"] == url


async def test_a_token_server_gets_no_secret_that_was_not_meant_for_it(
    service: IntegrationService, mine: TenantId
) -> None:
    made = await connect(
        service, mine, auth="oauth2", api_key=None, token_url="https://id.example/token",
        client_id="c", client_secret="s",
    )  # fmt: skip
    with pytest.raises(InvalidInput) as caught:
        await service.change(mine, made.id, config(token_url="https://thief.example/"))
    assert caught.value.errors[0].field == "connection_config.client_secret"


async def test_what_does_not_fit_is_refused(service: IntegrationService, mine: TenantId) -> None:
    for new in (
        NewIntegration(integration_type="odd", name="x", connection_config={}),
        NewIntegration(integration_type="rest", name="x", connection_config={}),
    ):
        with pytest.raises(InvalidInput):
            await service.create(mine, new)
    made = await connect(service, mine)
    with pytest.raises(InvalidInput):
        await service.change(mine, made.id, config(unknown=1))
    with pytest.raises(InvalidInput):
        await service.change(mine, made.id, config(api_key=None))
    assert await service.list_all(mine) == [made]


async def test_what_is_not_there_is_not_found(
    service: IntegrationService, mine: TenantId, temporary: TemporaryDatabase
) -> None:
    made = await connect(service, mine)
    endpoint = await service.add_endpoint(mine, made.id, NewEndpoint(endpoint_name="orders"))
    other = temporary.other_tenant_id
    for tenant_id, wanted in ((mine, NOBODY), (other, made.id)):
        for ask in (
            service.get(tenant_id, wanted),
            service.change(tenant_id, wanted, IntegrationChanges(name="x")),
            service.delete(tenant_id, wanted),
            service.test(tenant_id, wanted),
            service.list_calls(tenant_id, wanted, limit=9, cursor=None),
            service.list_endpoints(tenant_id, wanted),
            service.add_endpoint(tenant_id, wanted, NewEndpoint(endpoint_name="x")),
            service.change_endpoint(tenant_id, wanted, endpoint.id, EndpointChanges()),
            service.delete_endpoint(tenant_id, wanted, endpoint.id),
        ):
            with pytest.raises(NotFound) as caught:
                await ask
            assert caught.value.code == "integration_not_found"
    for ask in (
        service.change_endpoint(mine, made.id, EndpointId(NOBODY), EndpointChanges()),
        service.delete_endpoint(mine, made.id, EndpointId(NOBODY)),
    ):
        with pytest.raises(NotFound) as caught:
            await ask
        assert caught.value.code == "endpoint_not_found"


async def test_a_test_is_noted(temporary: TemporaryDatabase, mine: TenantId) -> None:
    async with open_json_api() as api:
        service = IntegrationService(
            store=temporary.database.integrations,
            kinds={"rest": api.kind},
            tools=temporary.database.tools,
            clock=temporary.clock,
        )
        made = await connect(service, mine, base_url=api.base_url)
        result = await service.test(mine, made.id)
        assert result.is_success
        found = await service.get(mine, made.id)
        assert found.last_sync_test_result == result
        assert found.last_sync_test_at == temporary.clock.now()


async def test_an_integration_that_a_tool_uses_stays(
    service: IntegrationService, mine: TenantId, temporary: TemporaryDatabase
) -> None:
    made = await connect(service, mine)
    tools = temporary.database.tools
    tool = Tool(
        id=ToolId(new_id()),
        tool_name="get_order_status",
        description="x",
        parameters_schema={"type": "object"},
        created_at=temporary.clock.now(),
    )
    await tools.add(tool)
    await tools.put_for_tenant(
        TenantTool(tenant_id=mine, tool=tool, integration_mapping={"shop": made.id})
    )
    with pytest.raises(Conflict, match="get_order_status") as caught:
        await service.delete(mine, made.id)
    assert caught.value.code == "integration_in_use"
    await tools.delete_for_tenant(mine, tool.id)
    await service.delete(mine, made.id)
    assert await service.list_all(mine) == []


async def test_an_endpoint_is_as_risky_as_its_method(
    service: IntegrationService, mine: TenantId
) -> None:
    made = await connect(service, mine)

    async def add(name: str, **fields: Any) -> Any:
        return await service.add_endpoint(mine, made.id, NewEndpoint(endpoint_name=name, **fields))

    assert (await add("a")).risk == "read"
    assert (await add("b", method="POST")).risk == "write"
    assert (await add("c", method="POST", risk="read")).risk == "read"
    d = await add("d", risk="destructive")
    changed = await service.change_endpoint(mine, made.id, d.id, EndpointChanges(method="PUT"))
    assert changed.risk == "destructive"
    e = await add("e")
    changed = await service.change_endpoint(mine, made.id, e.id, EndpointChanges(method="DELETE"))
    assert changed.risk == "write"
    lowered = EndpointChanges(method="POST", risk="read")
    assert (await service.change_endpoint(mine, made.id, e.id, lowered)).risk == "read"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"cache_s": 5, "method": "POST"}, "cache_s"),
        ({"url_template": "x"}, "url_template"),
        ({"query": "SELECT 1"}, "query"),
        ({"response_mapping": "["}, "response_mapping"),
    ],
)
async def test_an_endpoint_that_does_not_fit_is_refused(
    service: IntegrationService, mine: TenantId, fields: dict[str, Any], field: str
) -> None:
    made = await connect(service, mine)
    new = NewEndpoint(endpoint_name="orders", **fields)
    with pytest.raises(InvalidInput) as caught:
        await service.add_endpoint(mine, made.id, new)
    assert caught.value.errors[0].field == field
    assert await service.list_endpoints(mine, made.id) == []


async def test_an_endpoint_is_changed_and_removed(
    service: IntegrationService, mine: TenantId
) -> None:
    made = await connect(service, mine)
    endpoint = await service.add_endpoint(mine, made.id, NewEndpoint(endpoint_name="orders"))
    changes = EndpointChanges(cache_s=9, response_mapping="id")
    changed = await service.change_endpoint(mine, made.id, endpoint.id, changes)
    assert await service.list_endpoints(mine, made.id) == [changed]
    assert (changed.cache_s, changed.response_mapping, changed.risk) == (9, "id", "read")
    await service.add_endpoint(mine, made.id, NewEndpoint(endpoint_name="items"))
    with pytest.raises(Conflict):
        await service.change_endpoint(
            mine, made.id, endpoint.id, EndpointChanges(endpoint_name="items")
        )
    await service.delete_endpoint(mine, made.id, endpoint.id)
    assert [each.endpoint_name for each in await service.list_endpoints(mine, made.id)] == ["items"]


async def test_a_connection_left_behind_by_a_restore_is_entered_anew(
    service: IntegrationService, mine: TenantId, temporary: TemporaryDatabase
) -> None:
    made = await connect(service, mine)
    await temporary.database.integrations.save(
        msgspec.structs.replace(made, connection_config={}, enabled=False)
    )
    with pytest.raises(InvalidInput):
        await service.test(mine, made.id)
    changed = await service.change(mine, made.id, config(**CONFIG))
    assert changed.connection_config == made.connection_config


async def test_a_new_integration_begins_with_its_types_ready_endpoints(
    temporary: TemporaryDatabase, mine: TenantId
) -> None:
    async with open_json_api() as api:
        shopify = ShopifyKind(api.kind._systems, api.tokens, api.clock)
        service = IntegrationService(
            store=temporary.database.integrations,
            kinds={"shopify": shopify, "rest": api.kind},
            tools=temporary.database.tools,
            clock=temporary.clock,
        )
        config = {"shop": "lamp-shop.myshopify.com", "access_token": "shpat_x"}
        new = NewIntegration(integration_type="shopify", name="Shop", connection_config=config)
        made = await service.create(mine, new)
        stored = await service.list_endpoints(mine, made.id)
        plain = await connect(service, mine)
        assert await service.list_endpoints(mine, plain.id) == []
    ready = {endpoint.endpoint_name: endpoint for endpoint in shopify.ready_endpoints}
    assert {endpoint.endpoint_name for endpoint in stored} == set(ready)
    for endpoint in stored:
        wanted = ready[endpoint.endpoint_name]
        fields = EndpointDefinition.__struct_fields__
        assert [getattr(endpoint, f) for f in fields] == [getattr(wanted, f) for f in fields]
