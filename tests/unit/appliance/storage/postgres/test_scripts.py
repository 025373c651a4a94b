from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from appliance.errors import StorageError
from appliance.storage.postgres.scripts import PostgresScripts
from appliance.storage.statements import Script, build_statement
from tests.fakes.postgres_database import empty_postgres

INSERT = build_statement("INSERT INTO notes (note) VALUES (?1)")
LIST = build_statement("SELECT note FROM notes ORDER BY note")
WAITING = "SELECT count(*), pg_sleep(0.01) FROM pg_locks WHERE NOT granted"
END_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest_asyncio.fixture
async def url() -> AsyncIterator[str]:
    async with empty_postgres() as url:
        yield url


@pytest_asyncio.fixture
async def scripts(url: str) -> AsyncIterator[PostgresScripts]:
    pool = await asyncpg.create_pool(url, min_size=3, max_size=3)
    await pool.execute("CREATE TABLE notes (note text UNIQUE)")
    scripts = PostgresScripts(pool)
    yield scripts
    await scripts.close()


def note(text: str) -> Script[None]:
    yield INSERT, (text,)


def list_notes() -> Script[list[str]]:
    rows = yield LIST, ()
    return [row[0] for row in rows]


async def test_a_script_is_committed_whole_or_not_at_all(scripts: PostgresScripts):
    await scripts.write(lambda: note("kept"))

    def fail() -> Script[None]:
        yield from note("lost")
        raise LookupError("after all")

    with pytest.raises(LookupError):
        await scripts.write(fail)
    assert await scripts.read(list_notes) == ["kept"]


async def test_a_statement_that_fails_is_a_storage_error(scripts: PostgresScripts):
    await scripts.write(lambda: note("once"))
    with pytest.raises(StorageError):
        await scripts.write(lambda: note("once"))
    assert await scripts.read(list_notes) == ["once"]


async def test_connections_that_the_server_ended_are_replaced(scripts: PostgresScripts, url: str):
    """As after a restart of the server: every connection of the pool is dead at once."""
    other = await asyncpg.connect(url)
    await asyncio.gather(*(scripts.read(list_notes) for _ in range(6)))
    await other.execute(END_OTHERS)
    await scripts.write(lambda: note("after"))
    await other.execute(END_OTHERS)
    assert await scripts.read(list_notes) == ["after"]
    await other.close()


async def test_a_connection_that_breaks_in_the_middle_leaves_nothing_half(
    scripts: PostgresScripts, url: str
):
    other = await asyncpg.connect(url)
    tries = 0

    def write_two() -> Script[None]:
        nonlocal tries
        tries += 1
        yield from note(f"first-{tries}")
        if tries == 1:
            (row,) = yield build_statement("SELECT pg_backend_pid()"), ()
            yield build_statement(f"SELECT pg_terminate_backend({row[0]})"), ()
        yield from note(f"second-{tries}")

    await scripts.write(write_two)
    assert await scripts.read(list_notes) == ["first-2", "second-2"]
    await other.close()


async def test_a_caller_that_leaves_does_not_undo_its_write(scripts: PostgresScripts, url: str):
    holder = await asyncpg.connect(url)
    lock = holder.transaction()
    await lock.start()
    await holder.execute("LOCK TABLE notes IN EXCLUSIVE MODE")
    writing = asyncio.ensure_future(scripts.write(lambda: note("kept")))
    async with asyncio.timeout(10):
        while not await holder.fetchval(WAITING):
            pass
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await lock.rollback()
    await holder.close()
    await scripts.close()
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT note FROM notes") == "kept"
    await connection.close()


async def test_deadlocked_scripts_both_succeed(scripts: PostgresScripts):
    await scripts.write(lambda: note("a"))
    await scripts.write(lambda: note("b"))
    update = build_statement("UPDATE notes SET note = note || '!' WHERE note LIKE ?1")
    sleep = build_statement("SELECT pg_sleep(0.2)")

    def both(first: str, second: str) -> Script[None]:
        yield update, (f"{first}%",)
        yield sleep, ()
        yield update, (f"{second}%",)

    await asyncio.gather(
        scripts.write(lambda: both("a", "b")), scripts.write(lambda: both("b", "a"))
    )
    assert await scripts.read(list_notes) == ["a!!", "b!!"]


async def test_a_text_with_nul_is_stored_without_it(scripts: PostgresScripts):
    await scripts.write(lambda: note("no\0thing"))
    assert await scripts.read(list_notes) == ["nothing"]
