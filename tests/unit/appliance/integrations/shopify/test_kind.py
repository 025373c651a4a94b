from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from appliance.domain.integration import EndpointParameter
from appliance.errors import InvalidInput
from tests.fakes.integrations import build_endpoint
from tests.fakes.shopify_server import VERSIONS
from tests.fakes.shopify_shop import DANA, SHOP, build_ready, open_shop
from tests.fakes.webhook_server import Answer, Hang, HangUp, Reply, reply_json

ORDER = {"order_number": "1001", "email": DANA}
NEW_ORDER = {"email": DANA, "product_id": "gid://shopify/ProductVariant/1", "quantity": 2}
CLIENT = {"client_id": "app", "client_secret": "shpss_of-the-app"}
PAGE = Reply(body=b"<html>hunter2</html>", content_type="text/html")


async def test_a_shop_is_asked_with_its_token_in_shopifys_header(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        outcome = await shop.call("find_order", ORDER)
        [request] = shop.server.requests
    assert (outcome.is_success, outcome.status, outcome.attempts) == (True, 200, 1)
    assert request.path == "/admin/api/2026-10/graphql.json"
    assert request.headers["x-shopify-access-token"] == "shpat_of-the-shop"
    assert request.headers["host"] == SHOP
    assert request.json()["variables"] == {"search": f'name:"1001" AND email:"{DANA}"'}


async def test_an_app_fetches_its_token_and_again_when_it_is_refused(tmp_path: Path) -> None:
    async with open_shop(tmp_path, clients={"app": "shpss_of-the-app"}) as shop:
        for _ in range(2):
            assert (await shop.call("find_order", ORDER, **CLIENT)).is_success
        paths = [request.path.rpartition("/")[2] for request in shop.server.requests]
        assert paths == ["access_token", "graphql.json", "graphql.json"]
        shop.server.tokens.clear()
        outcome = await shop.call("find_order", ORDER, **CLIENT)
        assert (outcome.is_success, outcome.attempts) == (True, 2)
        described = await shop.open(**CLIENT).describe(None)
        assert described.api_key in shop.server.tokens


async def test_an_app_that_shopify_does_not_know_is_told(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        result = await shop.open(**CLIENT).test()
    assert not result.is_success
    assert "check client_id, client_secret" in result.message


@pytest.mark.parametrize(
    ("answer", "failure", "said"),
    [
        (reply_json({"errors": "hunter2"}, 402), "not_available", "frozen"),
        (reply_json({"errors": "hunter2"}, 403), "not_available", "scopes"),
        (reply_json({"errors": "hunter2"}, 423), "not_available", "locked"),
        (Reply(status=301, headers=[("Location", "https://thief.example/")]), "unknown",
         "redirects elsewhere (301)"),
        (Reply(status=500, body=b"hunter2"), "unknown", "failed while answering (500)"),
        (PAGE, "unknown", "not JSON"),
        (Reply(body=b"[" * 5_000), "unknown", "not JSON"),
        (Reply(body=b" " * 10_000_000), "unknown", "larger than"),
        (HangUp(), "unknown", "broke off"),
        (reply_json({"errors": [{"message": "hunter2", "extensions": {"code": "TIMEOUT"}}]}),
         "unknown", "took too long"),
    ],
)  # fmt: skip
async def test_a_fault_is_told_to_the_operator(
    tmp_path: Path, answer: Answer, failure: str, said: str
) -> None:
    async with open_shop(tmp_path, faults=[answer]) as shop:
        outcome = await shop.call("create_order", NEW_ORDER)
        assert shop.server.drafts == []
    assert (outcome.is_success, outcome.failure, outcome.output) == (False, failure, None)
    assert said in (outcome.error or "")
    assert "hunter2" not in (outcome.error or "")


async def test_a_shop_that_hangs_is_waited_for_no_longer_than_told(tmp_path: Path) -> None:
    async with open_shop(tmp_path, faults=[Hang()]) as shop:
        outcome = await shop.call("find_order", ORDER, timeout_s=0.3)
    assert (outcome.failure, outcome.attempts) == ("unknown", 1)
    assert "did not answer in time" in (outcome.error or "")


async def test_a_revoked_token_is_told_precisely(tmp_path: Path) -> None:
    async with open_shop(tmp_path, tokens=set()) as shop:
        outcome = await shop.call("find_order", ORDER)
        tested = await shop.open().test()
        assert len(shop.server.requests) == 2
    assert (outcome.failure, outcome.status) == ("not_available", 401)
    assert "has expired or was revoked" in (outcome.error or "")
    assert (tested.is_success, tested.message) == (False, outcome.error)


async def test_a_throttled_query_is_repeated_when_it_can_be_paid(tmp_path: Path) -> None:
    async with open_shop(tmp_path, available=0.0) as shop:
        outcome = await shop.call("find_order", ORDER)
        assert (outcome.is_success, outcome.attempts) == (True, 2)
        cost = shop.server.costs[0]
        assert shop.waits == [-(-cost // 100)]


async def test_the_next_query_waits_until_it_can_be_paid(tmp_path: Path) -> None:
    async with open_shop(tmp_path, available=300.0) as shop:
        assert (await shop.call("find_order", ORDER)).attempts == 1
        assert shop.waits == []
        assert (await shop.call("find_order", ORDER)).attempts == 1
        assert len(shop.waits) == 1


async def test_a_throttled_write_was_not_done_and_is_not_repeated(tmp_path: Path) -> None:
    async with open_shop(tmp_path, available=0.0) as shop:
        outcome = await shop.call("create_order", NEW_ORDER)
        assert (outcome.failure, outcome.attempts) == ("unreachable", 1)
        assert "no more queries" in (outcome.error or "")


async def test_a_lacking_scope_is_told(tmp_path: Path) -> None:
    async with open_shop(tmp_path, scopes=("read_products",)) as shop:
        outcome = await shop.call("find_order", ORDER)
        assert outcome.failure == "not_available"
        assert "scope that the endpoint needs" in (outcome.error or "")
        tested = await shop.open().test()
    assert tested.is_success
    assert "Without the scope read_orders, find_order and list_my_orders" in tested.message
    assert "write_draft_orders, create_order" in tested.message
    assert "read_products" not in tested.message
    assert "60 days" not in tested.message


async def test_a_sound_connection_is_told_with_what_to_know(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        assert (await shop.open().test()).message == "Shopify answers and accepts the credential."
        shop.server.scopes = ("read_products", "read_orders", "write_draft_orders")
        assert "60 days" in (await shop.open().test()).message


async def test_a_version_that_shopify_no_longer_has_is_told(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        tested = await shop.open(api_version="2025-01").test()
    assert tested.is_success
    assert f"answers in {VERSIONS[0]}: set api_version" in tested.message


async def test_a_shop_that_does_not_exist_is_told(tmp_path: Path) -> None:
    async with open_shop(tmp_path, faults=[reply_json({"errors": "Not Found"}, 404)]) as shop:
        tested = await shop.open().test()
        elsewhere = await shop.open(shop="nobody-at-all.myshopify.com", timeout_s=3).test()
    assert "no such shop" in tested.message
    assert not elsewhere.is_success


async def test_a_webhook_is_told_how_to_ask(tmp_path: Path) -> None:
    async with open_shop(tmp_path) as shop:
        told = await shop.open().describe(build_ready("find_order"))
    assert told.api_url == f"https://{SHOP}/admin/api/2026-10/graphql.json"
    assert (told.api_key, told.auth_method, told.method) == (
        "shpat_of-the-shop", "header", "POST",
    )  # fmt: skip
    assert told.api_key_name == "X-Shopify-Access-Token"


async def test_an_own_endpoint_is_asked(tmp_path: Path) -> None:
    query = """query ($n: Int!, $search: String!) {
      products(first: $n, query: $search) { nodes { id } }
    }"""
    endpoint = build_endpoint(
        EndpointParameter(name="count", location="body", target="n", default=1),
        EndpointParameter(name="state", target="status"),
        url_template="",
        query=query,
        response_mapping="products.nodes[].id",
    )
    async with open_shop(tmp_path) as shop:
        shop.kind.check_endpoint(endpoint, {"shop": SHOP, "access_token": "shpat_x"})
        outcome = await shop.call(endpoint, {"state": "draft"})
        assert outcome.output == ["gid://shopify/Product/3"]
        unfit = await shop.call(endpoint, {"state": "draft", "count": "many"})
        assert unfit.failure == "refused"
        broken = await shop.call(build_endpoint(url_template="", query="{ shop { nam } }"), {})
        assert "(undefinedField) at line 1, column 10" in (broken.error or "")


@pytest.mark.parametrize(
    ("fields", "parameter", "field"),
    [
        ({"url_template": "/orders"}, None, "url_template"),
        ({"query": None}, None, "query"),
        ({"query": "{ a } { b }"}, None, "query"),
        ({"query": "mutation { a }"}, None, "risk"),
        ({"query": "{ a }", "response_mapping": "a["}, None, "response_mapping"),
        ({"query": "{ a }"}, {"location": "path"}, "parameters.0.location"),
        ({"query": "{ a }"}, {"location": "header"}, "parameters.0.location"),
        ({"query": "{ a }"}, {"location": "body"}, "parameters.0"),
        ({"query": "{ a }"}, {"location": "query"}, "parameters.0"),
        ({"query": "query ($search: S) { a }"}, {"target": "a OR b"}, "parameters.0.target"),
        ({"query": "query ($x: I) { a }"}, {"location": "body", "target": "x.\n"},
         "parameters.0.target"),
    ],
)  # fmt: skip
async def test_an_endpoint_that_cannot_be_asked_is_refused(
    tmp_path: Path, fields: dict[str, Any], parameter: dict[str, Any] | None, field: str
) -> None:
    parameters = [EndpointParameter(name="x", **parameter)] if parameter else []
    endpoint = build_endpoint(*parameters, **{"url_template": "", **fields})
    async with open_shop(tmp_path) as shop:
        with pytest.raises(InvalidInput) as caught:
            shop.kind.check_endpoint(endpoint, {"shop": SHOP, "access_token": "shpat_x"})
    assert caught.value.errors[0].field == field


async def test_a_parameter_is_there_once(tmp_path: Path) -> None:
    twice = EndpointParameter(name="x", location="body")
    endpoint = build_endpoint(twice, twice, url_template="", query="query ($x: I) { a }")
    async with open_shop(tmp_path) as shop:
        with pytest.raises(InvalidInput) as caught:
            shop.kind.check_endpoint(endpoint, {"shop": SHOP, "access_token": "shpat_x"})
        checked = shop.kind.check_connection({"shop": SHOP, "access_token": "shpat_x"})
        assert shop.kind.check_connection(checked) == checked
        assert shop.kind.find_hosts(checked) == (f"{SHOP}:443",)
    assert caught.value.errors[0].field == "parameters.1.name"
