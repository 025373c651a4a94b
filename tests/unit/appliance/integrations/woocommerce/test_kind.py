from __future__ import annotations

import base64
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from appliance.domain.integration import EndpointParameter
from appliance.errors import InvalidInput
from tests.fakes.integrations import build_endpoint
from tests.fakes.webhook_server import Answer, Hang, HangUp, Reply, reply_json
from tests.fakes.woocommerce_server import order
from tests.fakes.woocommerce_shop import DANA, HOST, KEY, build_ready, open_shop

ORDER = {"order_number": "1001", "email": DANA}
NEW_ORDER = {"email": DANA, "product_id": "1", "quantity": 2}
CONFIG = {"store_url": f"https://{HOST}", **KEY}
PAGE = Reply(body=b"<html>hunter2</html>", content_type="text/html")


async def test_a_shop_is_asked_behind_its_address_and_signed(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        assert (await shop.call("find_order", ORDER)).is_success
        [request] = shop.server.requests
    assert (request.method, request.path) == ("GET", "/wp-json/wc/v3/orders")
    signed = base64.b64encode(b"ck_of-the-shop:cs_of-the-shop").decode()
    assert request.headers["authorization"] == f"Basic {signed}"
    query = parse_qs(urlsplit(request.target).query)
    assert (query["search"], query["page"], query["per_page"]) == ([DANA], ["1"], ["50"])
    assert "customer_note" not in query["_fields"][0]


async def test_a_shop_may_be_in_a_folder(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        assert not (await shop.open(store_url=f"https://{HOST}/shop/").test()).is_success
        assert shop.server.requests[0].path == "/shop/wp-json/wc/v3/orders"


async def test_an_order_is_found_on_a_later_page(tmp_path: Path) -> None:
    many = [order(number, DANA) for number in range(2_000, 2_120)]
    async with open_shop(tmp_path, orders=many) as shop:
        outcome = await shop.call("find_order", {"order_number": "2119", "email": DANA})
        assert (outcome.is_success, outcome.attempts) == (True, 3)
        assert len(shop.server.requests) == 3


@pytest.mark.parametrize(
    ("answer", "failure", "said"),
    [
        (Reply(status=301, headers=[("Location", "https://thief.example/")]), "unknown",
         "redirects elsewhere (301)"),
        (Reply(status=500, body=b"hunter2"), "unknown", "failed while answering (500)"),
        (Reply(status=429, headers=[("Retry-After", "90")]), "unreachable", "overloaded or down"),
        (PAGE, "unknown", "a web page in place of data"),
        (Reply(body=b" " * 10_000_000), "unknown", "larger than"),
        (HangUp(), "unknown", "broke off"),
        (reply_json({"code": "x", "message": "hunter2"}, 422), "refused", "did not accept"),
    ],
)  # fmt: skip
async def test_a_fault_is_told_to_the_operator(
    tmp_path: Path, answer: Answer, failure: str, said: str
) -> None:
    async with open_shop(tmp_path, faults=[answer]) as shop:
        outcome = await shop.call("create_order", NEW_ORDER)
        assert len(shop.server.requests) == 1
        assert shop.server.made == []
    assert (outcome.is_success, outcome.failure) == (False, failure)
    assert said in (outcome.error or "")
    assert "hunter2" not in (outcome.error or "")


async def test_a_shop_that_hangs_is_waited_for_no_longer_than_told(tmp_path: Path) -> None:
    async with open_shop(tmp_path, faults=[Hang()]) as shop:
        outcome = await shop.call("find_order", ORDER, timeout_s=0.3)
    assert "did not answer in time" in (outcome.error or "")


async def test_a_shop_that_asks_for_patience_gets_it(tmp_path: Path) -> None:
    busy = Reply(status=429, headers=[("Retry-After", "3")])
    async with open_shop(tmp_path, faults=[busy]) as shop:
        assert (await shop.call("find_order", ORDER)).attempts == 2
        assert shop.waits == [3.0]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"keys": {}}, "wrong or was revoked"),
        ({"keys": {"ck_of-the-shop": "cs_new"}}, "wrong or was revoked"),
        ({"permission": "write"}, "may not read"),
        ({"is_manager": False}, "shop manager"),
        ({"passes_header": False}, "withholds the Authorization header"),
        ({"has_permalinks": False}, "permalinks but plain ones"),
        ({"has_woocommerce": False}, "that WooCommerce is active"),
        ({"faults": [PAGE]}, "a web page in place of data"),
    ],
)
async def test_a_test_says_precisely_what_it_found(
    tmp_path: Path, state: dict[str, Any], said: str
) -> None:
    async with open_shop(tmp_path, **state) as shop:
        result = await shop.open().test()
    assert (result.is_success, said in result.message) == (False, True), result.message


