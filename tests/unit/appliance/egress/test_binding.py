from __future__ import annotations

import pytest

from appliance.egress.binding import check_bound
from appliance.errors import Rejected


@pytest.mark.parametrize(
    ("host", "bound"),
    [
        ("shop.example", None),
        ("shop.example", ["shop.example"]),
        ("shop.example", ["other.example", " Shop.Example "]),
        ("shop.example", ["shop.example:443"]),
        ("::1", ["[::1]:443"]),
    ],
)
def test_a_bound_host_passes(host: str, bound: list[str] | None) -> None:
    check_bound(host, 443, bound)


@pytest.mark.parametrize(
    ("host", "bound"),
    [
        ("shop.example", []),
        ("shop.example", ["example"]),
        ("shop.example", ["shop.example:8443"]),
        ("shop.example.evil.example", ["shop.example"]),
        ("evil-shop.example", ["shop.example"]),
        ("::1", ["::1:443"]),
    ],
)
def test_any_other_host_is_refused(host: str, bound: list[str]) -> None:
    with pytest.raises(Rejected) as caught:
        check_bound(host, 443, bound)
    assert caught.value.code == "credential_bound"
