"""A tool behind a webhook: what the receiver gets, and what the visitor gets when it may not."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import asynccontextmanager
from typing import Any

import jwt

from tests.fakes.openai_server import FakeOpenAI, Say
from tests.fakes.webhook_server import Hang, HangUp, Reply, WebhookServer, is_signed, reply_json
from tests.http.clients import Operator, Shop, Visitor, check_problem
from tests.http.running_server import RunningServer, serving, wait_until

RESULT = {"status": "on its way", "courier": "Yael"}
QUESTION = "Where is my order 777?"


@asynccontextmanager
async def shop_with_webhook(
    tmp_path,
    webhook: WebhookServer,
    *,
    allow: bool = True,
    settings: Mapping[str, str] | None = None,
    **choice: Any,
):
    """Run a server with a shop whose order tool calls ``webhook``."""
    egress = {"CSAI_EGRESS_ALLOW": webhook.authority} if allow else {}
    async with serving(tmp_path, settings={**egress, **(settings or {})}) as server:

        def prepare() -> tuple[Operator, Shop, Visitor]:
            operator = Operator(server)
            shop = operator.make_shop("Webhook Shop")
            operator.use_tool(shop.id, "get_order_status", webhook_url=webhook.url, **choice)
            return operator, shop, Visitor(server, shop.api_key)

        operator, shop, visitor = await asyncio.to_thread(prepare)
        yield server, operator, shop, visitor
        visitor.http.close()
        operator.http.close()


async def test_the_call_goes_to_the_webhook(tmp_path):
    async with (
        WebhookServer([reply_json([RESULT])]) as webhook,
        shop_with_webhook(tmp_path, webhook) as (server, operator, shop, visitor),
    ):
        server.expect("there is no data table 'orders'")
        reply = await asyncio.to_thread(visitor.ask, QUESTION)
        assert [tool["status"] for tool in reply["tools"]] == ["succeeded"]
        assert "on its way" in reply["message"]["content"]
        assert "Yael" in reply["message"]["content"]
        assert len(webhook.requests) == 1
        request = webhook.requests[0]
        body = request.json()
        context = body.pop("_context")
        assert body == {"order_number": "777"}
        assert context == {
            "tenant_id": shop.id,
            "conversation_id": reply["conversation_id"],
            "call_id": context["call_id"],
            "tool": "get_order_status",
            "time_zone": "UTC",
        }
        assert (request.method, request.path) == ("POST", "/webhook/order")
        assert request.headers["content-type"] == "application/json"
        assert request.headers["idempotency-key"] == context["call_id"]
        assert is_signed(request, shop.signing_secret)
        stamp = dict(part.split("=") for part in request.headers["x-csai-signature"].split(","))[
            "t"
        ]
        assert abs(int(stamp) - time.time()) < 60
        assert visitor.api_key not in json.dumps(request.headers) + request.body.decode()

        await asyncio.to_thread(visitor.ask, QUESTION)
        await asyncio.to_thread(visitor.ask, "Where is my order 778?")
        keys = [seen.headers["idempotency-key"] for seen in webhook.requests]
        assert len(set(keys)) == len(keys)

        tool_id = operator.find_tool_id("get_order_status")
        path = f"/tenants/{shop.id}/tools/{tool_id}"
        trial = await asyncio.to_thread(
            operator.call, "POST", f"{path}/test", {"parameters": {"order_number": "9"}}
        )
        assert (trial["success"], trial["result"], trial["attempts"]) == (True, RESULT, 1)
        assert trial["sent"]["order_number"] == "9"
        await asyncio.to_thread(check_identity, operator, shop, visitor, path, webhook)
        operator.call("PATCH", path, {"executor": "workflow", "workflow": "get_order_status"})
        seen = len(webhook.requests)
        await asyncio.to_thread(visitor.ask, "Where is my order 779?")
        assert len(webhook.requests) == seen


def check_identity(
    operator: Operator, shop: Shop, visitor: Visitor, path: str, webhook: WebhookServer
) -> None:
    """Whose order it is comes from the shop's signed token, and from nowhere else."""

    def sign(secret: str) -> str:
        claims = {"sub": "cust_1", "email": "dana@shop.example", "exp": int(time.time()) + 600}
        return jwt.encode(claims, secret, algorithm="HS256")

    operator.call("PATCH", path, {"custom_config": {"identity": {"order_number": "sub"}}})
    seen = len(webhook.requests)
    assert "sign in" in visitor.say(QUESTION, user_identifier="cust_1")
    assert len(webhook.requests) == seen
    reply = visitor.ask(QUESTION, identity_token=sign(shop.signing_secret))
    assert "on its way" in reply["message"]["content"]
    body = webhook.requests[-1].json()
    assert body["order_number"] == "cust_1"
    assert body["_context"]["identity"] == {"sub": "cust_1", "email": "dana@shop.example"}
    assert "sign in" in visitor.say(QUESTION)
    for token in (sign("whsec_" + "x" * 40), "none", "x" * 8_000, ""):
        answer = visitor.post(QUESTION, identity_token=token)
        check_problem(answer, 400, "identity_token_invalid")
    check_problem(visitor.post(QUESTION, identity_token="x" * 8_001), 400, "validation_failed")
    answer = operator.call("POST", f"{path}/test", {"identity": {"sub": "cust_9"}})
    assert answer["sent"]["order_number"] == "cust_9"
    renewed = operator.call("POST", f"/tenants/{shop.id}/signing-secret", status=201)[
        "signing_secret"
    ]
    check_problem(
        visitor.post(QUESTION, identity_token=sign(shop.signing_secret)),
        400,
        "identity_token_invalid",
    )
    assert visitor.post(QUESTION, identity_token=sign(renewed)).status_code == 200
    operator.call("PATCH", path, {"custom_config": {}})


