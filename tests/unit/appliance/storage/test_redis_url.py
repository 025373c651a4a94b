from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import ConfigurationError
from appliance.storage.redis_url import RedisAddress, parse_redis_url

CANARY = "c4n4ry-secret"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://cache", RedisAddress(host="cache")),
        ("redis://cache/", RedisAddress(host="cache")),
        ("redis://10.0.0.7:6380/3", RedisAddress(host="10.0.0.7", port=6380, database=3)),
        ("redis://:pass@cache", RedisAddress(host="cache", password="pass")),
        ("redis://me:p%40ss%2Fw%23@cache", RedisAddress(
            host="cache", username="me", password="p@ss/w#")),
        ("redis://[::1]:6379/1", RedisAddress(host="::1", database=1)),
        ("rediss://me@cache", RedisAddress(host="cache", username="me", is_tls=True)),
    ],
)  # fmt: skip
def test_an_address_is_read(url: str, address: RedisAddress):
    assert parse_redis_url(url) == address


def test_a_file_of_certificates_is_named_in_the_address(tmp_path: Path):
    file = tmp_path / "own ca.pem"
    file.write_text("")
    url = f"rediss://cache?ssl_ca_certs={str(file).replace(' ', '%20')}"
    assert parse_redis_url(url).ca_file == str(file)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://cache", "begins with"),
        ("redis://", "no host"),
        ("redis:///0", "no host"),
        (f"redis://:{CANARY}@", "no host"),
        (f"redis://:{CANARY}@cache:port", "port"),
        (f"redis://:{CANARY}@cache:70000", "port"),
        (f"redis://:{CANARY}@[::1", "host or port"),
        (f"redis://:{CANARY}#x@cache", "port"),
        (f"redis://:{CANARY}@cache/zero", "number of a database"),
        (f"redis://:{CANARY}@cache/-1", "number of a database"),
        (f"redis://:{CANARY}@cache/1/2", "number of a database"),
        (f"redis://:{CANARY}@cache/٣", "number of a database"),
        (f"redis://:{CANARY}@cache#1", "%23"),
        (f"redis://cache?password={CANARY}", "only option"),
        ("redis://cache?decode_responses=yes", "only option"),
        (f"redis://:{CANARY}@cache?ssl_ca_certs=/etc/passwd", "needs rediss"),
        (f"rediss://:{CANARY}@cache?ssl_ca_certs=/no/such/file", "no file"),
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(url: str, reason: str):
    with pytest.raises(ConfigurationError) as caught:
        parse_redis_url(url)
    assert caught.value.setting == "CSAI_CACHE_URL"
    assert reason in caught.value.message
    assert CANARY not in caught.value.message


def test_what_is_shown_names_the_server_and_no_credentials():
    address = parse_redis_url(f"rediss://{CANARY}:{CANARY}@[2001:db8::7]:6380/2")
    assert address.shown == "rediss://[2001:db8::7]:6380/2"
    assert CANARY not in f"{address} {address!r} {[address]}"
