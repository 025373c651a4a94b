from __future__ import annotations

from typing import Any

import pytest

from appliance.errors import InvalidInput
from appliance.integrations.rest.connection import SECRET_FIELDS, read_connection

URL = "https://shop.example/api"


def test_exactly_the_secrets_are_secret() -> None:
    assert {"api_key", "password", "client_secret"} == SECRET_FIELDS


def test_secrets_go_to_the_system_and_to_the_token_server() -> None:
    config = {
        "base_url": URL, "auth": "oauth2", "token_url": "https://id.example:8443/token",
        "client_id": "c", "client_secret": "s",
    }  # fmt: skip
    assert read_connection(config).find_hosts() == ("shop.example:443", "id.example:8443")


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({}, "base_url"),
        ({"base_url": "shop.example"}, "base_url"),
        ({"base_url": URL, "auth": "magic"}, "auth"),
        ({"base_url": URL, "unknown": 1}, "unknown"),
        ({"base_url": URL, "auth": "header"}, "api_key"),
        ({"base_url": URL, "auth": "query"}, "api_key"),
        ({"base_url": URL, "auth": "bearer"}, "api_key"),
        ({"base_url": URL, "auth": "basic", "username": "u"}, "password"),
        ({"base_url": URL, "auth": "oauth2", "client_id": "c"}, "token_url"),
        ({"base_url": URL, "token_url": "x"}, "token_url"),
        ({"base_url": URL, "api_key_name": "a b"}, "api_key_name"),
        ({"base_url": URL, "headers": {"Authorization": "x"}}, "headers.Authorization"),
        ({"base_url": URL, "headers": {"a b": "x"}}, "headers.a b"),
        ({"base_url": URL, "headers": {"a": "b\r\nc: d"}}, "headers.a"),
        ({"base_url": URL, "headers": {"a\n": "b"}}, "headers.a\n"),
        ({"base_url": URL, "auth": "bearer", "api_key": "k\r\nc: d"}, "api_key"),
        ({"base_url": URL, "auth": "basic", "username": "u", "password": "p\x7f"}, "password"),
        ({"base_url": URL, "auth": "query", "api_key": "k", "api_key_name": "k\n"}, "api_key_name"),
        (
            {"base_url": URL, "auth": "header", "api_key": "k", "headers": {"x-api-key": "x"}},
            "headers.x-api-key",
        ),
        ({"base_url": URL, "test_path": "orders"}, "test_path"),
        ({"base_url": URL, "timeout_s": 0}, "timeout_s"),
        ({"base_url": URL, "timeout_s": 61}, "timeout_s"),
    ],
)
def test_a_connection_that_cannot_work_is_refused(config: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_connection(config)
    assert caught.value.errors[0].field == f"connection_config.{field}"
