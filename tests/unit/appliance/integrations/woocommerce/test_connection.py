from __future__ import annotations

import base64
from typing import Any

import pytest

from appliance.errors import InvalidInput
from appliance.integrations.woocommerce.connection import SECRET_FIELDS, read_connection

KEY = {"consumer_key": "ck_1", "consumer_secret": "cs_2"}


@pytest.mark.parametrize(
    ("store_url", "api_url", "host"),
    [
        ("https://shop.example", "https://shop.example/wp-json/wc/v3", "shop.example:443"),
        (" https://shop.example/ ", "https://shop.example/wp-json/wc/v3", "shop.example:443"),
        (
            "https://shop.example:8443/blog//",
            "https://shop.example:8443/blog/wp-json/wc/v3",
            "shop.example:8443",
        ),
    ],
)
def test_the_api_is_behind_the_shops_address(store_url: str, api_url: str, host: str) -> None:
    connection = read_connection({"store_url": store_url, **KEY})
    assert (connection.api_url, connection.host) == (api_url, host)
    assert connection.authorization == "Basic " + base64.b64encode(b"ck_1:cs_2").decode()
    assert {"consumer_key", "consumer_secret"} == SECRET_FIELDS


@pytest.mark.parametrize(
    ("config", "field", "said"),
    [
        ({"store_url": "http://shop.example"}, "store_url", "https"),
        ({"store_url": "shop.example"}, "store_url", ""),
        ({"store_url": "https://u:p@shop.example"}, "store_url", "without user"),
        ({"store_url": "https://shop.example?rest_route=/"}, "store_url", "without user"),
        ({"store_url": "https://shop.example/wp-json/wc/v3"}, "store_url", "without /wp-json"),
        ({"store_url": "ftp://shop.example"}, "store_url", ""),
        ({"consumer_key": "cs_2"}, "consumer_key", "begins with 'ck_'"),
        ({"consumer_secret": "ck_1"}, "consumer_secret", "begins with 'cs_'"),
        ({"consumer_key": "ck_1 "}, "consumer_key", "begins with"),
        ({"consumer_secret": "cs_1\r\n"}, "consumer_secret", "begins with"),
        ({"consumer_key": None}, "consumer_key", ""),
        ({"base_url": "x"}, "base_url", ""),
        ({"timeout_s": 61}, "timeout_s", ""),
    ],
)
def test_a_field_that_does_not_fit_is_named(config: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_connection({"store_url": "https://shop.example", **KEY, **config})
    [error] = caught.value.errors
    assert error.field == f"connection_config.{field}"
    assert said in error.message
