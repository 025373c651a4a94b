import pytest
from litestar.testing import RequestFactory

from appliance.web.client_address import ClientAddresses

PROXY = "10.0.0.7"


def _request(peer, forwarded=None):
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    request = RequestFactory().get("/", headers=headers)
    request.scope["client"] = (peer, 40_000)
    return request


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("198.51.100.1", None, "198.51.100.1"),
        ("198.51.100.1", "203.0.113.9", "198.51.100.1"),
        (PROXY, None, PROXY),
        (PROXY, "203.0.113.9", "203.0.113.9"),
        (PROXY, "192.0.2.66, 203.0.113.9", "203.0.113.9"),
        (PROXY, "203.0.113.9, 10.0.0.8", "203.0.113.9"),
        (PROXY, "not an address", "not an address"),
        (PROXY, " , ", PROXY),
    ],
)
def test_only_trusted_proxies_are_believed(peer, forwarded, expected):
    addresses = ClientAddresses(["10.0.0.0/8"])
    assert addresses.find(_request(peer, forwarded)) == expected


def test_without_trusted_proxies_the_header_means_nothing():
    assert ClientAddresses().find(_request(PROXY, "203.0.113.9")) == PROXY


def test_a_request_without_a_peer_has_a_name_too():
    request = RequestFactory().get("/")
    request.scope["client"] = None
    assert ClientAddresses(["10.0.0.0/8"]).find(request) == "unknown"
