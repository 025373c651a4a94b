from __future__ import annotations

from typing import Any

import pytest

from appliance.egress import EgressClient
from appliance.errors import ApplianceError, AuthFailed, Rejected, Unavailable
from appliance.n8n import N8nClient
from tests.contract.n8n_contract import opened_client
from tests.fakes.clock import SettableClock
from tests.fakes.n8n_api import KEY, FakeN8n, build_webhook_node

LICENCE = "Your license does not allow for feat:projectRole:admin."


@pytest.mark.parametrize(
    ("given", "kind", "code", "told"),
    [
        ({"refusal": (403, "Forbidden")}, AuthFailed, "n8n_forbidden", "workflow:list"),
        ({"refusal": (403, LICENCE)}, AuthFailed, "n8n_forbidden", "licence"),
        ({"refusal": (429, "Slow down")}, Unavailable, "n8n_failed", "Slow down"),
        ({"refusal": (500, "Broken")}, Unavailable, "n8n_failed", "Broken"),
        ({"refusal": (400, "Unknown node")}, Rejected, "n8n_refused", "Unknown node"),
        ({"page": b"<!doctype html>"}, Rejected, "n8n_api_off", "CSAI_N8N_URL"),
        ({"page": b"[" * 5_000}, Rejected, "n8n_api_off", "CSAI_N8N_URL"),
        ({"page": b'{"data": [{"id": "\xf9"}]}'}, Rejected, "n8n_api_off", "CSAI_N8N_URL"),
        ({"page": b'{"data": 5}'}, Rejected, "n8n_api_off", "CSAI_N8N_URL"),
    ],
)
async def test_each_refusal_says_what_to_mend(
    given: dict[str, Any], kind: type[ApplianceError], code: str, told: str
) -> None:
    async with FakeN8n(**given) as n8n, opened_client(n8n.url, KEY) as client:
        with pytest.raises(kind) as caught:
            await client.list_workflows()
    assert caught.value.code == code
    assert told in caught.value.message
    assert KEY not in caught.value.message


async def test_an_n8n_that_is_away_is_named() -> None:
    async with FakeN8n() as n8n:
        url = n8n.url
    async with opened_client(url, KEY) as client:
        with pytest.raises(Unavailable) as caught:
            await client.list_workflows()
        assert caught.value.code == "n8n_unreachable"
        with pytest.raises(Unavailable, match="CSAI_N8N_URL"):
            await client.check()


async def test_health_is_asked_once_in_ten_seconds() -> None:
    clock = SettableClock()
    async with FakeN8n() as n8n:
        http = EgressClient(trusted=[n8n.url])
        client = N8nClient(http, url=f"{n8n.url}/", api_key=None, clock=clock)
        for _ in range(3):
            await client.check()
        n8n.is_well = False
        await client.check()
        assert [request.target for request in n8n.requests] == ["/healthz"]
        clock.advance(11)
        for _ in range(2):
            with pytest.raises(Unavailable, match="503"):
                await client.check()
        assert len(n8n.requests) == 2
        await http.aclose()


async def test_all_pages_are_read_and_archived_workflows_left_out() -> None:
    async with FakeN8n() as n8n, opened_client(n8n.url, KEY) as client:
        for number in range(205):
            n8n.add(f"w{number:03}", build_webhook_node(f"p{number}"))
        n8n.add("archived", isArchived=True)
        listed = await client.list_workflows()
        assert [workflow.name for workflow in listed] == [f"w{number:03}" for number in range(205)]
        assert len(n8n.requests) == 3


async def test_a_workflow_is_published_when_its_webhooks_listen() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async with FakeN8n(looks_until_registered=3) as n8n:
        http = EgressClient(trusted=[n8n.url])
        client = N8nClient(http, url=n8n.url, api_key=KEY, clock=SettableClock(), sleep=sleep)
        found = n8n.add("orders", build_webhook_node())
        assert (await client.publish_workflow(found)).is_active
        assert len(waits) == 3
        n8n.looks_until_registered = 1_000
        slow = n8n.add("slow", build_webhook_node("slow"))
        assert (await client.publish_workflow(slow)).is_active
        assert sum(waits) < 10
        await http.aclose()
