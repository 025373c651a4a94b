from __future__ import annotations

import asyncio
import base64
from typing import Any
from urllib.parse import parse_qs

import pytest

from appliance.errors import UpstreamError
from appliance.integrations.access_tokens import TokenClient
from appliance.integrations.rest.connection import read_connection
from tests.fakes.integrations import JsonApi, build_endpoint, open_json_api
from tests.fakes.loopback_http import SeenRequest
from tests.fakes.webhook_server import Answer, Reply, reply_json

ENDPOINT = build_endpoint(url_template="/orders?page=1")
SECRETS = {"client_id": "my client", "client_secret": "s:ecret&"}


class OAuthShop:
    """A token server and the API behind it, at one port."""

    def __init__(self, **more: Any) -> None:
        self.good = "token-1"
        self.given: list[str] = []
        self.more = {"token_type": "Bearer", "expires_in": 100, **more}

    def respond(self, request: SeenRequest) -> Answer:
        if request.path == "/token":
            self.good = f"token-{len(self.given) + 1}"
            self.given.append(self.good)
            return reply_json({"access_token": self.good, **self.more})
        if request.headers.get("authorization") != f"Bearer {self.good}":
            return reply_json({}, 401)
        return reply_json({"orders": []})


def oauth(api: JsonApi, **more: Any) -> dict[str, Any]:
    return {"auth": "oauth2", "token_url": f"{api.base_url}/token", **SECRETS, **more}


def client(api: JsonApi, **more: Any) -> TokenClient:
    return read_connection({"base_url": api.base_url, **oauth(api, **more)}).token_client


async def test_an_access_token_is_fetched_once_and_used_until_it_expires() -> None:
    shop = OAuthShop()
    async with open_json_api(respond=shop.respond) as api:
        for _ in range(3):
            assert (await api.call(ENDPOINT, {}, **oauth(api, scope="read"))).is_success
        assert shop.given == ["token-1"]
        token_request = api.server.requests[0]
        assert parse_qs(token_request.body.decode()) == {
            "grant_type": ["client_credentials"],
            "scope": ["read"],
        }
        expected = base64.b64encode(b"my+client:s%3Aecret%26").decode()
        assert token_request.headers["authorization"] == f"Basic {expected}"
        api.clock.advance(71)
        assert (await api.call(ENDPOINT, {}, **oauth(api, scope="read"))).is_success
        assert shop.given == ["token-1", "token-2"]


async def test_a_client_may_sign_in_in_the_body() -> None:
    shop = OAuthShop()
    async with open_json_api(respond=shop.respond) as api:
        assert (await api.call(ENDPOINT, {}, **oauth(api, client_auth="body"))).is_success
        sent = api.server.requests[0]
    assert "authorization" not in sent.headers
    assert parse_qs(sent.body.decode())["client_secret"] == ["s:ecret&"]


async def test_a_refused_token_is_renewed_once() -> None:
    shop = OAuthShop()
    async with open_json_api(respond=shop.respond) as api:
        await api.call(ENDPOINT, {}, **oauth(api))
        shop.good = "revoked for another"
        outcome = await api.call(ENDPOINT, {}, **oauth(api))
        assert (outcome.is_success, outcome.attempts) == (True, 2)
        assert shop.given == ["token-1", "token-2"]


async def test_a_token_that_is_never_accepted_is_told() -> None:
    async def call(api: JsonApi) -> None:
        outcome = await api.call(ENDPOINT, {}, **oauth(api))
        assert not outcome.is_success
        assert "refused the stored credential" in (outcome.error or "")

    def refuse(request: SeenRequest) -> Answer:
        if request.path == "/token":
            return reply_json({"access_token": "t", "token_type": "bearer"})
        return reply_json({}, 401)

    async with open_json_api(respond=refuse) as api:
        await call(api)
        assert [request.path for request in api.server.requests] == [
            "/token", "/orders", "/token", "/orders",
        ]  # fmt: skip


async def test_calls_at_once_fetch_one_token() -> None:
    shop = OAuthShop()
    async with open_json_api(respond=shop.respond) as api:
        outcomes = await asyncio.gather(*(api.call(ENDPOINT, {}, **oauth(api)) for _ in range(8)))
    assert all(outcome.is_success for outcome in outcomes)
    assert shop.given == ["token-1"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (reply_json({"error": "invalid_client", "hint": "theirs"}, 401), "client_secret"),
        (reply_json({"error": "invalid_scope"}, 400), "scope"),
        (reply_json({}, 500), "status 500"),
        (reply_json({"access_token": ""}), "no access token"),
        (reply_json({"access_token": "t", "token_type": "mac"}), "cannot be used"),
        (reply_json({"access_token": "t\r\nX: y"}), "cannot be used"),
        (Reply(body=b"<html>"), "no access token"),
        (Reply(body=b"[" * 5_000), "no access token"),
        (Reply(body=b'{"access_token": "\xf9"}'), "no access token"),
    ],
)
async def test_a_token_server_that_gives_none_is_told(answer: Answer, said: str) -> None:
    async with open_json_api(answer) as api:
        with pytest.raises(UpstreamError, match=said) as caught:
            await api.tokens.get(client(api))
        assert "theirs" not in caught.value.message
        result = await api.kind.open(api.build_integration(**oauth(api))).test()
    assert not result.is_success
    assert said in result.message


async def test_two_shops_never_share_a_token() -> None:
    shop = OAuthShop()
    async with open_json_api(respond=shop.respond) as api:
        other = client(api, client_secret="other")
        assert await api.tokens.get(client(api)) != await api.tokens.get(other)


async def test_a_client_follows_no_redirect() -> None:
    moved = Reply(status=307, headers=[("Location", "https://thief.example/")])
    async with open_json_api(moved) as api:
        with pytest.raises(UpstreamError, match="check token_url"):
            await api.tokens.get(client(api))
