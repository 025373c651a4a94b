from __future__ import annotations

from ipaddress import ip_address

import pytest

from appliance.egress.addresses import judge_address, read_literal

PUBLIC = (
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:80b::200e",
    "2001:470::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
)
PRIVATE = (
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "::1",
    "fc00::1",
    "fd00:ec2::254",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
)
FORBIDDEN = (
    "0.0.0.0",
    "0.1.2.3",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::2",
    "::127.0.0.1",
    "::ffff:0:7f00:1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "2001:470::5efe:7f00:1",
    "3fff::1",
    "5f00::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "4000::1",
)


@pytest.mark.parametrize("text", PUBLIC)
def test_a_server_on_the_internet_is_public(text: str) -> None:
    assert judge_address(ip_address(text)) == "public"


@pytest.mark.parametrize("text", PRIVATE)
def test_an_own_machine_or_network_is_private(text: str) -> None:
    assert judge_address(ip_address(text)) == "private"


@pytest.mark.parametrize("text", FORBIDDEN)
def test_what_is_no_shop_s_server_is_forbidden(text: str) -> None:
    assert judge_address(ip_address(text)) == "forbidden"


@pytest.mark.parametrize("text", ["127.1", "0x7f.0.0.1", "0177.0.0.1", "2130706433", "1.2.3"])
def test_an_unusual_spelling_is_not_an_address(text: str) -> None:
    assert read_literal(text) is None
