from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.errors import StorageError
from appliance.storage.engine import SqliteConnection, open_writer
from appliance.storage.readers import Readers


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "database" / "csai.sqlite3"


@pytest.fixture
def writer(path: Path) -> Iterator[SqliteConnection]:
    connection = open_writer(path)
    connection.raw.execute("CREATE TABLE t (x)")
    yield connection
    connection.close()


@pytest.fixture
def readers(writer: SqliteConnection, path: Path) -> Iterator[Readers]:
    readers = Readers(path)
    yield readers
    readers.close()


def count(connection: SqliteConnection) -> int:
    found: int = connection.raw.execute("SELECT count(*) FROM t").fetchone()[0]
    return found


async def test_a_read_waits_for_no_writer(readers: Readers, writer: SqliteConnection):
    writer.raw.execute("BEGIN IMMEDIATE")
    writer.raw.execute("INSERT INTO t VALUES (1)")
    assert await readers.submit(count) == 0
    writer.raw.execute("COMMIT")
    assert await readers.submit(count) == 1


async def test_a_read_sees_one_moment(readers: Readers, writer: SqliteConnection):
    started, written = threading.Event(), threading.Event()

    def count_twice(connection: SqliteConnection) -> tuple[int, int]:
        before = count(connection)
        started.set()
        assert written.wait(10)
        return before, count(connection)

    reading = asyncio.ensure_future(readers.submit(count_twice))
    await asyncio.to_thread(started.wait, 10)
    writer.raw.execute("INSERT INTO t VALUES (1)")
    written.set()
    assert await reading == (0, 0)


async def test_an_error_of_the_database_is_ours(readers: Readers):
    with pytest.raises(StorageError):
        await readers.submit(lambda connection: connection.raw.execute("SELECT * FROM absent"))
    with pytest.raises(StorageError):
        await readers.submit(lambda connection: connection.raw.execute("DELETE FROM t"))
    assert await readers.submit(count) == 0


async def test_closed_readers_refuse(readers: Readers):
    assert await readers.submit(count) == 0
    await asyncio.to_thread(readers.close)
    with pytest.raises(StorageError):
        await readers.submit(count)
