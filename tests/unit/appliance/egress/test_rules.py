from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from appliance.egress.rules import EgressRules
from appliance.errors import ConfigurationError, Rejected


def passes(rules: EgressRules, host: str, port: int, *addresses: str) -> bool:
    try:
        rules.check(host, port, [ip_address(address) for address in addresses])
    except Rejected:
        return False
    return True


@pytest.mark.parametrize(
    ("allow", "host", "port", "address", "expected"),
    [
        ([], "shop.example", 443, "93.184.216.34", True),
        ([], "shop.example", 443, "10.0.0.7", False),
        (["erp.lan"], "erp.lan", 80, "10.0.0.7", True),
        (["ERP.lan."], "erp.lan", 80, "10.0.0.7", True),
        (["erp.lan"], "other.lan", 80, "10.0.0.7", False),
        (["erp.lan"], "x.erp.lan", 80, "10.0.0.7", False),
        (["erp.lan:8069"], "erp.lan", 8069, "10.0.0.7", True),
        (["erp.lan:8069"], "erp.lan", 80, "10.0.0.7", False),
        (["erp.lan"], "erp.lan", 80, "169.254.169.254", False),
        (["erp.lan"], "erp.lan", 80, "::ffff:169.254.169.254", False),
        (["erp.lan"], "erp.lan", 80, "0.0.0.0", False),
        (["127.0.0.1:5678"], "127.0.0.1", 5678, "127.0.0.1", True),
        (["127.0.0.1:5678"], "localhost", 5678, "127.0.0.1", True),
        (["127.0.0.1:5678"], "127.0.0.1", 8081, "127.0.0.1", False),
        (["127.0.0.1:5678"], "127.0.0.2", 5678, "127.0.0.2", False),
        (["127.0.0.1"], "127.0.0.1", 1, "127.0.0.1", True),
        (["10.1.0.0/16"], "erp.lan", 80, "10.1.2.3", True),
        (["10.1.0.0/16"], "erp.lan", 80, "10.2.0.1", False),
        (["169.254.7.7"], "printer", 80, "169.254.7.7", True),
        (["::1"], "localhost", 80, "::1", True),
        (["[::1]"], "localhost", 80, "::1", True),
        (["[::1]:8080"], "localhost", 8080, "::1", True),
        (["[::1]:8080"], "localhost", 80, "::1", False),
        (["fd00::/8"], "nas", 80, "fd12::1", True),
    ],
)
def test_an_entry_opens_exactly_what_it_names(
    allow: Sequence[str], host: str, port: int, address: str, expected: bool
) -> None:
    assert passes(EgressRules(allow=allow), host, port, address) is expected


def test_one_bad_address_among_good_ones_closes_the_name() -> None:
    rules = EgressRules()
    assert passes(rules, "x.example", 80, "8.8.8.8", "1.1.1.1")
    assert not passes(rules, "x.example", 80, "8.8.8.8", "127.0.0.1")


def test_a_name_without_addresses_is_closed() -> None:
    assert not passes(EgressRules(allow=["erp.lan"]), "erp.lan", 80)


def test_an_operator_s_own_url_opens_its_host_and_port() -> None:
    rules = EgressRules(trusted=["http://localhost:5678/", "http://192.168.1.9"])
    assert passes(rules, "localhost", 5678, "127.0.0.1")
    assert not passes(rules, "localhost", 8081, "127.0.0.1")
    assert passes(rules, "192.168.1.9", 80, "192.168.1.9")
    assert not passes(rules, "192.168.1.9", 22, "192.168.1.9")


def test_a_refusal_tells_the_operator_what_to_add() -> None:
    with pytest.raises(Rejected, match=r"adding erp\.lan:8069 to CSAI_EGRESS_ALLOW") as caught:
        EgressRules().check("erp.lan", 8069, [ip_address("10.0.0.7")])
    assert caught.value.code == "egress_denied"


@pytest.mark.parametrize("entry", ["", "http://x", "x/y", "user@x", "10.0.0.0/33", "127.1", "a b"])
def test_an_entry_that_means_nothing_is_named(entry: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        EgressRules(allow=[entry])
    assert caught.value.setting == "CSAI_EGRESS_ALLOW"


def test_an_unusable_own_url_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError):
        EgressRules(trusted=["http://user:word@n8n/"])
