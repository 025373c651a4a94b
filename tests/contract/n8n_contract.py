"""What an n8n must answer, be it the tests' own or a real one.

Owns the suite; running an n8n is left to the subclasses. It leaves workflows behind, under names
that no other test uses.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple

import pytest

from appliance.clock import MachineClock
from appliance.domain.ids import new_id
from appliance.domain.json_types import JsonObject
from appliance.egress import EgressClient
from appliance.errors import AuthFailed, ConfigurationError, Conflict, NotFound, Rejected
from appliance.n8n import N8nClient
from tests.fakes.n8n_api import build_webhook_node


class RunningN8n(NamedTuple):
    """Where it is, and a key that may do everything."""

    url: str
    api_key: str


@asynccontextmanager
async def opened_client(url: str, api_key: str | None) -> AsyncIterator[N8nClient]:
    """Open a client of the n8n at ``url``."""
    http = EgressClient(trusted=[url])
    try:
        yield N8nClient(http, url=url, api_key=api_key, clock=MachineClock())
    finally:
        await http.aclose()


def build_export(name: str, path: str) -> JsonObject:
    """Return a workflow as n8n exports one, with fields that its API does not take back."""
    return {
        "id": "x1",
        "name": name,
        "active": True,
        "tags": [],
        "meta": {"templateId": "1"},
        "pinData": {},
        "nodes": [build_webhook_node(path)],
        "connections": {},
        "settings": {"executionOrder": "v1"},
    }


class N8nContract(ABC):
    """Holds for every n8n."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[RunningN8n]:
        """Run an n8n, or find one that runs."""

    async def test_it_is_up(self) -> None:
        async with self.open() as n8n, opened_client(n8n.url, None) as client:
            await client.check()

    async def test_a_workflow_is_imported_listed_published_and_replaced(self) -> None:
        name, path = f"contract {new_id()}", f"contract-{new_id()}"
        async with self.open() as n8n, opened_client(n8n.url, n8n.api_key) as client:
            made = await client.create_workflow(build_export(name, path))
            assert (made.name, made.is_active) == (name, False)
            [webhook] = made.webhooks
            assert (webhook.method, webhook.path, webhook.authentication) == ("POST", path, "none")
            assert webhook.production_url == f"{n8n.url}/webhook/{path}"
            assert webhook.test_url == f"{n8n.url}/webhook-test/{path}"
            published = await client.publish_workflow(made.id)
            assert (published.id, published.is_active) == (made.id, True)
            listed = await client.list_workflows()
            assert [item for item in listed if item.name == name] == [published]
            await client.replace_workflow(made.id, build_export(name, f"{path}-2"))
            again = await client.publish_workflow(made.id)
            assert [item.path for item in again.webhooks] == [f"{path}-2"]

    async def test_two_of_the_same_webhook_are_not_both_published(self) -> None:
        path = f"contract-{new_id()}"
        async with self.open() as n8n, opened_client(n8n.url, n8n.api_key) as client:
            one, two = [
                await client.create_workflow(build_export(f"contract {new_id()}", path))
                for _ in range(2)
            ]
            await client.publish_workflow(one.id)
            with pytest.raises(Conflict) as caught:
                await client.publish_workflow(two.id)
            assert caught.value.code == "n8n_webhook_taken"

    async def test_what_cannot_start_is_not_published(self) -> None:
        export = {**build_export(f"contract {new_id()}", "x"), "nodes": []}
        async with self.open() as n8n, opened_client(n8n.url, n8n.api_key) as client:
            made = await client.create_workflow(export)
            with pytest.raises(Rejected) as caught:
                await client.publish_workflow(made.id)
            assert caught.value.code == "n8n_refused"

    async def test_a_workflow_that_is_not_there_is_not_found(self) -> None:
        async with self.open() as n8n, opened_client(n8n.url, n8n.api_key) as client:
            with pytest.raises(NotFound):
                await client.publish_workflow("nothing/../..")
            with pytest.raises(NotFound):
                await client.replace_workflow("nothing", build_export("x", "x"))

    async def test_a_wrong_key_is_refused_and_a_missing_one_named(self) -> None:
        async with self.open() as n8n:
            async with opened_client(n8n.url, "wrong") as client:
                with pytest.raises(AuthFailed) as caught:
                    await client.list_workflows()
                assert caught.value.code == "n8n_key_refused"
                assert "CSAI_N8N_API_KEY" in caught.value.message
                assert "wrong" not in caught.value.message
            async with opened_client(n8n.url, None) as client:
                with pytest.raises(ConfigurationError) as missing:
                    await client.list_workflows()
                assert missing.value.setting == "CSAI_N8N_API_KEY"
