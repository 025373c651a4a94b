"""Queries that write, run programs or read files, against real databases, wall by wall.

Whatever is tried, the hash over all that is stored stays the same and no file appears.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio

from appliance.domain.integration import EndpointParameter
from appliance.errors import InvalidInput, UpstreamError
from appliance.integrations.database import mysql, postgresql, sqlite
from appliance.integrations.database.statement import read_statement
from tests.fakes.database_attacks import ATTACKS, BREAKOUTS
from tests.fakes.shop_databases import OWNER, READER, ShopDatabase, open_shop

ENGINES = ("postgresql", "mariadb", "sqlite")
STRAY_FILE = Path("/tmp/csai-attack")
"""What the corpus tries to write."""


def is_clean() -> bool:
    return not STRAY_FILE.exists()


BRIEF = {"timeout_s": 0.4}


@pytest_asyncio.fixture(params=ENGINES)
async def shop(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ShopDatabase]:
    async with open_shop(request.param, tmp_path) as opened:
        before = await opened.fingerprint()
        yield opened
        assert await opened.fingerprint() == before
        assert is_clean()


@pytest.fixture
def without_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "OPENING", "BEGIN")
    monkeypatch.setattr(mysql, "OPENING", ("START TRANSACTION",))
    monkeypatch.setattr(sqlite, "MODE", "rw")
    monkeypatch.setattr(sqlite, "GUARDS", ())


def is_read_as_a_query(query: str, engine: str) -> bool:
    try:
        read_statement(query, engine)  # type: ignore[arg-type]
    except InvalidInput:
        return False
    return True


async def carry_out_all(shop: ShopDatabase, username: str, *, but: str = "") -> None:
    for attack in ATTACKS[shop.engine]:
        if attack == but:
            continue
        with suppress(UpstreamError):
            await shop.carry_out(attack, username=username, **BRIEF)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_corpus_is_large(engine: str) -> None:
    assert len({*ATTACKS[engine], *BREAKOUTS}) >= 150


async def test_no_attack_succeeds(shop: ShopDatabase) -> None:
    for attack in ATTACKS[shop.engine]:
        outcome = await shop.ask(attack, **BRIEF)
        assert not outcome.is_success, attack
        assert outcome.failure in ("not_available", "no_answer"), attack


async def test_hardly_an_attack_reaches_the_database(shop: ShopDatabase) -> None:
    sent = {query for query in ATTACKS[shop.engine] if is_read_as_a_query(query, shop.engine)}
    # What is left are plain queries of tables and of nothing, which may take forever.
    views = ("wiping", "loading", "ragma_", "dbstat", "sqlite_", ").wipe", "t.", 't."')
    for query in sent:
        assert "count(" in query.lower() or any(name in query for name in views), query
    assert len(sent) <= 15


async def test_without_reading_the_query_the_rest_holds(shop: ShopDatabase) -> None:
    await carry_out_all(shop, OWNER)


@pytest.mark.usefixtures("without_read_only")
async def test_without_the_read_only_transaction_the_rest_holds(shop: ShopDatabase) -> None:
    for attack in ATTACKS[shop.engine]:
        await shop.ask(attack, username=OWNER, **BRIEF)


@pytest.mark.usefixtures("without_read_only")
async def test_the_rights_of_the_user_hold_alone(shop: ShopDatabase) -> None:
    """Of SQLite, which has no users, the authorizer. MariaDB lets users change their password."""
    await carry_out_all(shop, READER, but="SET PASSWORD = PASSWORD('attack')")


@pytest.mark.usefixtures("without_read_only")
@pytest.mark.parametrize("engine", ENGINES)
async def test_without_any_wall_attacks_succeed(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "authorize", lambda *_: sqlite3.SQLITE_OK)
    async with open_shop(engine, tmp_path) as shop:
        before = await shop.fingerprint()
        for attack in ("INSERT INTO orders (number) VALUES ('attack')", "DELETE FROM customers"):
            await shop.carry_out(attack, username=OWNER)
        assert await shop.fingerprint() != before


async def test_without_the_authorizer_the_rest_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "authorize", lambda *_: sqlite3.SQLITE_OK)
    async with open_shop("sqlite", tmp_path) as shop:
        before = await shop.fingerprint()
        for attack in ATTACKS["sqlite"]:
            await shop.ask(attack, **BRIEF)
        assert await shop.fingerprint() == before
        assert is_clean()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT number FROM orders WHERE customer = :name",
        "SELECT number FROM orders WHERE customer = :name AND :name = customer ORDER BY number",
        "SELECT number FROM orders WHERE number IN (SELECT number FROM orders o2 "
        "WHERE o2.number = :name)",
    ],
)
async def test_no_text_breaks_out_of_its_parameter(shop: ShopDatabase, query: str) -> None:
    parameter = EndpointParameter(name="name", required=True)
    for text in BREAKOUTS:
        outcome = await shop.ask(query, parameter, arguments={"name": text})
        assert outcome.output in (None, []), text
        assert outcome.is_success or outcome.failure == "refused", text


@pytest.mark.parametrize("query", ["SELECT :text AS said", "SELECT concat(:text, '') AS said"])
async def test_a_text_comes_back_as_it_was_given(shop: ShopDatabase, query: str) -> None:
    if shop.engine == "postgresql":
        query = query.replace(":text", ":text::text")
    parameter = EndpointParameter(name="text")
    for text in (text for text in BREAKOUTS if "\x00" not in text):
        outcome = await shop.ask(query, parameter, arguments={"text": text})
        assert outcome.output == [{"said": text}], text
