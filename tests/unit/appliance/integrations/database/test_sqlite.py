"""SQLite itself: which files it may open, and what it leaves beside them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from appliance.egress import EgressClient
from appliance.integrations.database.sqlite import authorize
from tests.fakes.integrations import TENANT, build_integration
from tests.fakes.shop_databases import SqliteShop, build_kind, build_query, open_shop

QUERY = "SELECT number FROM orders ORDER BY number"


@pytest_asyncio.fixture
async def shop(tmp_path: Path) -> AsyncIterator[SqliteShop]:
    async with open_shop("sqlite", tmp_path / "files") as opened:
        assert isinstance(opened, SqliteShop)
        yield opened


async def find_problem(shop: SqliteShop, name: str) -> str:
    result = await shop.open(file=name).test()
    assert not result.is_success
    outcome = await shop.open(file=name).call(build_query(QUERY), {})
    assert (outcome.is_success, outcome.failure) == (False, "not_available")
    assert outcome.error == result.message
    return result.message


async def test_without_a_folder_there_are_no_files() -> None:
    stored = build_integration({"engine": "sqlite", "file": "x.db"}, integration_type="database")
    result = await build_kind(EgressClient(), None).open(stored).test()
    assert "should set CSAI_SQLITE_DIR" in result.message


async def test_a_file_that_is_not_there_is_named(shop: SqliteShop) -> None:
    message = await find_problem(shop, "other.db")
    assert "no file 'other.db'" in message
    assert str(shop.folder) not in message
    assert not (shop.folder / TENANT / "other.db").exists()


async def test_another_tenants_file_is_out_of_reach(shop: SqliteShop) -> None:
    other = shop.folder / "tenant-2"
    other.mkdir()
    (other / "theirs.db").write_bytes(shop.file.read_bytes())
    assert "no file" in await find_problem(shop, "theirs.db")


async def test_links_lead_nowhere(shop: SqliteShop, tmp_path: Path) -> None:
    outside = tmp_path / "outside.db"
    outside.write_bytes(shop.file.read_bytes())
    (shop.file.parent / "link.db").symlink_to(outside)
    assert "links are not followed" in await find_problem(shop, "link.db")
    (shop.file.parent / "inner.db").symlink_to(shop.file)
    assert "links are not followed" in await find_problem(shop, "inner.db")
    (shop.file.parent / "folder.db").mkdir()
    assert "no file" in await find_problem(shop, "folder.db")


async def test_a_tenants_folder_is_no_link(shop: SqliteShop, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    shop.file.parent.rename(elsewhere)
    shop.file.parent.symlink_to(elsewhere, target_is_directory=True)
    assert "links are not followed" in await find_problem(shop, "shop.db")


async def test_the_operators_folder_itself_may_be_a_link(shop: SqliteShop, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(shop.folder, target_is_directory=True)
    kind = build_kind(EgressClient(), link)
    stored = build_integration(shop.config(), integration_type="database")
    outcome = await kind.open(stored).call(build_query(QUERY), {})
    assert outcome.is_success


async def test_a_file_that_is_no_database_is_told(shop: SqliteShop) -> None:
    (shop.file.parent / "notes.txt").write_text("no database" * 100)
    assert "no database of SQLite" in await find_problem(shop, "notes.txt")


@pytest.mark.parametrize("mode", ["wal", "delete"])
async def test_a_file_in_use_by_its_program_is_read_and_not_touched(
    shop: SqliteShop, mode: str
) -> None:
    with closing(sqlite3.connect(shop.file)) as program:
        program.execute(f"PRAGMA journal_mode = {mode}")
        program.execute("INSERT INTO orders (number) VALUES ('A-4')")
        program.commit()
        before = (shop.file.read_bytes(), sorted(os.listdir(shop.file.parent)))
        outcome = await shop.ask(QUERY)
        assert outcome.output is not None
        assert len(outcome.output) == 4  # type: ignore[arg-type]
        assert (shop.file.read_bytes(), sorted(os.listdir(shop.file.parent))) == before


async def test_a_file_in_write_ahead_mode_stays_as_it_is(shop: SqliteShop) -> None:
    with closing(sqlite3.connect(shop.file)) as program:
        program.execute("PRAGMA journal_mode = wal")
    before = await shop.fingerprint()
    assert (await shop.ask(QUERY)).is_success
    assert await shop.fingerprint() == before


async def test_a_locked_file_is_not_waited_for_long(shop: SqliteShop) -> None:
    with closing(sqlite3.connect(shop.file, isolation_level=None)) as program:
        program.execute("BEGIN EXCLUSIVE")
        outcome = await shop.ask(QUERY, timeout_s=5)
        assert outcome.failure == "no_answer"


@pytest.mark.parametrize(
    ("action", "first", "second", "is_allowed"),
    [
        (sqlite3.SQLITE_SELECT, None, None, True),
        (sqlite3.SQLITE_READ, "orders", "number", True),
        (sqlite3.SQLITE_READ, "pragma_database_list", "file", False),
        (sqlite3.SQLITE_FUNCTION, None, "LOWER", True),
        (sqlite3.SQLITE_FUNCTION, None, "->>", True),
        (sqlite3.SQLITE_FUNCTION, None, "load_extension", False),
        (sqlite3.SQLITE_PRAGMA, "query_only", "0", False),
        (sqlite3.SQLITE_ATTACH, "x", None, False),
        (sqlite3.SQLITE_INSERT, "orders", None, False),
        (sqlite3.SQLITE_TRANSACTION, "BEGIN", None, False),
        (4711, None, None, False),
    ],
)
def test_what_the_authorizer_lets_pass(
    action: int, first: str | None, second: str | None, is_allowed: bool
) -> None:
    assert authorize(action, first, second, "main", None) == (
        sqlite3.SQLITE_OK if is_allowed else sqlite3.SQLITE_DENY
    )
