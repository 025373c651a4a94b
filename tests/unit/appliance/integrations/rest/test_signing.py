from __future__ import annotations

import base64
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.fakes.integrations import build_endpoint, open_json_api
from tests.fakes.webhook_server import Reply, reply_json

ENDPOINT = build_endpoint(url_template="/orders?page=1")


@pytest.mark.parametrize(
    ("config", "header", "value"),
    [
        ({"auth": "header", "api_key": "k1"}, "x-api-key", "k1"),
        ({"auth": "header", "api_key": "k1", "api_key_name": "X-Mine"}, "x-mine", "k1"),
        ({"auth": "bearer", "api_key": "k1"}, "authorization", "Bearer k1"),
        (
            {"auth": "basic", "username": "דנה", "password": "p:w"},
            "authorization",
            "Basic " + base64.b64encode("דנה:p:w".encode()).decode(),
        ),
    ],
)
async def test_a_request_is_signed_in_a_header(
    config: dict[str, Any], header: str, value: str
) -> None:
    async with open_json_api() as api:
        assert (await api.call(ENDPOINT, {}, **config, headers={"X-Shop": "7"})).is_success
        [request] = api.server.requests
    assert request.headers[header] == value
    assert request.headers["x-shop"] == "7"
    assert request.headers["accept"] == "application/json"


async def test_a_request_is_signed_in_its_query() -> None:
    async with open_json_api() as api:
        await api.call(ENDPOINT, {}, auth="query", api_key="k&1=", api_key_name="key")
        [request] = api.server.requests
    assert parse_qs(urlsplit(request.target).query) == {"page": ["1"], "key": ["k&1="]}


async def test_nothing_is_signed_without_a_credential() -> None:
    async with open_json_api() as api:
        await api.call(ENDPOINT, {})
    assert "authorization" not in api.server.requests[0].headers


async def test_a_refused_key_is_not_sent_again() -> None:
    async with open_json_api(reply_json({}, 401)) as api:
        await api.call(ENDPOINT, {}, auth="bearer", api_key="k")
        assert len(api.server.requests) == 1


async def test_a_credential_follows_no_redirect() -> None:
    moved = Reply(status=307, headers=[("Location", "https://thief.example/")])
    async with open_json_api(moved) as api:
        outcome = await api.call(ENDPOINT, {}, auth="bearer", api_key="k")
        assert "redirects elsewhere" in (outcome.error or "")
