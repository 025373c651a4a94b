"""Which texts are addresses of the web."""

from __future__ import annotations

import pytest

from appliance.domain.web_addresses import is_web_address


@pytest.mark.parametrize(
    "text",
    [
        "https://shop.example",
        "http://127.0.0.1:8080/demo?a=1#top",
        "HTTPS://shop.example/%D7%A4",
        "https://[::1]/",
    ],
)
def test_addresses_of_the_web(text):
    assert is_web_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "ftp://shop.example/",
        "//shop.example/",
        "/pizza",
        "https://",
        "https:///pizza",
        "https://shop.example:0/",
        "https://shop.example:99999/",
        "https://[::1/",
        "https://shop.example/a b",
        "https://shop.example/\n",
        "https://shop.example/פיצה",
        " https://shop.example/",
    ],
)
def test_other_texts(text):
    assert not is_web_address(text)
