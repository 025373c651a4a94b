from __future__ import annotations

from typing import Any

import pytest

from appliance.domain.integration import EndpointParameter
from appliance.errors import InvalidInput
from tests.fakes.integrations import build_endpoint, build_integration, open_json_api
from tests.fakes.webhook_server import Reply, reply_json

NUMBER = EndpointParameter(name="number", location="path")
KEY = {"auth": "bearer", "api_key": "key-of-the-shop"}


async def test_an_endpoint_is_asked_and_its_answer_mapped() -> None:
    answer = reply_json({"order": {"state": "shipped", "internal": 1}})
    async with open_json_api(answer) as api:
        endpoint = build_endpoint(NUMBER, response_mapping="order.{status: state}")
        outcome = await api.call(endpoint, {"number": "7"}, **KEY)
        [request] = api.server.requests
    assert (outcome.is_success, outcome.output) == (True, {"status": "shipped"})
    assert (outcome.status, outcome.attempts, outcome.sent) == (200, 1, {"number": "7"})
    assert (request.method, request.target) == ("GET", "/orders/7")


async def test_a_misfitting_argument_asks_nobody() -> None:
    async with open_json_api() as api:
        outcome = await api.call(build_endpoint(NUMBER), {"number": ".."}, **KEY)
        assert api.server.requests == []
    assert not outcome.is_success
    assert "'number' does not fit" in (outcome.error or "")


async def test_a_mapping_that_does_not_fit_is_the_operators() -> None:
    async with open_json_api(reply_json({"order": 1})) as api:
        endpoint = build_endpoint(NUMBER, response_mapping="sum(order)")
        outcome = await api.call(endpoint, {"number": "7"})
    assert "correct the response_mapping" in (outcome.error or "")


@pytest.mark.parametrize(
    ("answer", "is_success", "said"),
    [
        (reply_json([]), True, "answers and accepts the credential"),
        (reply_json({}, 401), False, "refused the stored credential (401)"),
        (reply_json({}, 403), False, "refused the stored credential (403)"),
        (reply_json({}, 404), False, "knows no '/ping' (404). Set test_path"),
        (Reply(body=b"<html>"), False, "not with JSON at '/ping'"),
        (reply_json({}, 500), False, "failed while answering (500)"),
    ],
)
async def test_a_test_says_precisely_what_it_found(
    answer: Any, is_success: bool, said: str
) -> None:
    async with open_json_api(answer) as api:
        integration = api.build_integration(**KEY, test_path="/ping")
        result = await api.kind.open(integration).test()
        assert api.server.requests[0].target == "/ping"
    assert result.is_success is is_success
    assert said in result.message


async def test_a_test_names_an_address_that_is_not_allowed() -> None:
    async with open_json_api() as api:
        found = build_integration({"base_url": "http://127.0.0.2:1"})
        result = await api.kind.open(found).test()
    assert "CSAI_EGRESS_ALLOW" in result.message


async def test_a_test_without_a_credential_says_so_much() -> None:
    async with open_json_api() as api:
        result = await api.kind.open(api.build_integration()).test()
    assert (result.is_success, result.message) == (True, "The system answers.")


@pytest.mark.parametrize(
    ("config", "key", "method", "name"),
    [
        ({}, None, "none", None),
        (KEY, "key-of-the-shop", "bearer", None),
        ({"auth": "header", "api_key": "k"}, "k", "header", "X-API-Key"),
        ({"auth": "query", "api_key": "k", "api_key_name": "token"}, "k", "query", "token"),
        ({"auth": "basic", "username": "u", "password": "p"}, "u:p", "basic", None),
    ],
)
async def test_a_webhook_is_told_how_to_ask(
    config: dict[str, Any], key: str | None, method: str, name: str | None
) -> None:
    async with open_json_api() as api:
        opened = api.kind.open(api.build_integration(**config))
        described = await opened.describe(build_endpoint(method="POST"))
        plain = await opened.describe(None)
    assert described.api_url == f"{api.base_url}/orders/{{number}}"
    assert (described.api_key, described.auth_method, described.method) == (key, method, "POST")
    assert described.api_key_name == name
    assert (plain.api_url, plain.method) == (api.base_url, "GET")


async def test_a_webhook_gets_an_access_token_not_the_clients_secret() -> None:
    async with open_json_api(reply_json({"access_token": "t"})) as api:
        opened = api.kind.open(
            api.build_integration(
                auth="oauth2", token_url=f"{api.base_url}/token", client_id="c",
                client_secret="s",
            )
        )  # fmt: skip
        described = await opened.describe(None)
    assert (described.api_key, described.auth_method) == ("t", "bearer")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"query": "SELECT 1"}, "query"),
        ({"response_mapping": "a["}, "response_mapping"),
        ({"url_template": "x"}, "url_template"),
        (
            {"parameters": [EndpointParameter(name="authorization", location="header")]},
            "parameters.0.target",
        ),
        (
            {"parameters": [EndpointParameter(name="X-Shop", location="header")]},
            "parameters.0.target",
        ),
    ],
)
async def test_an_endpoint_that_cannot_be_asked_is_refused(
    fields: dict[str, Any], field: str
) -> None:
    config = {"base_url": "https://shop.example", "headers": {"x-shop": "7"}, **KEY}
    async with open_json_api() as api:
        with pytest.raises(InvalidInput) as caught:
            api.kind.check_endpoint(build_endpoint(**fields), config)
    assert caught.value.errors[0].field == field


async def test_a_connection_is_checked_and_filled_in() -> None:
    async with open_json_api() as api:
        checked = api.kind.check_connection({"base_url": "https://shop.example"})
        assert api.kind.check_connection(checked) == checked
        assert (checked["auth"], checked["timeout_s"]) == ("none", 15.0)
        with pytest.raises(InvalidInput):
            api.kind.open(build_integration({}))
