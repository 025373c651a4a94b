"""MySQL's protocol with a real MariaDB: its types, its users, its encryption, and its end."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from appliance.domain.integration import EndpointParameter
from appliance.egress import EgressClient
from appliance.errors import Rejected, UpstreamError
from appliance.integrations.database import mysql
from appliance.integrations.database.connection import read_connection
from tests.fakes.certificates import TestAuthority
from tests.fakes.integrations import build_integration
from tests.fakes.mariadb_server import MariaDbServer, start_mariadb
from tests.fakes.shop_databases import OWNER, MariaDbShop, build_kind, build_query, open_shop

HOST = "db.shop.example"
SLOW = "SELECT COUNT(*) FROM seq_1_to_1000000000 WHERE SQRT(seq) < 0"


@pytest_asyncio.fixture
async def shop(tmp_path: Path) -> AsyncIterator[MariaDbShop]:
    async with open_shop("mariadb", tmp_path) as opened:
        assert isinstance(opened, MariaDbShop)
        yield opened


async def test_values_of_its_types_are_json(shop: MariaDbShop) -> None:
    shop.server.execute(
        "CREATE TABLE kinds (price decimal(10, 2), day date, moment datetime(3), clock time, "
        "bytes varbinary(5), doc json, bits bit(3), made year, kind enum('a', 'b'), "
        "several set('a', 'b'), large bigint unsigned, half double, flag boolean, "
        "hebrew varchar(20) CHARACTER SET hebrew, strict varchar(20) COLLATE utf8mb4_bin)",
        "INSERT INTO kinds VALUES (19.90, '2026-01-02', '2026-01-02 03:04:05.678', '-30:01:02', "
        "x'00ff', '{\"a\": [1]}', 5, 2026, 'a', 'a,b', 18446744073709551615, 1.5, true, "
        "'כובע', 'כובע')",
        database=shop.database,
    )
    outcome = await shop.ask("SELECT * FROM kinds")
    assert outcome.output == [
        {
            "price": "19.90", "day": "2026-01-02", "moment": "2026-01-02T03:04:05.678000",
            "clock": "-P1DT6H1M2S", "bytes": "AP8=", "doc": '{"a": [1]}', "bits": "BQ==",
            "made": 2026, "kind": "a", "several": "a,b", "large": "18446744073709551615",
            "half": 1.5, "flag": 1, "hebrew": "כובע", "strict": "כובע",
        }
    ]  # fmt: skip
    for column in ("hebrew", "strict"):
        outcome = await shop.ask(
            f"SELECT made FROM kinds WHERE {column} = :word",
            EndpointParameter(name="word"),
            arguments={"word": "כובע"},
        )
        assert outcome.output == [{"made": 2026}], outcome.error


@pytest.mark.parametrize("right", ["FILE", "SUPER", "ALL PRIVILEGES", "CREATE USER"])
async def test_a_user_who_may_do_everything_is_refused(shop: MariaDbShop, right: str) -> None:
    shop.server.execute(
        "CREATE OR REPLACE USER csai_mighty IDENTIFIED BY 'x'",
        f"GRANT {right} ON *.* TO csai_mighty",
        f"GRANT SELECT ON {shop.database}.* TO csai_mighty",
    )
    opened = shop.open("csai_mighty", password="x")
    outcome = await opened.call(build_query("SELECT 1"), {})
    assert (outcome.is_success, outcome.failure) == (False, "not_available")
    assert right in str(outcome.error)
    assert not (await opened.test()).is_success
    shop.server.execute("DROP USER csai_mighty")


async def test_a_role_counts_as_its_users_rights(shop: MariaDbShop) -> None:
    shop.server.execute(
        "CREATE ROLE csai_role",
        "GRANT FILE ON *.* TO csai_role",
        "CREATE OR REPLACE USER csai_member IDENTIFIED BY 'x'",
        "GRANT csai_role TO csai_member",
        f"GRANT SELECT ON {shop.database}.* TO csai_member",
        "SET DEFAULT ROLE csai_role FOR csai_member",
    )
    outcome = await shop.ask("SELECT 1", username="csai_member", password="x")
    shop.server.execute("DROP USER csai_member", "DROP ROLE csai_role")
    assert "FILE" in str(outcome.error)


async def test_a_user_who_may_write_is_warned_of(shop: MariaDbShop) -> None:
    result = await shop.open(OWNER).test()
    assert result.is_success
    assert f"may also change {shop.database}.*" in result.message


async def test_a_wrong_password_is_told(shop: MariaDbShop) -> None:
    result = await shop.open(password="wrong").test()
    assert "does not let 'csai_reader' in" in result.message


async def test_a_right_that_is_missing_is_named(shop: MariaDbShop) -> None:
    outcome = await shop.ask("SELECT user FROM mysql.user")
    assert "grant SELECT" in str(outcome.error)


async def test_a_value_of_any_size_is_not_read(shop: MariaDbShop) -> None:
    outcome = await shop.ask("SELECT lpad('x', 4100000, 'x') AS a")
    assert outcome.failure == "no_answer"
    assert "larger than" in str(outcome.error)


@asynccontextmanager
async def own_server(*options: str) -> AsyncIterator[MariaDbServer]:
    server = await asyncio.to_thread(start_mariadb, *options)
    try:
        server.execute(
            "CREATE DATABASE shop", "CREATE USER csai_reader IDENTIFIED BY 'x'",
            "GRANT SELECT ON shop.* TO csai_reader",
        )  # fmt: skip
        yield server
    finally:
        await asyncio.to_thread(server.stop)


def connect(server: MariaDbServer, http: EgressClient, **more: Any) -> Any:
    config = {
        "engine": "mysql", "host": "127.0.0.1", "port": server.port, "database": "shop",
        "username": "csai_reader", "password": "x", **more,
    }  # fmt: skip
    return build_kind(http, None).open(build_integration(config, integration_type="database"))


async def test_a_server_that_hangs_or_ends_is_given_up() -> None:
    async with own_server() as server:
        http = EgressClient([f"127.0.0.1:{server.port}"])
        opened = connect(server, http, timeout_s=1)
        server.freeze()
        outcome = await opened.call(build_query("SELECT 1"), {})
        assert "did not answer in time" in str(outcome.error)
        server.thaw()
        running = asyncio.ensure_future(
            connect(server, http, timeout_s=20).call(build_query(SLOW), {})
        )
        await wait_for_query(server)
        await asyncio.to_thread(server.kill)
        outcome = await running
        assert (outcome.failure, outcome.is_success) == ("no_answer", False)
        assert "broke off" in str(outcome.error)
        outcome = await opened.call(build_query("SELECT 1"), {})
        assert outcome.failure == "unreachable"
        # A query that cannot be tried is kept.
        await opened.try_endpoint(build_query("SELECT a FROM no_such_table"))
        await http.aclose()


async def wait_for_query(server: MariaDbServer) -> None:
    connection = await asyncio.to_thread(server.connect)
    cursor = connection.cursor()
    async with asyncio.timeout(10):
        while True:
            cursor.execute(
                "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'EXECUTE%'"
            )
            [found] = cursor.fetchone()
            cursor.execute(
                "SELECT count(*) FROM information_schema.processlist WHERE info LIKE '%seq_1_to%' "
                "AND id <> connection_id()"
            )
            if found + cursor.fetchone()[0]:
                break
            await asyncio.sleep(0.01)
    connection.close()


async def test_encryption_and_certificates(tmp_path: Path) -> None:
    authority = TestAuthority(tmp_path)
    authority.serve(HOST)
    pem = authority.certificate_pem.decode()
    # The server runs as somebody else, who may not look into the test's folder.
    folder = Path(tempfile.mkdtemp(prefix="csai-tls-"))
    folder.chmod(0o755)  # noqa: ASYNC240
    copy = folder / "server.pem"
    shutil.copy(tmp_path / f"{HOST}.pem", copy)
    copy.chmod(0o644)

    async def resolve(host: str, port: int) -> list[Any]:
        return [ip_address("127.0.0.1")]

    async with own_server(f"--ssl-cert={copy}", f"--ssl-key={copy}") as server:
        http = EgressClient([HOST, "other.example"], resolver=resolve)

        async def test(**fields: Any) -> str:
            return str((await connect(server, http, **{"host": HOST, **fields}).test()).message)

        assert "connection is encrypted" in await test()
        assert "connection is encrypted" in await test(tls="require")
        assert "connection is not encrypted" in await test(tls="off")
        assert "connection is encrypted" in await test(tls="verify", ca_certificate=pem)
        untrusted = "certificate does not prove"
        assert untrusted in await test(tls="verify")
        assert untrusted in await test(tls="verify", ca_certificate=pem, host="other.example")
        server.execute("SET GLOBAL require_secure_transport = ON")
        assert "with TLS only: set tls to 'auto'" in await test(tls="off")
        assert "connection is encrypted" in await test()
        await http.aclose()
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (None, "NULL"),
        (True, "1"),
        (-5, "-5"),
        (1.5, "1.5"),
        (float("nan"), "null"),
        ("a'\\", "_utf8mb4 X'61275c'"),
        ("כ", "_utf8mb4 X'd79b'"),
        ("\ud800", "_utf8mb4 X'3f'"),
        ("", "_utf8mb4 X''"),
    ],
)
def test_a_value_is_written_in_signs_that_end_no_literal(value: Any, literal: str) -> None:
    assert mysql._write_literal(value) == literal


def test_a_list_is_no_value() -> None:
    with pytest.raises(UpstreamError):
        mysql._write_literal(["x"])


def test_rights_are_read_from_grants() -> None:
    grants = [
        "GRANT USAGE ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*X'",
        "GRANT SELECT, SHOW VIEW ON `shop`.* TO `u`@`%`",
        "GRANT SELECT, UPDATE (`total`), DELETE ON `shop`.`orders` TO `u`@`%`",
        "GRANT `role` TO `u`@`%`",
    ]
    assert mysql._read_grants(grants[:2], "u") == []
    assert mysql._read_grants(grants, "u") == ["shop.orders"]
    with pytest.raises(Rejected, match="'u' has the right GRANT OPTION"):
        mysql._read_grants(["GRANT SELECT ON *.* TO `u`@`%` WITH GRANT OPTION"], "u")


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1045, "upstream_auth_failed"),
        (1130, "upstream_auth_failed"),
        (1049, "no_such_database"),
        (1044, "no_such_database"),
        (3159, "tls_required"),
        (2026, "tls_missing"),
        (1792, "query_writes"),
        (1142, "not_permitted"),
        (1969, "timed_out"),
        (3024, "timed_out"),
        (1205, "timed_out"),
        (1040, "too_busy"),
        (1226, "too_busy"),
        (2013, "broken_response"),
        (1292, "parameter_misfit"),
        (1146, "query_refused"),
        (1064, "query_refused"),
    ],
)
def test_each_number_has_a_meaning(number: int, expected: str) -> None:
    connection = read_connection({"engine": "mysql", "host": "h", "database": "d", "username": "u"})
    assert mysql._read_number(number, connection).code == expected
