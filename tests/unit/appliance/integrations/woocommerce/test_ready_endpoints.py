from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.integrations.woocommerce.ready_endpoints import READY_ENDPOINTS
from tests.fakes.woocommerce_server import order
from tests.fakes.woocommerce_shop import DANA, HOST, KEY, build_ready, open_shop

MALLORY = "mallory@evil.example"
PRIVATE = ("+972-50", "the customer's own note", MALLORY, DANA)


@pytest.mark.parametrize("ready", READY_ENDPOINTS, ids=lambda ready: ready.endpoint_name)
async def test_each_can_be_stored(tmp_path: Path, ready: Any) -> None:
    async with open_shop(tmp_path) as shop:
        config = {"store_url": f"https://{HOST}", **KEY}
        shop.kind.check_endpoint(build_ready(ready.endpoint_name), config)


async def test_an_order_is_shown_to_whom_it_belongs(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        found = await shop.call("find_order", {"order_number": "#1001", "email": DANA.upper()})
        assert found.output == {
            "order_number": "1001",
            "status": "processing",
            "placed_at": "2026-03-01T09:00:00",
            "paid_at": "2026-03-01T09:01:00",
            "completed_at": None,
            "total": 120.0,
            "currency": "ILS",
            "items": [{"product": "Blue lamp", "quantity": 2}],
        }
        renumbered = await shop.call("find_order", {"order_number": "a-1003", "email": DANA})
        assert renumbered.is_success


@pytest.mark.parametrize(
    "arguments",
    [
        {"order_number": "1002", "email": DANA},
        {"order_number": "1001", "email": MALLORY},
        {"order_number": "77", "email": DANA},  # an id, where the order has a number of its own
        {"order_number": "9999", "email": DANA},
        {"order_number": "1002", "email": "shop.example"},
        {"order_number": "1002&search=" + MALLORY, "email": DANA},
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


async def test_a_visitors_orders_are_theirs(tmp_path: Path) -> None:
    # The search looks at the whole billing address: another's may hold Dana's.
    orders = [order(1, DANA), order(2, MALLORY, billing={"email": MALLORY, "company": DANA})]
    async with open_shop(tmp_path, orders=orders) as shop:
        outcome = await shop.call("list_my_orders", {"email": DANA})
        other = await shop.call("find_order", {"order_number": "2", "email": DANA})
    listed: Any = outcome.output
    assert listed["outcome"] == "found"
    assert [one["order_number"] for one in listed["orders"]] == ["1"]
    assert other.failure == "not_found"
    assert not [word for word in PRIVATE if word in json.dumps(listed)]


async def test_products_on_sale_are_found_with_price_and_stock(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        outcome = await shop.call("search_products", {"product": "blue LAMP"})
        assert outcome.output == {
            "outcome": "found",
            "product": "blue LAMP",
            "products": [
                {
                    "name": "Blue lamp",
                    "availability": "in_stock",
                    "stock": 7,
                    "price": 60.0,
                    "url": "https://lamps.example/product/1/",
                }
            ],
        }
        hebrew = await shop.call("check_inventory", {"product": "מנורה", "quantity": 3})
        shop.server.products[0]["stock_status"] = "onbackorder"
        made: Any = (await shop.call("search_products", {"product": "lamp"})).output
        none: Any = (await shop.call("search_products", {"product": "boat"})).output
    assert hebrew.output == {
        "outcome": "several",
        "product": "מנורה",
        "products": [
            {
                "name": "מנורה כחולה",
                "availability": "out_of_stock",
                "stock": 0,
                "price": 60.0,
                "article_number": "SKU-2",
                "product_id": 2,
            }
        ],
    }
    assert made["products"][0]["availability"] == "made_to_order"
    assert (none["outcome"], none["products"]) == ("none", [])


async def test_an_order_is_made_for_the_visitor_to_pay(tmp_path: Path) -> None:
    new = {"email": DANA, "product_id": "1", "quantity": 2}
    async with open_shop(tmp_path) as shop:
        outcome = await shop.call("create_order", new)
        refused = await shop.call("create_order", {**new, "product_id": "99"})
        [made] = shop.server.made
    assert made == {
        "billing": {"email": DANA},
        "line_items": [{"product_id": "1", "quantity": 2}],
        "status": "pending",
    }
    assert outcome.output == {
        "order_number": "5001",
        "payment_url": "https://lamps.example/checkout/order-pay/5001/",
        "total": 120.0,
        "currency": "ILS",
    }
    assert (refused.failure, refused.status) == ("refused", 400)
