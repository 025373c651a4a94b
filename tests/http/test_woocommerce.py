"""A shop at WooCommerce, connected by its operator and asked on behalf of visitors."""

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
from tests.fakes.webhook_server import Hang, Reply
from tests.fakes.woocommerce_server import FakeWooCommerce, order, product
from tests.http.clients import check_problem
from tests.http.shop_stage import DANA, ShopStage, shop_stage
from tests.http.slow_ollama import use_ollama

NAME = "lamps.example"
SECRET = "cs_of-the-shop"
CONFIG = {
    "store_url": f"https://{NAME}",
    "consumer_key": "ck_of-the-shop",
    "consumer_secret": SECRET,
}
MALLORY = "mallory@evil.example"


@asynccontextmanager
async def stage_at_woocommerce(
    folder: Path, settings: dict[str, str] | None = None
) -> AsyncIterator[tuple[ShopStage, FakeWooCommerce]]:
    authority = TestAuthority(folder)
    async with (
        FakeWooCommerce(
            tls=authority.serve(NAME),
            orders=[order(1001, DANA), order(1002, MALLORY)],
            products=[product(1, "Blue lamp"), product(2, "מנורה כחולה", price="45.50")],
        ) as server,
        shop_stage(folder, authority, {f"{NAME}:443": server.port}, settings) as stage,
    ):
        yield stage, server


async def test_a_visitor_asks_the_shop_in_english_and_hebrew(tmp_path: Path) -> None:
    async with stage_at_woocommerce(tmp_path) as (stage, server):

        def play() -> None:
            integration_id = stage.connect("woocommerce", **CONFIG)
            assert stage.call("POST", f"/integrations/{integration_id}/test")["success"]
            stage.use(integration_id, "find_order", "search_products")
            stranger = stage.visit()
            asked = len(server.requests)
            for question in ("Where is my order 1001?", "איפה ההזמנה שלי 1001?"):
                assert "120" not in stranger.say(question)
            assert len(server.requests) == asked
            dana, signed = stage.visit(), stage.sign_in()
            for question in ("Where is my order 1001?", "איפה ההזמנה שלי 1001?"):
                reply = dana.ask(question, **signed)
                assert [tool["status"] for tool in reply["tools"]] == ["succeeded"]
                assert "Blue lamp" in reply["message"]["content"]
            foreign = dana.ask("Where is my order 1002?", **signed)
            assert [tool["status"] for tool in foreign["tools"]] == ["failed"]
            guest = stage.visit()
            asked = len(server.requests)
            for _ in range(2):
                assert "60.00" in guest.say("Do you sell blue lamp?")
            assert len(server.requests) == asked + 1
            assert "45.5" in guest.say("יש לכם מנורה כחולה?")
            log = stage.read_log(integration_id)
            assert {line["outcome"] for line in log} == {"cached", "failed", "succeeded"}
            seen = json.dumps([dana.history(), stage.call("GET", "/integrations"), log])
            assert not [word for word in (SECRET, "+972-50", "own note", MALLORY) if word in seen]
            for visitor in (stranger, dana, guest):
                visitor.http.close()

        stage.server.expect("tool_failed")
        await asyncio.to_thread(play)


CALLS = {
    "Where is my order 1001?": ("find_order", {"order_number": "1001"}),
    "איפה ההזמנה שלי 1001?": ("find_order", {"order_number": "1001"}),
    "Do you sell lamps?": ("check_inventory", {"product": "lamp"}),
    "Buy it": ("create_order", {"product_id": "1", "quantity": 2}),
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
        stage_at_woocommerce(tmp_path, use_ollama(ollama)) as (stage, server),
    ):

        def play() -> None:
            integration_id = stage.connect("woocommerce", **CONFIG)
            stage.use(integration_id, "find_order", "check_inventory", "create_order")
            dana, signed = stage.visit(), stage.sign_in()
            for question in ("Where is my order 1001?", "איפה ההזמנה שלי 1001?"):
                assert "Blue lamp" in dana.say(question, **signed)
            assert "SKU-1" in dana.say("Do you sell lamps?", **signed)
            asked = dana.ask("Buy it", **signed)
            assert asked["tools"][-1]["status"] == "needs_confirmation"
            assert server.made == []
            assert "order-pay/5001" in dana.say("yes", **signed)
            dana.http.close()

        await asyncio.to_thread(play)
        assert [made["billing"] for made in server.made] == [{"email": DANA}]
        heard = json.dumps([chat["messages"] for chat in ollama.chats])
        assert not [word for word in (SECRET, "+972-50", "own note") if word in heard]


