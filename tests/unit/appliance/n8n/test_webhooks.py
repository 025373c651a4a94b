from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from appliance.egress import EgressClient
from appliance.errors import Rejected
from appliance.n8n import WebhookSender
from appliance.ports.outbound_http import OutboundRequest
from tests.fakes.n8n_api import FakeN8n


@asynccontextmanager
async def opened_sender(n8n: FakeN8n) -> AsyncIterator[WebhookSender]:
    """Open a sender that trusts this n8n, on a machine whose network is closed to tenants."""
    tenants, own = EgressClient(), EgressClient(trusted=[n8n.url])
    yield WebhookSender(tenants=tenants, own=own, url=f"{n8n.url}/")
    await tenants.aclose()
    await own.aclose()


@pytest.mark.parametrize("prefix", ["", "/n8n"])
@pytest.mark.parametrize("path", ["/webhook/orders", "/webhook-test/a/b?x=..", "/webhook/%20"])
async def test_the_operators_own_webhooks_are_called(prefix: str, path: str) -> None:
    async with FakeN8n(prefix=prefix) as n8n, opened_sender(n8n) as sender:
        request = OutboundRequest(method="POST", url=f"{n8n.url}{path}", body=b"{}")
        answer = await sender.send(request)
        assert answer.status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/healthz",
        "/rest/owner/setup",
        "/api/v1/workflows",
        "/webhook",
        "/webhooks/orders",
        "/webhook/../rest/login",
        "/webhook/%2e%2e/rest/login",
        "/webhook/a/.%2E/../rest/login",
        "/webhook/..%2frest/login",
        "/webhook/\\..\\rest",
        "/webhook//rest",
    ],
)
async def test_nothing_else_of_it_is_reached_for_a_tenant(path: str) -> None:
    async with FakeN8n() as n8n, opened_sender(n8n) as sender:
        request = OutboundRequest(method="POST", url=f"{n8n.url}{path}", body=b"{}")
        with pytest.raises(Rejected) as caught:
            await sender.send(request)
        assert caught.value.code == "egress_denied"
        assert n8n.requests == []


async def test_another_port_name_or_redirect_is_judged_as_any_address() -> None:
    async with FakeN8n() as n8n, FakeN8n() as other, opened_sender(n8n) as sender:
        for request in (
            OutboundRequest(method="POST", url=f"{other.url}/webhook/orders"),
            OutboundRequest(method="POST", url=f"{n8n.url}1/webhook/orders"),
            OutboundRequest(method="POST", url=f"{n8n.url.replace('//', '//a@')}/webhook/orders"),
            OutboundRequest(method="POST", url=f"{n8n.url}/webhook/orders", max_redirects=1),
        ):
            with pytest.raises(Rejected):
                await sender.send(request)
        assert n8n.requests == other.requests == []
