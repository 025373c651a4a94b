from __future__ import annotations

import ssl
from typing import Any

import pytest

from appliance.errors import InvalidInput
from appliance.integrations.database.connection import SECRET_FIELDS, read_connection
from tests.fakes.certificates import TestAuthority

SERVER = {"engine": "postgresql", "host": "db.example", "database": "shop", "username": "reader"}


def test_only_the_password_is_a_secret() -> None:
    assert frozenset({"password"}) == SECRET_FIELDS


@pytest.mark.parametrize(
    ("fields", "hosts"),
    [
        ({}, ("db.example:5432",)),
        ({"engine": "mysql"}, ("db.example:3306",)),
        ({"engine": "mariadb", "port": 3307}, ("db.example:3307",)),
        ({"host": "2001:db8::1"}, ("[2001:db8::1]:5432",)),
    ],
)
def test_the_password_goes_to_the_server(fields: dict[str, Any], hosts: tuple[str, ...]) -> None:
    assert read_connection({**SERVER, **fields}).find_hosts() == hosts


def test_a_file_has_no_host() -> None:
    connection = read_connection({"engine": "sqlite", "file": "shop.db"})
    assert connection.find_hosts() == ()


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({**SERVER, "engine": "oracle"}, "engine"),
        ({**SERVER, "host": None}, "host"),
        ({**SERVER, "host": "db.example/x"}, "host"),
        ({**SERVER, "host": "user@db.example"}, "host"),
        ({**SERVER, "host": "db.example other"}, "host"),
        ({"engine": "postgresql", "host": "db.example", "username": "reader"}, "database"),
        ({"engine": "mysql", "host": "db.example", "database": "shop"}, "username"),
        ({**SERVER, "file": "shop.db"}, "file"),
        ({**SERVER, "port": 0}, "port"),
        ({**SERVER, "tls": "maybe"}, "tls"),
        ({**SERVER, "timeout_s": 31}, "timeout_s"),
        ({**SERVER, "max_rows": 0}, "max_rows"),
        ({**SERVER, "ca_certificate": "x"}, "tls"),
        ({**SERVER, "tls": "verify", "ca_certificate": "x"}, "ca_certificate"),
        ({"engine": "sqlite"}, "file"),
        ({"engine": "sqlite", "file": "shop.db", "password": "x"}, "password"),
        ({"engine": "sqlite", "file": "shop.db", "host": "db.example"}, "host"),
        ({"engine": "sqlite", "file": "../shop.db"}, "file"),
        ({"engine": "sqlite", "file": "a/shop.db"}, "file"),
        ({"engine": "sqlite", "file": "a\\shop.db"}, "file"),
        ({"engine": "sqlite", "file": "/etc/passwd"}, "file"),
        ({"engine": "sqlite", "file": ".."}, "file"),
        ({"engine": "sqlite", "file": ".hidden"}, "file"),
        ({"engine": "sqlite", "file": "shop.db?mode=rw"}, "file"),
        ({"engine": "sqlite", "file": "shop.db\n"}, "file"),
        ({"engine": "sqlite", "file": "shop.db\x00"}, "file"),
        ({"engine": "sqlite", "file": "file:shop.db"}, "file"),
        ({"engine": "sqlite", "file": "%2e%2e"}, "file"),
    ],
)
def test_what_does_not_fit_is_named(config: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_connection(config)
    assert [error.field for error in caught.value.errors] == [f"connection_config.{field}"]


def test_tls_checks_what_it_says(tmp_path: Any) -> None:
    pem = TestAuthority(tmp_path).certificate_pem.decode()

    def build(**fields: Any) -> ssl.SSLContext | None:
        return read_connection({**SERVER, **fields}).build_tls()

    assert build(tls="off") is None
    for tls in ("auto", "require"):
        lenient = build(tls=tls)
        assert lenient is not None
        assert lenient.verify_mode == ssl.CERT_NONE
    strict = build(tls="verify", ca_certificate=pem)
    assert strict is not None
    assert (strict.verify_mode, strict.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert "A test's authority" in str(strict.get_ca_certs())
