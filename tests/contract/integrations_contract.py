"""What every store of integrations and credentials must do.

Owns the suite; opening a database is left to the subclasses.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from appliance.domain.credential import Credential
from appliance.domain.ids import CredentialId, EndpointId, IntegrationId, TenantId, new_id
from appliance.domain.integration import (
    ConnectionTest,
    Endpoint,
    EndpointParameter,
    IntegrationCall,
    StoredIntegration,
    ToolOffer,
)
from appliance.errors import Conflict, InvalidInput
from appliance.ports.credentials import CredentialStore
from appliance.ports.integrations import IntegrationStore
from appliance.storage.tables import integration_calls, integrations, vault
from tests.fakes.stored_history import StoredHistory

SECRET = "sk-canary-of-a-shop"


class IntegrationsContract(ABC):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[StoredHistory]:
        """Open an empty database with two tenants."""

    @pytest_asyncio.fixture
    async def history(self) -> AsyncIterator[StoredHistory]:
        async with self.open() as history:
            yield history

    async def test_an_integration_is_read_as_it_was_stored(self, history: StoredHistory):
        added = await add_integration(history)
        stored = store(history)
        assert await stored.get(history.tenant_id, added.id) == added
        assert await stored.list_all(history.tenant_id) == [added]
        changed = msgspec.structs.replace(added, name="Shop 2", enabled=False)
        await stored.save(changed)
        assert await stored.get(history.tenant_id, added.id) == changed

    async def test_what_a_server_offers_is_kept_with_its_approval(self, history: StoredHistory):
        added = await add_integration(history)
        offer = ToolOffer(
            name="a/b",
            tool_name="a_b",
            description="דבר",
            parameters_schema={"type": "object", "properties": {"x": {"type": "string"}}},
            risk="destructive",
            fingerprint="f" * 64,
        )
        endpoint = Endpoint(
            id=EndpointId(new_id()),
            tenant_id=history.tenant_id,
            integration_id=added.id,
            endpoint_name="a_b",
            offer=offer,
            created_at=added.created_at,
        )
        stored = store(history)
        await stored.put_endpoint(endpoint)
        assert await stored.get_endpoint(history.tenant_id, added.id, endpoint.id) == endpoint
        approved = msgspec.structs.replace(endpoint, approved=offer.fingerprint)
        await stored.put_endpoint(approved)
        assert await stored.list_endpoints(history.tenant_id, added.id) == [approved]

    async def test_a_connection_is_encrypted_at_rest(self, history: StoredHistory):
        await add_integration(history)
        [row] = await history.rows(integrations)
        assert SECRET not in str(row)
        assert row.encrypted_connection_config

    async def test_the_newest_test_is_noted(self, history: StoredHistory):
        added = await add_integration(history)
        result = ConnectionTest(is_success=False, message="The key was refused.", duration_ms=12)
        at = history.clock.now()
        await store(history).save_test(history.tenant_id, added.id, result, at=at)
        found = await store(history).get(history.tenant_id, added.id)
        assert found is not None
        assert (found.last_sync_test_at, found.last_sync_test_result) == (at, result)

    async def test_endpoints_belong_to_an_integration_by_unique_names(self, history: StoredHistory):
        added, stored, mine = await add_integration(history), store(history), history.tenant_id
        endpoint = build_endpoint(added, "orders")
        await stored.put_endpoint(endpoint)
        await stored.put_endpoint(msgspec.structs.replace(endpoint, cache_s=5, risk="write"))
        found = await stored.find_endpoint(mine, added.id, "orders")
        assert found == msgspec.structs.replace(endpoint, cache_s=5, risk="write")
        assert await stored.get_endpoint(mine, added.id, endpoint.id) == found
        with pytest.raises(Conflict) as caught:
            await stored.put_endpoint(build_endpoint(added, "orders"))
        assert caught.value.code == "endpoint_name_taken"
        await stored.put_endpoint(build_endpoint(added, "customers"))
        listed = await stored.list_endpoints(mine, added.id)
        assert [each.endpoint_name for each in listed] == ["customers", "orders"]
        assert await stored.delete_endpoint(mine, added.id, endpoint.id)
        assert not await stored.delete_endpoint(mine, added.id, endpoint.id)

    async def test_another_tenants_reads_as_absent(self, history: StoredHistory):
        added, stored, other = await add_integration(history), store(history), other_of(history)
        endpoint = build_endpoint(added, "orders")
        await stored.put_endpoint(endpoint)
        await stored.add_call(build_call(history, added, 1), keep=9)
        before = await stored.get(history.tenant_id, added.id)
        taken_over = msgspec.structs.replace(added, tenant_id=other, name="Mine now")
        await stored.save(taken_over)
        result = ConnectionTest(is_success=True, message="")
        await stored.save_test(other, added.id, result, at=history.clock.now())
        assert await stored.get(other, added.id) is None
        assert await stored.list_all(other) == []
        assert await stored.get_endpoint(other, added.id, endpoint.id) is None
        assert await stored.find_endpoint(other, added.id, "orders") is None
        assert await stored.list_endpoints(other, added.id) == []
        assert not await stored.delete_endpoint(other, added.id, endpoint.id)
        page = await stored.list_calls(other, added.id, limit=9, cursor=None)
        assert page.items == []
        assert not await stored.delete(other, added.id)
        assert await stored.get(history.tenant_id, added.id) == before
        assert await history.count(integration_calls) == 1

    async def test_an_integration_goes_with_its_endpoints_and_log(self, history: StoredHistory):
        added, kept = await add_integration(history), await add_integration(history)
        stored, mine = store(history), history.tenant_id
        for each in (added, kept):
            await stored.put_endpoint(build_endpoint(each, "orders"))
            await stored.add_call(build_call(history, each, 1), keep=9)
        assert await stored.delete(mine, added.id)
        assert not await stored.delete(mine, added.id)
        assert [each.id for each in await stored.list_all(mine)] == [kept.id]
        assert await history.count(integration_calls) == 1
        assert len(await stored.list_endpoints(mine, kept.id)) == 1

    async def test_the_log_keeps_the_newest_calls_of_each_integration(self, history: StoredHistory):
        one, two, stored = (
            await add_integration(history),
            await add_integration(history),
            store(history),
        )
        await stored.add_call(build_call(history, two, 0), keep=3)
        for number in range(1, 6):
            await stored.add_call(build_call(history, one, number), keep=3)
        first = await stored.list_calls(history.tenant_id, one.id, limit=2, cursor=None)
        rest = await stored.list_calls(history.tenant_id, one.id, limit=2, cursor=first.next_cursor)
        assert [call.duration_ms for call in (*first.items, *rest.items)] == [5, 4, 3]
        assert rest.next_cursor is None
        assert first.items[0].error == "The key was refused."
        assert await history.count(integration_calls) == 4
        with pytest.raises(InvalidInput):
            await stored.list_calls(history.tenant_id, one.id, limit=2, cursor="x")

    async def test_a_call_of_a_removed_integration_is_not_logged(self, history: StoredHistory):
        added = await add_integration(history)
        call = build_call(history, added, 1)
        await store(history).delete(history.tenant_id, added.id)
        await store(history).add_call(call, keep=3)
        assert await history.count(integration_calls) == 0

    async def test_old_calls_go_at_the_messages_age(self, history: StoredHistory):
        added = await add_integration(history)
        await store(history).add_call(build_call(history, added, 1), keep=9)
        history.pass_days(31)
        await store(history).add_call(build_call(history, added, 2), keep=9)
        [done] = (await history.build_retention().run()).tenants
        assert done.records == 1
        [left] = await history.rows(integration_calls)
        assert left.duration_ms == 2

    async def test_a_credential_is_found_by_type_and_name(self, history: StoredHistory):
        stored, mine = keeper(history), history.tenant_id
        added = build_credential(history, "httpHeaderAuth", "Shop")
        await stored.add(added)
        await stored.add(build_credential(history, "smtp", "Shop"))
        assert await stored.get(mine, "httpHeaderAuth", "Shop") == added
        assert await stored.get(mine, "httpHeaderAuth", "shop") is None
        assert await stored.find(mine, added.id) == added
        listed = [each.credential_type for each in await stored.list_all(mine)]
        assert listed == ["httpHeaderAuth", "smtp"]
        changed = msgspec.structs.replace(added, name="Shop 2", values={"value": "other"})
        await stored.save(changed)
        assert await stored.get(mine, "httpHeaderAuth", "Shop 2") == changed
        assert await stored.delete(mine, added.id)
        assert not await stored.delete(mine, added.id)

    async def test_a_credentials_values_are_encrypted_at_rest(self, history: StoredHistory):
        await keeper(history).add(build_credential(history, "smtp", "Post"))
        [row] = await history.rows(vault)
        assert SECRET not in str(row)

    async def test_a_name_is_taken_once_a_type(self, history: StoredHistory):
        stored = keeper(history)
        await stored.add(build_credential(history, "smtp", "Post"))
        with pytest.raises(Conflict) as caught:
            await stored.add(build_credential(history, "smtp", "Post"))
        assert caught.value.code == "credential_name_taken"
        second = build_credential(history, "smtp", "Post 2")
        await stored.add(second)
        with pytest.raises(Conflict):
            await stored.save(msgspec.structs.replace(second, name="Post"))
        await stored.add(
            msgspec.structs.replace(second, id=CredentialId(new_id()), tenant_id=other_of(history))
        )

    async def test_another_tenants_credential_reads_as_absent(self, history: StoredHistory):
        stored, other = keeper(history), other_of(history)
        added = build_credential(history, "smtp", "Post")
        await stored.add(added)
        await stored.save(msgspec.structs.replace(added, tenant_id=other, values={}))
        assert await stored.get(other, "smtp", "Post") is None
        assert await stored.find(other, added.id) is None
        assert await stored.list_all(other) == []
        assert not await stored.delete(other, added.id)
        assert await stored.find(history.tenant_id, added.id) == added


def store(history: StoredHistory) -> IntegrationStore:
    return history.temporary.database.integrations


def keeper(history: StoredHistory) -> CredentialStore:
    return history.temporary.database.credentials


def other_of(history: StoredHistory) -> TenantId:
    return history.other_tenant_id


async def add_integration(history: StoredHistory, **more: Any) -> StoredIntegration:
    history.clock.advance(1)
    now = history.clock.now()
    integration = StoredIntegration(
        id=IntegrationId(new_id()),
        tenant_id=history.tenant_id,
        integration_type="rest",
        name="Shop",
        connection_config={"base_url": "https://shop.example", "api_key": SECRET},
        created_at=now,
        updated_at=now,
        **more,
    )
    await store(history).add(integration)
    return integration


def build_endpoint(integration: StoredIntegration, name: str) -> Endpoint:
    return Endpoint(
        id=EndpointId(new_id()),
        tenant_id=integration.tenant_id,
        integration_id=integration.id,
        endpoint_name=name,
        url_template="/orders/{number}",
        parameters=[EndpointParameter(name="number", location="path", required=True)],
        response_mapping="order.status",
        created_at=integration.created_at,
    )


def build_call(
    history: StoredHistory, integration: StoredIntegration, number: int
) -> IntegrationCall:
    history.clock.advance(1)
    return IntegrationCall(
        id=new_id(),
        tenant_id=integration.tenant_id,
        integration_id=integration.id,
        endpoint_name="orders",
        outcome="failed",
        status=401,
        duration_ms=number,
        error="The key was refused.",
        called_at=history.clock.now(),
    )


def build_credential(history: StoredHistory, credential_type: str, name: str) -> Credential:
    now = history.clock.now()
    return Credential(
        id=CredentialId(new_id()),
        tenant_id=history.tenant_id,
        credential_type=credential_type,
        name=name,
        values={"name": "X-Key", "value": SECRET},
        hosts=("shop.example", "shop.example:8443"),
        created_at=now,
        updated_at=now,
    )