SECRETS = {"api_key": "canary-1", "password": "canary-2", "deep": [{"token": "canary-3"}]}


def ask_then_answer(body: dict[str, Any]) -> Say:
    if body["messages"][-1]["role"] == "tool":
        return Say(text=["It is on its way."])
    return Say(calls=[{"name": "get_order_status", "arguments": {"order_number": "777"}}])


def read_all_that_operators_see(operator: Operator, shop: Shop, conversation_id: str) -> str:
    path = f"/conversations/{conversation_id}"
    wait_until(lambda: len(operator.call("GET", path)["trace"]) == 2, timeout_s=10, what="traces")
    trial = {"tenant_id": shop.id, "message": QUESTION}
    return json.dumps(
        [
            operator.call("GET", path),
            operator.call("GET", f"/tool-executions?tenant_id={shop.id}"),
            operator.call("GET", f"/conversations/export?tenant_id={shop.id}"),
            operator.call("POST", "/test-chat", trial),
        ]
    )


async def test_secrets_in_a_tools_answer_are_the_models_and_no_operators(tmp_path):
    async with (
        WebhookServer([reply_json([RESULT | SECRETS])]) as webhook,
        FakeOpenAI(ask_then_answer) as openai,
        shop_with_webhook(
            tmp_path,
            webhook,
            settings={"CSAI_LLM_PROVIDER": "openai", "CSAI_OPENAI_BASE_URL": openai.url},
        ) as (_, operator, shop, visitor),
    ):
        reply = await asyncio.to_thread(visitor.ask, QUESTION)
        assert "canary-2" in json.dumps(openai.chats[-1])
        await asyncio.to_thread(visitor.ask, "And now?")
        shown = await asyncio.to_thread(
            read_all_that_operators_see, operator, shop, reply["conversation_id"]
        )
        assert "Yael" in shown
        assert "canary" not in shown


async def test_a_webhook_that_is_not_allowed_is_never_called(tmp_path):
    async with (
        WebhookServer([reply_json(RESULT)]) as webhook,
        shop_with_webhook(tmp_path, webhook, allow=False) as (server, operator, shop, visitor),
    ):
        server.expect("tool_failed", "egress")
        reply = await asyncio.to_thread(visitor.ask, QUESTION)
        assert [tool["status"] for tool in reply["tools"]] == ["failed"]
        content = reply["message"]["content"]
        assert content
        assert "on its way" not in content
        assert webhook.authority not in content
        assert "CSAI_EGRESS_ALLOW" not in content
        tool_id = operator.find_tool_id("get_order_status")
        trial = await asyncio.to_thread(
            operator.call,
            "POST",
            f"/tenants/{shop.id}/tools/{tool_id}/test",
            {"parameters": {"order_number": "777"}},
        )
        assert trial["success"] is False
        assert "CSAI_EGRESS_ALLOW" in trial["error"]
        assert webhook.requests == []
        assert webhook._http.connections == 0


