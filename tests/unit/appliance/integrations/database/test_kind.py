"""What is the same for all databases, with real ones behind it."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from appliance.domain.integration import EndpointParameter
from appliance.egress import EgressClient
from appliance.errors import InvalidInput
from appliance.integrations.database.kind import MAX_AT_ONCE
from appliance.ports.integrations import TriesEndpoints
from tests.fakes.integrations import build_endpoint, build_integration
from tests.fakes.shop_databases import (
    READER,
    ShopDatabase,
    build_kind,
    build_query,
    open_shop,
)

NUMBER = EndpointParameter(name="number", required=True)
ORDER = "SELECT number, customer, total FROM orders WHERE number = :number"
SERVERS = ("postgresql", "mariadb")


@pytest_asyncio.fixture(params=("postgresql", "mariadb", "sqlite"))
async def shop(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ShopDatabase]:
    async with open_shop(request.param, tmp_path) as opened:
        yield opened


@pytest_asyncio.fixture(params=SERVERS)
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ShopDatabase]:
    async with open_shop(request.param, tmp_path) as opened:
        yield opened


async def test_a_query_brings_rows(shop: ShopDatabase) -> None:
    outcome = await shop.ask(ORDER, NUMBER, arguments={"number": "A-1"})
    total = 19.9 if shop.engine == "sqlite" else "19.90"
    assert outcome.is_success
    assert outcome.output == [{"number": "A-1", "customer": "רות", "total": total}]
    assert outcome.sent == {"number": "A-1"}


async def test_rows_are_mapped(shop: ShopDatabase) -> None:
    endpoint = build_query(ORDER, NUMBER, response_mapping="[0].customer")
    outcome = await shop.open().call(endpoint, {"number": "A-3"})
    assert outcome.output == "O'Hara"


async def test_numbers_limit_and_compare(shop: ShopDatabase) -> None:
    parameters = (
        EndpointParameter(name="least", type="number"),
        EndpointParameter(name="most", type="integer", default=2),
    )
    query = "SELECT number FROM orders WHERE total > :least ORDER BY number LIMIT :most"
    outcome = await shop.ask(query, *parameters, arguments={"least": 1})
    assert outcome.output == [{"number": "A-1"}, {"number": "A-2"}]
    outcome = await shop.ask(query, *parameters, arguments={"least": 6.5, "most": "1"})
    assert outcome.output == [{"number": "A-1"}]


async def test_a_number_does_not_match_every_text(shop: ShopDatabase) -> None:
    """MySQL takes 'A-1' for 0 when it is compared with a number."""
    outcome = await shop.ask(ORDER, NUMBER, arguments={"number": 0})
    assert outcome.output == []


async def test_nothing_given_is_null(shop: ShopDatabase) -> None:
    query = "SELECT count(*) AS found FROM orders WHERE number = :number"
    outcome = await shop.ask(query, EndpointParameter(name="number"))
    assert outcome.output == [{"found": 0}]


async def test_a_missing_argument_is_refused_before_anything_is_asked(shop: ShopDatabase) -> None:
    outcome = await shop.ask(ORDER, NUMBER)
    assert (outcome.failure, outcome.attempts) == ("refused", 0)
    assert "'number' does not fit: it is missing" in str(outcome.error)


async def test_more_rows_than_allowed_are_an_error(shop: ShopDatabase) -> None:
    outcome = await shop.ask("SELECT number FROM orders", max_rows=2)
    assert not outcome.is_success
    assert "more than 2 rows" in str(outcome.error)
    assert (await shop.ask("SELECT number FROM orders", max_rows=3)).is_success


async def test_more_bytes_than_allowed_are_an_error(shop: ShopDatabase) -> None:
    wide = "replace('xxxxxxxxxx', 'x', :text)"
    wider = f"replace({wide}, 'y', :text)"
    outcome = await shop.ask(
        f"SELECT {wider} AS a FROM orders",
        EndpointParameter(name="text"),
        arguments={"text": "y" * 400},
    )
    assert (outcome.is_success, outcome.failure) == (False, "no_answer")
    assert "larger than" in str(outcome.error)


async def test_two_columns_of_one_name_are_an_error(shop: ShopDatabase) -> None:
    outcome = await shop.ask("SELECT a.number, b.number FROM orders a, orders b")
    assert "two columns of the name 'number'" in str(outcome.error)


async def test_a_slow_query_is_given_up(shop: ShopDatabase) -> None:
    slow = {
        "postgresql": "SELECT count(*) FROM generate_series(1, 100000000000)",
        "mariadb": "SELECT COUNT(*) FROM seq_1_to_1000000000 WHERE SQRT(seq) < 0",
        "sqlite": "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) "
        "SELECT count(*) FROM t",
    }
    outcome = await shop.ask(slow[shop.engine], timeout_s=0.3)
    assert outcome.failure == "no_answer"
    assert "did not answer in time" in str(outcome.error)
    assert (await shop.ask("SELECT 1 AS a")).output == [{"a": 1}]


async def test_so_many_are_asked_at_once_and_no_more(shop: ShopDatabase) -> None:
    opened = shop.open(timeout_s=5)
    at_once = most = 0
    go_on = asyncio.Event()

    async def work() -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await go_on.wait()
        at_once -= 1

    running = [asyncio.ensure_future(opened._wait(work)) for _ in range(MAX_AT_ONCE + 3)]
    await asyncio.sleep(0.01)
    late = await shop.open(timeout_s=0.05).call(build_query("SELECT 1"), {})
    go_on.set()
    await asyncio.gather(*running)
    assert most == MAX_AT_ONCE
    assert late.failure == "unreachable"
    assert "asked too much at once" in str(late.error)


async def test_the_connection_test_says_what_works(shop: ShopDatabase) -> None:
    result = await shop.open().test()
    assert result.is_success
    expected = "holds 3 tables" if shop.engine == "sqlite" else f"{READER!r} may only read"
    assert expected in result.message


async def test_a_new_query_is_tried_by_the_database(shop: ShopDatabase) -> None:
    opened = shop.open()
    assert isinstance(opened, TriesEndpoints)
    await opened.try_endpoint(build_query(ORDER, NUMBER))
    for query in (
        "SELECT a FROM no_such_table",
        "SELECT no_such_column FROM orders",
        "SELECT FROM",
    ):
        with pytest.raises(InvalidInput) as caught:
            await opened.try_endpoint(build_query(query))
        [error] = caught.value.errors
        assert error.field == "query"
        assert error.message.startswith("The database refuses the query: ")
    assert await opened.try_endpoint(build_query("SELECT number FROM orders")) is None


async def test_a_table_that_is_gone_is_told(shop: ShopDatabase) -> None:
    outcome = await shop.ask("SELECT a FROM no_such_table")
    assert outcome.failure == "not_available"
    assert "may be there no longer" in str(outcome.error)
    assert "no_such_table" not in str(outcome.error)


async def test_a_stored_query_is_looked_at_again(shop: ShopDatabase) -> None:
    outcome = await shop.ask("DELETE FROM orders")
    assert (outcome.failure, outcome.attempts) == ("not_available", 0)
    assert "The stored query does not fit" in str(outcome.error)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"query": None}, "query"),
        ({"query": "DELETE FROM orders"}, "query"),
        ({"query": "SELECT :other"}, "parameters.0.name"),
        ({"url_template": "/orders"}, "url_template"),
        ({"method": "POST"}, "method"),
        ({"risk": "write"}, "risk"),
        ({"response_mapping": "["}, "response_mapping"),
    ],
)
def test_an_endpoint_that_does_not_fit_is_refused(fields: dict[str, Any], field: str) -> None:
    kind = build_kind(EgressClient(), None)
    config = {"engine": "sqlite", "file": "shop.db"}
    endpoint = build_endpoint(NUMBER, **{"url_template": "", "query": ORDER, **fields})
    with pytest.raises(InvalidInput) as caught:
        kind.check_endpoint(endpoint, config)
    assert caught.value.errors[0].field == field


def test_only_postgresql_takes_lists() -> None:
    kind = build_kind(EgressClient(), None)
    ids = EndpointParameter(name="ids", type="array")
    endpoint = build_query("SELECT 1 WHERE 1 = ANY(:ids)", ids)
    server = {"engine": "postgresql", "host": "db", "database": "d", "username": "u"}
    kind.check_endpoint(endpoint, server)
    with pytest.raises(InvalidInput, match="does not fit"):
        kind.check_endpoint(endpoint, {**server, "engine": "mysql"})


def test_defaults_are_filled_in_and_the_password_is_bound() -> None:
    kind = build_kind(EgressClient(), None)
    config = kind.check_connection(
        {"engine": "mysql", "host": "db.example", "database": "d", "username": "u"}
    )
    assert (config["tls"], config["timeout_s"], config["max_rows"]) == ("auto", 10.0, 500)
    assert kind.find_hosts(config) == ("db.example:3306",)
    assert (kind.name, kind.secret_fields) == ("database", frozenset({"password"}))


def test_no_driver_is_loaded_before_it_is_needed() -> None:
    script = (
        "import sys, appliance.integrations.database\n"
        "print({'asyncpg', 'pymysql', 'sqlite3'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert found.stdout.decode().strip() == "set()"


async def test_no_webhook_is_told_the_password(server: ShopDatabase) -> None:
    with pytest.raises(InvalidInput, match="cannot be asked by a webhook"):
        await server.open().describe(None)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"username": "nobody"}, "does not let 'nobody' in"),
        ({"database": "nowhere"}, "'nowhere'"),
        ({"tls": "require"}, "offers no TLS"),
        ({"tls": "verify"}, "offers no TLS"),
        ({"port": 1}, "No connection|cannot be reached|CSAI_EGRESS_ALLOW"),
        ({"host": "10.0.0.1"}, "CSAI_EGRESS_ALLOW"),
        ({"host": "169.254.169.254"}, "CSAI_EGRESS_ALLOW"),
    ],
)
async def test_what_keeps_it_from_working_is_named(
    server: ShopDatabase, fields: dict[str, Any], said: str
) -> None:
    result = await server.open(**fields).test()
    assert not result.is_success
    assert re.search(said, result.message), result.message


@pytest.mark.parametrize("engine", SERVERS)
async def test_an_unknown_host_and_a_closed_port_are_told_apart(engine: str) -> None:
    async def resolve(host: str, port: int) -> list[Any]:
        if host == "closed.example":
            return [ip_address("127.0.0.1")]
        raise OSError("no such host")

    http = EgressClient(["closed.example", "127.0.0.0/8"], resolver=resolve)
    kind = build_kind(http, None)
    said = {}
    for host in ("unknown.example", "closed.example"):
        config = {
            "engine": engine, "host": host, "port": 9, "database": "d", "username": "u",
        }  # fmt: skip
        opened = kind.open(build_integration(config, integration_type="database"))
        result = await opened.test()
        outcome = await opened.call(build_query("SELECT 1"), {})
        assert outcome.failure == "unreachable"
        said[host] = result.message
    await http.aclose()
    assert "is not known" in said["unknown.example"]
    assert re.search("No connection|cannot be reached", said["closed.example"])
