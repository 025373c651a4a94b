from __future__ import annotations

from typing import Any

import pytest

from appliance.errors import InvalidInput
from appliance.integrations.shopify.connection import SECRET_FIELDS, read_connection

TOKEN = {"access_token": "shpat_0123"}
CLIENT = {"client_id": "c", "client_secret": "s"}
SHOP = "lamp-shop.myshopify.com"


def test_a_shop_is_named_in_small_letters() -> None:
    connection = read_connection({"shop": " Lamp-Shop.MyShopify.com", **TOKEN})
    assert connection.url == f"https://{SHOP}/admin/api/2026-10/graphql.json"
    assert (connection.host, connection.token_client) == (f"{SHOP}:443", None)
    assert {"access_token", "client_secret"} == SECRET_FIELDS


def test_an_apps_credentials_fetch_tokens_at_the_shop_alone() -> None:
    client = read_connection({"shop": SHOP, **CLIENT}).token_client
    assert client is not None
    assert client.token_url == f"https://{SHOP}/admin/oauth/access_token"
    assert (client.client_id, client.client_secret, client.client_auth) == ("c", "s", "body")


@pytest.mark.parametrize(
    "shop",
    [
        "", "lamp-shop", "https://lamp-shop.myshopify.com", "lamp-shop.myshopify.com/admin",
        "lamp-shop.myshopify.com:8443", "lamp-shop.myshopify.com.thief.example",
        "thief.example/.myshopify.com", "thief.example#.myshopify.com", "a.b.myshopify.com",
        "user@lamp-shop.myshopify.com", "lamp-shop.myshopify.com.", "-x.myshopify.com",
        "lamp shop.myshopify.com", "lamp-shop.myshopify.com\nx", "lamp\u2010shop.myshopify.com",
        "myshopify.com", ".myshopify.com", "shop.example", "127.0.0.1", "ℓamp.myshopify.com",
        "lamp-shop.xmyshopify.com", "lamp-shop.myshopify.co", "lamp_shop.myshopify.com",
    ],
)  # fmt: skip
def test_anything_but_a_shops_own_name_is_refused(shop: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_connection({"shop": shop, **TOKEN})
    [error] = caught.value.errors
    assert error.field == "connection_config.shop"
    assert "my-shop.myshopify.com" in error.message


@pytest.mark.parametrize(
    ("config", "field", "said"),
    [
        ({}, "access_token", "either"),
        ({**TOKEN, **CLIENT}, "access_token", "either"),
        ({"client_id": "c"}, "client_secret", "both"),
        ({"client_secret": "s"}, "client_id", "both"),
        ({"access_token": "shpss_0123"}, "access_token", "secret key"),
        ({"access_token": "shpat 0123"}, "access_token", "blanks"),
        ({"access_token": "shpat_ש"}, "access_token", "ASCII"),
        ({"access_token": "a\r\nX: y"}, "access_token", "blanks"),
        ({**TOKEN, "api_version": "2026-11"}, "api_version", ""),
        ({**TOKEN, "api_version": "unstable"}, "api_version", ""),
        ({**TOKEN, "api_version": "2026-10\n"}, "api_version", ""),
        ({**TOKEN, "timeout_s": 0}, "timeout_s", ""),
        ({**TOKEN, "base_url": "https://thief.example"}, "base_url", ""),
    ],
)
def test_a_field_that_does_not_fit_is_named(config: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_connection({"shop": SHOP, **config})
    [error] = caught.value.errors
    assert error.field == f"connection_config.{field}"
    assert said in error.message
