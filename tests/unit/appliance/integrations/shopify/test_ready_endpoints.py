from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from graphql import parse, validate

from appliance.integrations.shopify.ready_endpoints import READY_ENDPOINTS, SCOPES
from tests.fakes.shopify_server import ALL_SCOPES, SCHEMA, order
from tests.fakes.shopify_shop import DANA, SHOP, build_ready, open_shop

MALLORY = "mallory@evil.example"
PRIVATE = ("+972-50", "the customer's own note", MALLORY, DANA)


@pytest.mark.parametrize("ready", READY_ENDPOINTS, ids=lambda ready: ready.endpoint_name)
async def test_each_can_be_stored_and_asked(tmp_path: Path, ready: Any) -> None:
    assert validate(SCHEMA, parse(ready.query)) == []
    async with open_shop(tmp_path) as shop:
        endpoint = build_ready(ready.endpoint_name)
        shop.kind.check_endpoint(endpoint, {"shop": SHOP, "access_token": "shpat_x"})
    assert set(SCOPES) < set(ALL_SCOPES)


async def test_an_order_is_shown_to_whom_it_belongs(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        for number in ("1001", "#1001"):
            outcome = await shop.call("find_order", {"order_number": number, "email": DANA.upper()})
            assert outcome.output == {
                "order_number": "#1001",
                "placed_at": "2026-03-01T09:00:00Z",
                "cancelled_at": None,
                "payment": "PAID",
                "status": "FULFILLED",
                "total": 120.0,
                "currency": "ILS",
                "items": [{"product": "Blue lamp", "quantity": 2}],
                "shipments": [
                    {
                        "parcel": "OUT_FOR_DELIVERY",
                        "expected_at": "2026-03-03T12:00:00Z",
                        "delivered_at": None,
                        "courier": "HFD",
                        "tracking_number": "HF1",
                        "tracking_url": "https://track.example/HF1",
                    }
                ],
            }


@pytest.mark.parametrize(
    "arguments",
    [
        {"order_number": "1002", "email": DANA},
        {"order_number": "1001", "email": MALLORY},
        {"order_number": "9999", "email": DANA},
        {"order_number": '1002" OR email:"' + MALLORY, "email": DANA},
        {"order_number": "*", "email": "*"},
        {"order_number": "1001", "email": ""},
        {"order_number": "1001"},
        {"email": DANA},
    ],
)
async def test_nobody_is_shown_anothers_order(tmp_path: Path, arguments: dict[str, Any]) -> None:
    async with open_shop(tmp_path) as shop:
        outcome = await shop.call("find_order", arguments)
        assert (outcome.is_success, outcome.output) == (False, None)
        assert outcome.failure in ("not_found", "refused")


async def test_a_search_that_brings_too_much_shows_nothing_of_others(tmp_path: Path) -> None:
    orders = [order(1001, MALLORY), order(1002, MALLORY), order(1001, DANA)]
    async with open_shop(tmp_path, orders=orders, searches_loosely=True) as shop:
        orders[1]["email"] = None
        everything: Any = (await shop.call("list_my_orders", {"email": DANA})).output
        assert len(everything["orders"]) == 1
        for wrong in ({"email": DANA, "order_number": "1002"}, {"email": "#", "order_number": "1"}):
            assert (await shop.call("find_order", wrong)).failure == "not_found"


async def test_a_visitors_orders_are_theirs(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        mine: Any = (await shop.call("list_my_orders", {"email": DANA})).output
        assert mine["outcome"] == "found"
        assert [one["order_number"] for one in mine["orders"]] == ["#1001", "#1003"]
        none = await shop.call("list_my_orders", {"email": "new@shop.example"})
        assert none.output == {"outcome": "none", "orders": []}
        shop.server.orders = [order(7, DANA, fulfillments=[])]
        waiting: Any = (await shop.call("list_my_orders", {"email": DANA})).output
    assert waiting["orders"][0]["shipments"] == []
    assert not [word for word in PRIVATE if word in json.dumps(mine)]


async def test_products_on_sale_are_found_with_price_and_stock(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        outcome = await shop.call("search_products", {"product": "lamp BLUE"})
        assert outcome.output == {
            "outcome": "found",
            "product": "lamp BLUE",
            "products": [
                {
                    "name": "Blue lamp",
                    "availability": "in_stock",
                    "stock": 7,
                    "price": 60.0,
                    "price_to": 60.0,
                    "currency": "ILS",
                    "url": "https://shop.example/products/1",
                }
            ],
        }
        hidden = await shop.call("search_products", {"product": "year", "status": "draft"})
        assert hidden.output == {"outcome": "none", "product": "year", "products": []}
        hebrew = await shop.call("check_inventory", {"product": "מנורה"})
        nothing: Any = (await shop.call("check_inventory", {"product": "boat"})).output
    assert hebrew.output == {
        "outcome": "several",
        "product": "מנורה",
        "products": [
            {
                "name": "מנורה כחולה - Large",
                "availability": "out_of_stock",
                "stock": 0,
                "price": 60.0,
                "article_number": "SKU-2",
                "product_id": "gid://shopify/ProductVariant/2",
            }
        ],
    }
    assert (nothing["outcome"], nothing["products"]) == ("not_found", [])


async def test_an_order_is_drafted_for_the_visitor(tmp_path: Path) -> None:
    new = {"email": DANA, "product_id": "gid://shopify/ProductVariant/1", "quantity": 2}
    async with open_shop(tmp_path) as shop:
        outcome = await shop.call("create_order", new)
        [draft] = shop.server.drafts
        refused = await shop.call("create_order", {**new, "product_id": "gid://shopify/X/9"})
        assert len(shop.server.drafts) == 1
    assert draft == {
        "email": DANA,
        "lineItems": [{"variantId": "gid://shopify/ProductVariant/1", "quantity": 2}],
    }
    assert outcome.output == {
        "order_number": "#D1",
        "payment_url": "https://shop.example/invoices/1",
        "total": 60.0,
        "currency": "ILS",
    }
    assert (refused.failure, refused.is_success) == ("refused", False)
    assert "input.lineItems.0.variantId" in (refused.error or "")