FAULTS: dict[str, Any] = {
    "wrong or was revoked": {"keys": {}},
    "may not read": {"permission": "write"},
    "permalinks but plain ones": {"has_permalinks": False},
    "failed while answering (500)": Reply(status=500, body=b"hunter2"),
    "a web page in place of data": Reply(body=b"<html>hunter2", content_type="text/html"),
    "did not answer in time": Hang(),
    "redirects elsewhere": Reply(status=302, headers=[("Location", "https://thief.example/")]),
    "larger than": Reply(body=b" " * 10_000_000),
}
HIDDEN = ("WooCommerce", "hunter2", "key", "ck_", "permalink")


async def test_what_fails_is_told_to_the_operator_and_not_to_the_visitor(tmp_path: Path) -> None:
    async with stage_at_woocommerce(tmp_path) as (stage, server):
        sound = dict(vars(server))

        def play() -> None:
            integration_id = stage.connect("woocommerce", **CONFIG, timeout_s=1.5)
            tool_id = stage.operator.find_tool_id("search_products")
            for said, fault in FAULTS.items():
                changes = fault if isinstance(fault, dict) else {"faults": [fault] * 3}
                vars(server).update(sound | changes)
                stage.use(integration_id, "search_products")
                visitor = stage.visit()
                reply = visitor.ask("Do you sell blue lamp?")
                assert [tool["status"] for tool in reply["tools"]] == ["failed"], said
                told = reply["message"]["content"]
                assert not [word for word in HIDDEN if word in told]
                line = stage.read_log(integration_id)[0]
                assert (line["outcome"], said in line["error"]) == ("failed", True), line
                visitor.http.close()
                stage.call("DELETE", f"/tools/{tool_id}", status=204)

        stage.server.expect("tool_failed", "breaker")
        await asyncio.to_thread(play)


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"store_url": f"http://{NAME}"}, "store_url"),
        ({"store_url": f"https://{NAME}/wp-json"}, "store_url"),
        ({"consumer_key": SECRET}, "consumer_key"),
        ({"consumer_secret": ""}, "consumer_secret"),
        ({"api_key": "x"}, "api_key"),
    ],
)
def test_a_connection_that_does_not_fit_names_the_field(
    operator: Any, shop: Any, config: dict[str, Any], field: str
) -> None:
    body = {
        "integration_type": "woocommerce",
        "name": "Shop",
        "connection_config": {**CONFIG, **config},
    }
    answered = operator.http.post(f"/tenants/{shop.id}/integrations", json=body)
    problem = check_problem(answered, 400, "validation_failed")
    assert problem["errors"][0]["field"] == f"connection_config.{field}"


def test_the_key_is_entered_again_for_another_shop(operator: Any, shop: Any) -> None:
    body = {"integration_type": "woocommerce", "name": "Shop", "connection_config": CONFIG}
    made = operator.call("POST", f"/tenants/{shop.id}/integrations", body, status=201)
    changes = {"connection_config": {"store_url": "https://thief.example"}}
    answered = operator.http.patch(f"/tenants/{shop.id}/integrations/{made['id']}", json=changes)
    problem = check_problem(answered, 400, "validation_failed")
    named = {error["field"] for error in problem["errors"]}
    assert named == {"connection_config.consumer_key", "connection_config.consumer_secret"}
