"""PostgreSQL itself: its types, its users, its encryption, and its end."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from appliance.domain.integration import EndpointParameter
from appliance.domain.json_types import JsonObject
from appliance.egress import EgressClient
from appliance.integrations.database import postgresql
from appliance.integrations.database.connection import read_connection
from appliance.integrations.database.statement import read_statement
from tests.fakes.certificates import TestAuthority
from tests.fakes.integrations import build_integration
from tests.fakes.postgres_server import PostgresServer, start_postgres
from tests.fakes.shop_databases import OWNER, PostgresShop, build_kind, build_query, open_shop

HOST = "db.shop.example"
SLOW = "SELECT count(*) FROM generate_series(1, 100000000000)"


@pytest_asyncio.fixture
async def shop(tmp_path: Path) -> AsyncIterator[PostgresShop]:
    async with open_shop("postgresql", tmp_path) as opened:
        assert isinstance(opened, PostgresShop)
        yield opened


async def test_values_of_its_types_are_json(shop: PostgresShop) -> None:
    outcome = await shop.ask(
        """
        SELECT 12::int2 AS small, 19.90::numeric(10, 2) AS price, true AS flag,
            date '2026-01-02' AS day, timestamptz '2026-01-02 03:04:05+02' AS moment,
            time '03:04' AS clock, interval '1 month 2 days 03:00' AS spell,
            ARRAY[interval '1 day'] AS spells, cast('x' AS text) AS word, NULL AS nothing,
            decode('00ff', 'hex') AS bytes, '{"a": [1, "כ"]}'::jsonb AS doc,
            ARRAY[1, NULL, 3] AS list, '10.0.0.1'::inet AS address,
            '3f2504e0-4f89-41d3-9a0c-0305e82c3301'::uuid AS id, '[1,5)'::int4range AS span,
            row(1, 'a') AS pair, o AS whole, '101'::bit(3) AS bits, 9223372036854775807 AS large,
            'NaN'::float8 AS none, 'כובע' AS hebrew, '(1,2)'::point AS spot
        FROM (SELECT 1) AS n, customers AS o
        """
    )
    assert outcome.output == [
        {
            "small": 12, "price": "19.90", "flag": True, "day": "2026-01-02",
            "moment": "2026-01-02T01:04:05+00:00", "clock": "03:04:00", "spell": "P1M2DT3H",
            "spells": ["P1D"], "word": "x", "nothing": None, "bytes": "AP8=",
            "doc": {"a": [1, "כ"]}, "list": [1, None, 3], "address": "10.0.0.1",
            "id": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
            "span": {"from": 1, "to": 5, "bounds": "[)"}, "pair": [1, "a"],
            "whole": {"id": 1, "email": "ruth@shop.example"},
            "bits": "101", "large": 9223372036854775807, "none": "nan", "hebrew": "כובע",
            "spot": [1.0, 2.0],
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "kind", "given", "value"),
    [
        ("SELECT :a::int + 1 AS a", None, "41", 42),
        ("SELECT :a::numeric AS a", "number", 1.5, "1.5"),
        ("SELECT :a::date AS a", None, "2026-01-02", "2026-01-02"),
        ("SELECT :a::timestamptz AS a", None, "2026-01-02T00:00Z", "2026-01-02T00:00:00+00:00"),
        ("SELECT :a::bool AS a", None, True, True),
        ("SELECT :a::text AS a", "integer", 5, "5"),
        ("SELECT :a::uuid::text AS a", None, "3f2504e0-4f89-41d3-9a0c-0305e82c3301", None),
        ("SELECT 2 = ANY(:a::int[]) AS a", "array", [1, "2"], True),
        ("SELECT (:a::jsonb)->>'b' AS a", None, '{"b": "c"}', "c"),
    ],
)
async def test_a_parameter_is_bound_as_the_server_wants_it(
    shop: PostgresShop, query: str, kind: Any, given: Any, value: Any
) -> None:
    parameter = EndpointParameter(name="a", type=kind)
    outcome = await shop.ask(query, parameter, arguments={"a": given})
    assert outcome.output == [{"a": given if value is None else value}], outcome.error


async def test_a_misfit_is_refused(shop: PostgresShop) -> None:
    parameter = EndpointParameter(name="a")
    for query, given in (
        ("SELECT :a::int", "x"),
        ("SELECT :a::uuid", "x"),
        ("SELECT 1 / :a::int", "0"),
    ):
        outcome = await shop.ask(query, parameter, arguments={"a": given})
        assert outcome.failure == "refused", outcome.error


async def test_a_user_who_may_do_everything_is_refused(shop: PostgresShop) -> None:
    opened = shop.open("csai")
    assert "is a superuser" in (await opened.test()).message
    outcome = await opened.call(build_query("SELECT 1"), {})
    assert (outcome.is_success, outcome.failure) == (False, "not_available")


@pytest.mark.parametrize(
    "role", ["pg_execute_server_program", "pg_write_server_files", "pg_read_server_files"]
)
async def test_a_user_who_may_reach_files_or_programs_is_refused(
    shop: PostgresShop, role: str
) -> None:
    await shop.execute(f"CREATE ROLE csai_{role} LOGIN PASSWORD 'x' IN ROLE {role}")
    try:
        await shop.execute(f"GRANT SELECT ON orders TO csai_{role}")
        outcome = await shop.ask("SELECT number FROM orders", username=f"csai_{role}", password="x")
        assert f"is a member of {role}" in str(outcome.error)
    finally:
        await shop.execute(f"DROP OWNED BY csai_{role}; DROP ROLE csai_{role}")


async def test_a_user_who_may_write_is_warned_of(shop: PostgresShop) -> None:
    result = await shop.open(OWNER).test()
    assert result.is_success
    assert "may also change public.customers, public.orders" in result.message


async def test_a_right_that_is_missing_is_named(shop: PostgresShop) -> None:
    await shop.execute("REVOKE SELECT ON customers FROM csai_reader")
    outcome = await shop.ask("SELECT email FROM customers")
    assert "grant SELECT" in str(outcome.error)


async def test_a_column_may_have_the_name_of_a_function(shop: PostgresShop) -> None:
    """Only what calls one is refused: ``o.wipe`` is a column here."""
    await shop.execute("ALTER TABLE orders ADD COLUMN wipe text DEFAULT 'kept'")
    outcome = await shop.ask("SELECT o.wipe FROM orders o WHERE o.number = 'A-1'")
    assert outcome.output == [{"wipe": "kept"}]


async def test_a_value_of_any_size_is_not_read(shop: PostgresShop) -> None:
    outcome = await shop.ask("SELECT lpad('x', 50000000) AS a")
    assert outcome.failure == "no_answer"
    assert "larger than" in str(outcome.error)


@asynccontextmanager
async def own_server() -> AsyncIterator[PostgresServer]:
    server = await asyncio.to_thread(start_postgres)
    try:
        await server.execute("CREATE ROLE csai_reader LOGIN PASSWORD 'x'")
        rules = server.folder / "data" / "pg_hba.conf"
        rules.write_text(f"host all csai_reader all scram-sha-256\n{rules.read_text()}")
        await server.execute("SELECT pg_reload_conf()")
        yield server
    finally:
        await asyncio.to_thread(server.stop)


def connect(server: PostgresServer, http: EgressClient, **more: Any) -> Any:
    config: JsonObject = {
        "engine": "postgresql", "host": "127.0.0.1", "port": server.port,
        "database": "postgres", "username": "csai_reader", "password": "x", **more,
    }  # fmt: skip
    return build_kind(http, None).open(build_integration(config, integration_type="database"))


async def test_a_server_that_hangs_or_ends_is_given_up() -> None:
    async with own_server() as server:
        http = EgressClient([f"127.0.0.1:{server.port}"])
        opened = connect(server, http, timeout_s=1)
        assert (
            "does not let 'csai_reader' in"
            in (await connect(server, http, password="wrong").test()).message
        )
        server.freeze()
        outcome = await opened.call(build_query("SELECT 1"), {})
        assert "did not answer in time" in str(outcome.error)
        server.thaw()
        running = asyncio.ensure_future(
            connect(server, http, timeout_s=20).call(build_query(SLOW), {})
        )
        await wait_for_query(server)
        await asyncio.to_thread(server.halt)
        outcome = await running
        assert (outcome.failure, outcome.is_success) == ("no_answer", False)
        assert "broke off" in str(outcome.error)
        outcome = await opened.call(build_query("SELECT 1"), {})
        assert outcome.failure == "unreachable"
        # A query that cannot be tried is kept.
        await opened.try_endpoint(build_query("SELECT a FROM no_such_table"))
        await http.aclose()


async def wait_for_query(server: PostgresServer) -> None:
    connection = await asyncpg.connect(server.url("postgres"))
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'csai_reader' "
        "AND state = 'active' AND query LIKE '%100000000000%'"
    )
    async with asyncio.timeout(10):
        while True:
            if await connection.fetchval(query):
                break
            await asyncio.sleep(0.01)
    await connection.close()


async def test_encryption_and_certificates(tmp_path: Path) -> None:
    authority = TestAuthority(tmp_path)
    authority.serve(HOST)
    pem = authority.certificate_pem.decode()

    async def resolve(host: str, port: int) -> list[Any]:
        return [ip_address("127.0.0.1")]

    async with own_server() as server:
        await serve_tls(server, tmp_path / f"{HOST}.pem")
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
        await http.aclose()


async def serve_tls(server: PostgresServer, pem: Path) -> None:
    """Let the server offer TLS with the certificate and key in ``pem``."""
    copy = server.folder / "server.pem"
    shutil.copy(pem, copy)
    copy.chmod(0o600)
    owner = server.folder.stat()
    os.chown(copy, owner.st_uid, owner.st_gid)
    for name, value in (("ssl_cert_file", copy), ("ssl_key_file", copy), ("ssl", "on")):
        await server.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    await server.execute("SELECT pg_reload_conf()")
    async with asyncio.timeout(10):
        while True:
            connection = await asyncpg.connect(server.url("postgres"))
            is_on = await connection.fetchval("SHOW ssl") == "on"
            await connection.close()
            if is_on:
                return
            await asyncio.sleep(0.05)


def test_a_query_is_written_with_numbered_places() -> None:
    statement = read_statement("SELECT :a, :b, :a", "postgresql")
    assert postgresql._write(statement) == "SELECT $1, $2, $1"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("28P01", "upstream_auth_failed"),
        ("28000", "upstream_auth_failed"),
        ("3D000", "no_such_database"),
        ("53300", "too_busy"),
        ("53100", "server_failed"),
        ("XX001", "server_failed"),
        ("57P01", "broken_response"),
        ("57P03", "connect_failed"),
        ("57014", "timed_out"),
        ("55P03", "timed_out"),
        ("25006", "query_writes"),
        ("42501", "not_permitted"),
        ("42P01", "query_refused"),
        ("22P02", "parameter_misfit"),
    ],
)
def test_each_code_has_a_meaning(code: str, expected: str) -> None:
    connection = read_connection(
        {"engine": "postgresql", "host": "h", "database": "d", "username": "u"}
    )
    assert postgresql._read_code(code, connection).code == expected