async def test_a_sound_connection_is_told(tmp_path: Path) -> None:
    async with open_shop(tmp_path, permission="read") as shop:
        result = await shop.open().test()
        assert (result.is_success, "lets the key read orders" in result.message) == (True, True)
        outcome = await shop.call("create_order", NEW_ORDER)
        assert (outcome.failure, shop.server.made) == ("not_available", [])
        assert "permission Read/Write" in (outcome.error or "")


async def test_a_webhook_is_told_how_to_ask(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        told = await shop.open().describe(build_endpoint())
        plain = await shop.open().describe(None)
    assert told.api_url == f"https://{HOST}/wp-json/wc/v3/orders/{{number}}"
    assert told.api_key == "ck_of-the-shop:cs_of-the-shop"
    assert (told.auth_method, told.method) == ("basic", "GET")
    assert (plain.api_url, plain.method) == (f"https://{HOST}/wp-json/wc/v3", "GET")


async def test_an_own_endpoint_is_asked(tmp_path: Path) -> None:
    endpoint = build_endpoint(
        EndpointParameter(name="words", target="search"),
        EndpointParameter(name="size", target="per_page"),
        url_template="/products",
        response_mapping="[].sku",
    )
    async with open_shop(tmp_path) as shop:
        shop.kind.check_endpoint(endpoint, CONFIG)
        outcome = await shop.call(endpoint, {"words": "blue lamp", "size": 1})
        assert outcome.output == ["SKU-1"]
        unfit = await shop.call(endpoint, {"size": "many"})
        assert (unfit.failure, unfit.status) == ("refused", 400)
        assert "did not accept per_page" in (unfit.error or "")
        nowhere = await shop.call(build_endpoint(url_template="/nothing"), {})
        assert "url_template" in (nowhere.error or "")
        misfit = await shop.call(build_endpoint(url_template="/a/{b}"), {"b": ".."})
        assert (misfit.failure, misfit.status) == ("refused", None)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"query": "SELECT 1"}, "query"),
        ({"response_mapping": "a["}, "response_mapping"),
        ({"url_template": "orders"}, "url_template"),
        ({"method": "POST"}, "risk"),
        ({"parameters": [EndpointParameter(name="Authorization", location="header")]},
         "parameters.0.target"),
    ],
)  # fmt: skip
async def test_an_endpoint_that_cannot_be_asked_is_refused(
    tmp_path: Path, fields: dict[str, Any], field: str
) -> None:
    async with open_shop(tmp_path) as shop:
        with pytest.raises(InvalidInput) as caught:
            shop.kind.check_endpoint(build_endpoint(**fields), CONFIG)
        for name in ("find_order", "create_order"):
            shop.kind.check_endpoint(build_ready(name), CONFIG)
        checked = shop.kind.check_connection(CONFIG)
        assert shop.kind.find_hosts(checked) == (f"{HOST}:443",)
        assert shop.kind.check_connection(checked) == checked
    assert caught.value.errors[0].field == field
