from __future__ import annotations

import pytest
from msgspec import Struct

from appliance.errors import InvalidInput
from appliance.integrations.connection_fields import (
    Secret,
    check_address,
    find_host,
    find_secret_fields,
)


class Connection(Struct):
    name: str
    token: Secret
    password: Secret | None = None


def test_secret_fields_are_found_also_where_they_may_be_absent() -> None:
    assert find_secret_fields(Connection) == {"token", "password"}


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Shop.example/api", "shop.example:443"),
        ("http://shop.example.", "shop.example:80"),
        ("https://shop.example:8443/", "shop.example:8443"),
        ("http://[::1]:9000", "[::1]:9000"),
    ],
)
def test_an_address_leads_to_a_host_and_port(url: str, host: str) -> None:
    check_address(url, field="base_url")
    assert find_host(url) == host


@pytest.mark.parametrize(
    "url",
    [
        "shop.example", "ftp://shop.example", "https://", "https://a:b@shop.example",
        "https://shop.example:0", "https://shop.example:x", "https://shop.example/?a=1",
        "https://shop.example/#a", "https://[::1",
    ],
)  # fmt: skip
def test_what_is_no_plain_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_address(url, field="base_url")
    assert caught.value.errors[0].field == "connection_config.base_url"
