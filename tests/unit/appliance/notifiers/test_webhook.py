from __future__ import annotations

import json
from typing import Any

import pytest

from appliance.domain.ids import TenantId
from appliance.domain.tenant import EscalationSettings
from appliance.egress import EgressClient
from appliance.errors import ApplianceError, ConfigurationError, NotFound, Rejected, Unavailable
from appliance.notifiers.webhook import WebhookNotifier
from tests.fakes.clock import SettableClock
from tests.fakes.notices import build_notice
from tests.fakes.webhook_server import Answer, HangUp, Reply, WebhookServer, is_signed

SECRET = "whsec_of_the_shop"


async def find_secret(_: TenantId) -> str:
    return SECRET


async def send(
    server: WebhookServer, *, is_allowed: bool = True, secret: Any = find_secret
) -> None:
    http = EgressClient(allow=(server.authority,) if is_allowed else ())
    settings = EscalationSettings(webhook_url=server.url)
    notifier = WebhookNotifier(http, SettableClock(), signing_secret=secret)
    try:
        await notifier.send(build_notice(tenant={"escalation": settings}))
    finally:
        await http.aclose()


async def test_the_webhook_gets_the_documented_body_signed() -> None:
    async with WebhookServer() as server:
        await send(server)
        [request] = server.requests
    assert is_signed(request, SECRET)
    assert request.headers["idempotency-key"] == "0190-notice"
    body = json.loads(request.body)
    tenant_id = body.pop("tenant_id")
    assert len(tenant_id) == 36
    assert body == {
        "event": "escalation.requested",
        "notice_id": "0190-notice",
        "conversation_id": "c1",
        "conversation_url": "http://127.0.0.1:8081/api/admin/conversations/c1",
        "escalation": {
            "id": "e1",
            "cause": "visitor",
            "status": "open",
            "reason": "I want a human",
            "contact": "dana@example.org",
            "requested_at": "2026-03-02T09:30:00Z",
        },
        "visitor": {
            "channel": "widget",
            "user_identifier": "dana",
            "page_url": "https://shop.example/pizza",
        },
        "transcript": [
            {"role": "user", "content": "I want a human", "created_at": "2026-03-02T09:30:00Z"},
            {"role": "assistant", "content": "Passed on.", "created_at": "2026-03-02T09:31:00Z"},
        ],
    }


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (Reply(status=500), Unavailable, "status 500"),
        (Reply(status=404), Rejected, "status 404"),
        (Reply(status=302), Rejected, "status 302"),
        (HangUp(), Unavailable, "broke off"),
    ],
)
async def test_what_is_no_2xx_did_not_take_it(
    answer: Answer, error: type[ApplianceError], words: str
) -> None:
    async with WebhookServer(answers=[answer]) as server:
        with pytest.raises(error, match=words):
            await send(server)


async def test_an_address_that_was_not_allowed_is_not_called() -> None:
    async with WebhookServer() as server:
        with pytest.raises(Rejected):
            await send(server, is_allowed=False)
    assert server.requests == []


async def test_a_tenant_without_a_secret_or_an_address_is_told_what_to_do() -> None:
    async def find_none(_: TenantId) -> str:
        raise NotFound("There is none.")

    async with WebhookServer() as server:
        with pytest.raises(ConfigurationError, match="signing secret"):
            await send(server, secret=find_none)
    notifier = WebhookNotifier(EgressClient(), SettableClock(), signing_secret=find_secret)
    with pytest.raises(ConfigurationError, match="no webhook"):
        await notifier.send(build_notice(tenant={"escalation": EscalationSettings()}))