async def test_a_failing_webhook_gets_an_honest_answer(tmp_path):
    secret = "upstream-canary"
    answers = [
        Reply(500, json.dumps({"error": secret}).encode()),
        Reply(200, f'{{"x": "{secret} \xf9"}}'.encode("latin-1")),
        HangUp(),
    ]
    async with (
        WebhookServer(answers) as webhook,
        shop_with_webhook(tmp_path, webhook, custom_config={"timeout_s": 3}) as (
            server,
            _,
            _,
            visitor,
        ),
    ):
        server.expect("tool_failed")
        for _ in answers:
            reply = await asyncio.to_thread(visitor.ask, QUESTION)
            assert [tool["status"] for tool in reply["tools"]] == ["failed"]
            assert reply["message"]["content"]
            assert secret not in json.dumps(reply)
            visitor.session_id = None


async def test_a_webhook_that_is_no_address_is_refused(tmp_path, demo_server: RunningServer):
    operator = Operator(demo_server)
    shop = operator.make_shop()
    tool_id = operator.find_tool_id("get_order_status")
    for url in ("ftp://x.example/a", "javascript:alert(1)", "/webhook", "http://", "not a url"):
        answer = operator.http.put(f"/tenants/{shop.id}/tools/{tool_id}", json={"webhook_url": url})
        assert answer.status_code == 400, url
        assert answer.json()["errors"][0]["field"] == "webhook_url"
    assert operator.call("GET", f"/tenants/{shop.id}/tools")["items"] == []
    operator.call("DELETE", f"/tenants/{shop.id}")
    operator.http.close()


async def test_a_webhook_that_asks_for_a_key_gets_the_tenants(tmp_path):
    def answer(request) -> Reply:
        is_known = request.headers.get("x-key") == "s3cret-of-the-webhook"
        return reply_json(RESULT) if is_known else reply_json({"message": "Forbidden"}, 403)

    async with (
        WebhookServer(respond=answer) as webhook,
        shop_with_webhook(tmp_path, webhook) as (server, operator, shop, visitor),
    ):
        server.expect("tool_failed")
        reply = await asyncio.to_thread(visitor.ask, QUESTION)
        assert [tool["status"] for tool in reply["tools"]] == ["failed"]

        def sign_in() -> None:
            credential = {
                "credential_type": "httpHeaderAuth",
                "name": "hook",
                "values": {"name": "X-Key", "value": "s3cret-of-the-webhook"},
                "hosts": [webhook.authority],
            }
            operator.call("POST", f"/tenants/{shop.id}/credentials", credential, status=201)
            path = f"/tenants/{shop.id}/tools/{operator.find_tool_id('get_order_status')}"
            named = {"credential": {"type": "httpHeaderAuth", "name": "hook"}}
            operator.call("PATCH", path, {"custom_config": named})

        await asyncio.to_thread(sign_in)
        reply = await asyncio.to_thread(visitor.ask, "Where is my order 778?")
        assert [tool["status"] for tool in reply["tools"]] == ["succeeded"]
        calls = await asyncio.to_thread(
            operator.http.get, f"/tool-executions/export?tenant_id={shop.id}"
        )
        assert len(calls.json()) == 2
        assert "s3cret" not in calls.text


async def test_a_webhook_that_hangs_is_not_waited_for_again_and_again(tmp_path):
    async with (
        WebhookServer([Hang(), Hang(), Hang(), reply_json(RESULT)]) as webhook,
        shop_with_webhook(tmp_path, webhook, custom_config={"timeout_s": 0.3}) as (
            server,
            operator,
            shop,
            visitor,
        ),
    ):
        server.expect("tool_failed", "tool_breaker_opened")
        tools = f"/tenants/{shop.id}/tools"

        def ask_all() -> list[str]:
            said = [visitor.ask(f"Where is my order {number}?") for number in range(771, 776)]
            assert {tool["status"] for reply in said for tool in reply["tools"]} == {"failed"}
            return [reply["message"]["content"] for reply in said]

        said = await asyncio.to_thread(ask_all)
        assert len(webhook.requests) == 3
        assert "asked again" not in " ".join(said)
        listed = await asyncio.to_thread(operator.call, "GET", tools)
        assert "did not answer in time" in listed["items"][0]["trouble"]
        path = f"{tools}/{operator.find_tool_id('get_order_status')}/test"
        body = {"parameters": {"order_number": "777"}}
        trial = await asyncio.to_thread(operator.call, "POST", path, body)
        assert trial["success"] is True
        reply = await asyncio.to_thread(visitor.ask, QUESTION)
        assert [tool["status"] for tool in reply["tools"]] == ["succeeded"]
        listed = await asyncio.to_thread(operator.call, "GET", tools)
        assert listed["items"][0]["trouble"] is None
