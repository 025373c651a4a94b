"""A shop that is told by e-mail and by webhook, by a whole server."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.fakes.mail_server import MailServer
from tests.fakes.webhook_server import WebhookServer, is_signed
from tests.http.clients import Operator, Visitor
from tests.http.running_server import RunningServer

WISH = "אני רוצה לדבר עם נציג"


async def test_a_shop_is_told_at_once_that_a_visitor_needs_a_person(tmp_path: Path) -> None:
    async with MailServer() as mail, WebhookServer() as hook:
        settings = {
            "CSAI_SMTP_URL": mail.url,
            "CSAI_MAIL_FROM": "bot@example.org",
            "CSAI_EGRESS_ALLOW": hook.authority,
        }
        with RunningServer(tmp_path, settings=settings) as server:
            secret = await asyncio.to_thread(ask_for_a_person, server, hook.url)
            async with asyncio.timeout(30):
                await mail.has_mail.wait()
                await hook.has_request.wait()
    [received] = mail.mails
    assert received.recipients == ["team@shop.example"]
    assert WISH in received.text
    [request] = hook.requests
    assert is_signed(request, secret)


def ask_for_a_person(server: RunningServer, webhook_url: str) -> str:
    """Let a visitor of a new shop ask for a person; return the shop's signing secret."""
    operator = Operator(server)
    escalation = {"email": "team@shop.example", "webhook_url": webhook_url}
    shop = operator.make_shop("הפיצה של בוב", language="he", escalation=escalation)
    visitor = Visitor(server, shop.api_key)
    reply = visitor.ask(WISH)
    assert reply["escalated"] is True
    assert reply["message"]["content"].startswith("העברתי את הפנייה לצוות של הפיצה של בוב.")
    [item] = operator.call("GET", f"/escalations?tenant_id={shop.id}")["items"]
    assert (item["reason"], len(item["notices"])) == (WISH, 2)
    visitor.http.close()
    operator.http.close()
    return shop.signing_secret
