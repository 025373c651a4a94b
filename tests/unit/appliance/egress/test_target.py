from __future__ import annotations

import pytest

from appliance.egress.target import read_redirect, read_target
from appliance.errors import Rejected


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("https://shop.example/a?b=c#d", ("https", "shop.example", 443), "/a?b=c"),
        ("HTTP://Shop.Example:8080", ("http", "shop.example", 8080), "/"),
        ("http://shop.example?x=1", ("http", "shop.example", 80), "/?x=1"),
        ("http://shop.example./x", ("http", "shop.example", 80), "/x"),
        ("http://[2606:4700::1]:81/", ("http", "2606:4700::1", 81), "/"),
        ("http://בית-קפה.example/תפריט", ("http", "xn----zhcbecz9f.example", 80), None),
        ("http://a_b.example/%2e%2e/x", ("http", "a_b.example", 80), "/%2e%2e/x"),
        ("http://1.2.3.4./", ("http", "1.2.3.4", 80), "/"),
    ],
)
def test_a_url_is_read_into_its_parts(
    url: str, origin: tuple[str, str, int], path: str | None
) -> None:
    target = read_target(url)
    assert target.scheme == origin[0]
    assert target.port == origin[2]
    assert target.path.isascii()
    if path is None:
        assert target.host.startswith("xn--")
    else:
        assert (target.host, target.path) == (origin[1], path)


@pytest.mark.parametrize(
    ("url", "header"),
    [
        ("http://shop.example/", "shop.example"),
        ("https://shop.example:443/", "shop.example"),
        ("https://shop.example:8443/", "shop.example:8443"),
        ("http://[::1]:81/", "[::1]:81"),
    ],
)
def test_the_host_header_names_a_port_only_when_it_is_unusual(url: str, header: str) -> None:
    assert read_target(url).host_header == header


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example",
        "//shop.example/",
        "ftp://shop.example/",
        "file:///etc/passwd",
        "gopher://shop.example:70/_x",
        "javascript:alert(1)",
        "unix:///run/docker.sock",
        "http:///x",
        "http:shop.example",
        "http://user@shop.example/",
        "http://user:word@shop.example/",
        "http://shop.example:99999/",
        "http://shop.example:0/",
        "http://shop.example:x/",
        "http://shop example/",
        "http://shop.example/a b",
        "http://shop.example/\r\nX-A: b",
        "http://shop.example\\@evil.example/",
        "http://sh%6fp.example/",
        "http://-shop.example/",
        "http://shop..example/",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://017700000001/",
        "http://127.1/",
        "http://1.2.3/",
        "http://1.2.3.4.5/",
        "http://0177.0.0.1/",
        "http://0x7f.0.0.1/",
        "http://shop.0x7f/",
        "http://127.0.0.01/",
        "http://x/" + "y" * 9_000,
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(url: str) -> None:
    with pytest.raises(Rejected) as caught:
        read_target(url)
    assert caught.value.code == "egress_denied"


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/b", "/b"),
        ("b?c=1", "/dir/b?c=1"),
        ("?c=2", "/dir/a?c=2"),
        ("//shop.example:8080/z", "/z"),
    ],
)
def test_a_relative_redirect_is_joined(location: str, expected: str) -> None:
    base = read_target("http://shop.example/dir/a")
    target = read_redirect(base, location)
    assert (target.host, target.path) == ("shop.example", expected)


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "http://u:p@x/", "/a\tb", "http://1/", "http://[::1", "//[1:ſ]/"],
)
def test_a_redirect_is_read_as_strictly(location: str) -> None:
    with pytest.raises(Rejected):
        read_redirect(read_target("http://shop.example/"), location)
