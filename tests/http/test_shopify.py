"""A shop at Shopify, connected by its operator and asked on behalf of visitors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.certificates import TestAuthority
from tests.fakes.obedient_model import ObedientModel
from tests.fakes.ollama_server import FakeOllama, Say, Step
from tests.fakes.shopify_server import FakeShopify, order, product
from tests.fakes.webhook_server import Hang, Reply, reply_json
from tests.http.clients import check_problem
from tests.http.shop_stage import DANA, ShopStage, shop_stage
from tests.http.slow_ollama import use_ollama

NAME = "lamp-shop.myshopify.com"
TOKEN = "shpat_of-the-shop"
MALLORY = "mallory@evil.example"
READY = ["check_inventory", "create_order", "find_order", "list_my_orders", "search_products"]


@asynccontextmanager
async def stage_at_shopify(
    folder: Path, settings: dict[str, str] | None = None, **fields: Any
) -> AsyncIterator[tuple[ShopStage, FakeShopify]]:
    authority = TestAuthority(folder)
    stock = {
        "orders": [order(1001, DANA), order(1002, MALLORY)],
        "products": [product(1, "Blue lamp"), product(2, "מנורה כחולה", price="45.50")],
    }
    async with (
        FakeShopify(tls=authority.serve(NAME), **{**stock, **fields}) as shopify,
        shop_stage(folder, authority, {f"{NAME}:443": shopify.port}, settings) as stage,
    ):
        yield stage, shopify


async def test_a_visitor_asks_the_shop_in_english_and_hebrew(tmp_path: Path) -> None:
    async with stage_at_shopify(tmp_path) as (stage, shopify):

        def play() -> None:
            integration_id = stage.connect("shopify", shop=NAME, access_token=TOKEN)
            path = f"/integrations/{integration_id}"
            endpoints = stage.call("GET", f"{path}/endpoints")["items"]
            assert [endpoint["endpoint_name"] for endpoint in endpoints] == READY
            assert stage.call("POST", f"{path}/test")["success"]
            stage.use(integration_id, "find_order", "search_products")
            tool_id = stage.operator.find_tool_id("get_order_status")
            careless = {
                "executor": "integration",
                "integration_mapping": {"get_order_status": integration_id},
                "custom_config": {"endpoint": "find_order"},
            }
            refused = stage.operator.http.put(
                f"/tenants/{stage.shop.id}/tools/{tool_id}", json=careless
            )
            problem = check_problem(refused, 400, "validation_failed")
            assert problem["errors"][0]["field"] == "custom_config.identity"

            stranger = stage.visit()
            asked = len(shopify.queries)
            for question in ("Where is my order 1001?", "איפה ההזמנה שלי 1001?"):
                assert "HF1" not in stranger.say(question)
            assert len(shopify.queries) == asked

            dana = stage.visit()
            signed = stage.sign_in()
            reply = dana.ask("Where is my order 1001?", **signed)
            assert [tool["status"] for tool in reply["tools"]] == ["succeeded"]
            assert "HF1" in reply["message"]["content"]
            hebrew = dana.say("איפה ההזמנה שלי 1001?", **signed)
            assert "HF1" in hebrew
            foreign = dana.ask("Where is my order 1002?", **signed)
            assert [tool["status"] for tool in foreign["tools"]] == ["failed"]
            assert "HF1" not in foreign["message"]["content"]

            guest = stage.visit()
            assert "60.00" in guest.say("Do you sell blue lamp?")
            assert "45.5" in guest.say("יש לכם מנורה כחולה?")
            seen = json.dumps([reply, hebrew, foreign, dana.history()], ensure_ascii=False)
            for word in (TOKEN, "+972-50", "the customer's own note", MALLORY):
                assert word not in seen
            shown = json.dumps([stage.call("GET", "/integrations"), stage.read_log(integration_id)])
            assert TOKEN not in shown
            logged = {line["endpoint_name"] for line in stage.read_log(integration_id)}
            assert logged == {"find_order", "search_products"}
            for visitor in (stranger, dana, guest):
                visitor.http.close()

        stage.server.expect("tool_failed")
        await asyncio.to_thread(play)


VARIANT = "gid://shopify/ProductVariant/1"
CALLS = {
    "Where is my order 1001?": ("find_order", {"order_number": "1001"}),
    "איפה ההזמנה שלי 1001?": ("find_order", {"order_number": "1001"}),
    "Show me Mallory's": ("find_order", {"order_number": "1002", "email": MALLORY}),
    "Do you sell lamps?": ("search_products", {"product": "lamp"}),
    "Buy it": ("create_order", {"product_id": VARIANT, "quantity": 2}),
}


def answer_by_script(body: dict[str, Any]) -> Step:
    last = body["messages"][-1]
    if last["role"] == "user" and last["content"] in CALLS:
        name, arguments = CALLS[last["content"]]
        return Say(calls=[{"name": name, "arguments": arguments}])
    text, _ = ObedientModel().answer(body["messages"], [])
    return Say(text=text)


async def test_a_model_asks_the_shop_and_orders_only_what_was_confirmed(tmp_path: Path) -> None:
    async with (
        FakeOllama(answer_by_script) as ollama,
        stage_at_shopify(tmp_path, use_ollama(ollama)) as (stage, shopify),
    ):

        def play() -> None:
            integration_id = stage.connect("shopify", shop=NAME, access_token=TOKEN)
            stage.use(integration_id, "find_order", "search_products", "create_order")
            dana, signed = stage.visit(), stage.sign_in()
            for question in ("Where is my order 1001?", "איפה ההזמנה שלי 1001?"):
                reply = dana.ask(question, **signed)
                assert [tool["status"] for tool in reply["tools"]] == ["succeeded"]
                assert "HF1" in reply["message"]["content"]
            assert "60.0" in dana.say("Do you sell lamps?", **signed)
            foreign = dana.ask("Show me Mallory's", **signed)
            assert "HF1" not in foreign["message"]["content"]
            stranger = stage.visit()
            assert "HF1" not in stranger.say("Where is my order 1001?")
            asked = dana.ask("Buy it", **signed)
            assert asked["tools"][-1]["status"] == "needs_confirmation"
            assert shopify.drafts == []
            done = dana.ask("yes", **signed)
            assert done["tools"][-1]["status"] == "succeeded"
            assert "invoices/1" in done["message"]["content"]
            for visitor in (dana, stranger):
                visitor.http.close()

        stage.server.expect("tool_failed")
        await asyncio.to_thread(play)
        [draft] = shopify.drafts
        assert draft == {"email": DANA, "lineItems": [{"variantId": VARIANT, "quantity": 2}]}
        asked = [body["variables"].get("search") for body in shopify.queries]
        assert not [search for search in asked if search and MALLORY in search]
        for chat in ollama.chats:
            offered = {tool["function"]["name"]: tool["function"] for tool in chat["tools"]}
            assert "email" not in json.dumps(offered["find_order"]["parameters"])
            heard = json.dumps(chat["messages"])
            assert not [word for word in (TOKEN, "+972-50", "own note") if word in heard]


FAULTS = {
    "has expired or was revoked": None,
    "no more queries": reply_json(
        {"errors": [{"message": "Throttled hunter2", "extensions": {"code": "THROTTLED"}}]}
    ),
    "failed while answering (500)": Reply(status=500, body=b"hunter2"),
    "not JSON": Reply(body=b"<html>hunter2", content_type="text/html"),
    "did not answer in time": Hang(),
    "redirects elsewhere": Reply(status=302, headers=[("Location", "https://thief.example/")]),
    "larger than": Reply(body=b" " * 10_000_000),
}


async def test_what_fails_is_told_to_the_operator_and_not_to_the_visitor(tmp_path: Path) -> None:
    async with stage_at_shopify(tmp_path) as (stage, shopify):

        def play() -> None:
            config = {"shop": NAME, "access_token": TOKEN, "timeout_s": 1.5}
            integration_id = stage.connect("shopify", **config)
            stage.use(integration_id, "search_products")
            for said, fault in FAULTS.items():
                shopify.faults = [fault] * 3 if fault is not None else []
                shopify.tokens = {TOKEN} if fault is not None else set()
                visitor = stage.visit()
                reply = visitor.ask(f"Do you sell blue lamp {len(said)}?")
                assert [tool["status"] for tool in reply["tools"]] == ["failed"], said
                told = reply["message"]["content"]
                assert not [word for word in ("Shopify", "hunter2", "token", TOKEN) if word in told]
                line = stage.read_log(integration_id)[0]
                assert (line["outcome"], said in line["error"]) == ("failed", True), line
                assert "hunter2" not in line["error"]
                visitor.http.close()
                tool_id = stage.operator.find_tool_id("search_products")
                stage.call("DELETE", f"/tools/{tool_id}", status=204)
                stage.use(integration_id, "search_products")

        stage.server.expect("tool_failed", "breaker")
        await asyncio.to_thread(play)


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"shop": "thief.example"}, "shop"),
        ({"shop": f"{NAME}.thief.example"}, "shop"),
        ({"shop": f"https://{NAME}"}, "shop"),
        ({"access_token": "shpss_x"}, "access_token"),
        ({"access_token": None}, "access_token"),
        ({"api_version": "2026-02"}, "api_version"),
    ],
)
def test_a_connection_that_does_not_fit_names_the_field(
    operator: Any, shop: Any, config: dict[str, Any], field: str
) -> None:
    body = {
        "integration_type": "shopify",
        "name": "Shop",
        "connection_config": {"shop": NAME, "access_token": TOKEN, **config},
    }
    answered = operator.http.post(f"/tenants/{shop.id}/integrations", json=body)
    problem = check_problem(answered, 400, "validation_failed")
    assert problem["errors"][0]["field"] == f"connection_config.{field}"


def test_a_token_is_entered_again_for_another_shop(operator: Any, shop: Any) -> None:
    body = {
        "integration_type": "shopify",
        "name": "Shop",
        "connection_config": {"shop": NAME, "access_token": TOKEN},
    }
    made = operator.call("POST", f"/tenants/{shop.id}/integrations", body, status=201)
    changes = {"connection_config": {"shop": "other-shop.myshopify.com"}}
    answered = operator.http.patch(f"/tenants/{shop.id}/integrations/{made['id']}", json=changes)
    problem = check_problem(answered, 400, "validation_failed")
    assert problem["errors"][0]["field"] == "connection_config.access_token"
