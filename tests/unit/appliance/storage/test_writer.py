from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from appliance.errors import StorageError
from appliance.storage.engine import SqliteConnection, open_writer
from appliance.storage.writer import Writer

WAIT_S = 0.3


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "database" / "csai.sqlite3"
    connection = open_writer(path)
    connection.raw.execute("CREATE TABLE t (x UNIQUE)")
    connection.close()
    return path


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    writer = Writer(open_writer(path), max_wait_s=WAIT_S)
    yield writer
    writer.close()


def insert(value: object):
    def job(connection: SqliteConnection) -> object:
        connection.raw.execute("INSERT INTO t VALUES (?)", (value,))
        return value

    return job


def stored(path: Path) -> list[object]:
    connection = sqlite3.connect(path)
    try:
        return [row[0] for row in connection.execute("SELECT x FROM t ORDER BY rowid")]
    finally:
        connection.close()


class Gate:
    """A job that keeps the writer busy until it is opened."""

    def __init__(self) -> None:
        self._entered = threading.Event()
        self._opened = threading.Event()

    def __call__(self, connection: SqliteConnection) -> None:
        self._entered.set()
        assert self._opened.wait(10)

    async def entered(self) -> None:
        await asyncio.to_thread(self._entered.wait, 10)

    def open(self) -> None:
        self._opened.set()


async def queue_behind(writer: Writer, *jobs: object) -> list[object]:
    """Run the jobs as one group and return their results and errors."""
    gate = Gate()
    tasks = [asyncio.ensure_future(writer.submit(gate))]
    await gate.entered()
    tasks += [asyncio.ensure_future(writer.submit(job)) for job in jobs]
    await asyncio.sleep(0)
    gate.open()
    return (await asyncio.gather(*tasks, return_exceptions=True))[1:]


async def test_a_write_is_committed_when_it_returns(writer: Writer, path: Path):
    assert await writer.submit(insert(1)) == 1
    assert stored(path) == [1]


async def test_queued_writes_share_one_commit(writer: Writer, path: Path):
    commits: list[str] = []
    writer._raw.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
    assert await queue_behind(writer, *(insert(number) for number in range(50))) == list(range(50))
    assert len(commits) == 2
    assert stored(path) == list(range(50))


async def test_a_failing_write_undoes_only_itself(writer: Writer, path: Path):
    def fail(connection: SqliteConnection) -> None:
        connection.raw.execute("INSERT INTO t VALUES ('half')")
        raise LookupError("mine")

    results = await queue_behind(writer, insert(1), fail, insert(1), insert(2))
    assert results[0] == 1
    assert isinstance(results[1], LookupError)
    assert isinstance(results[2], StorageError)
    assert results[3] == 2
    assert stored(path) == [1, 2]


async def test_a_write_that_ends_the_transaction_harms_no_other(writer: Writer, path: Path):
    def rogue(connection: SqliteConnection) -> None:
        connection.raw.execute("INSERT INTO t VALUES ('rogue')")
        connection.raw.execute("ROLLBACK")

    results = await queue_behind(writer, insert(1), rogue, insert(2))
    assert (results[0], results[2]) == (1, 2)
    assert isinstance(results[1], StorageError)
    assert stored(path) == [1, 2]


async def test_a_full_disk_refuses_what_does_not_fit_and_recovers(writer: Writer, path: Path):
    await writer.submit(insert("before"))
    pages = writer._raw.execute("PRAGMA page_count").fetchone()[0]
    writer._raw.execute(f"PRAGMA max_page_count = {pages + 2}")
    results = await queue_behind(writer, insert("small"), insert("x" * 100_000), insert("tiny"))
    assert (results[0], results[2]) == ("small", "tiny")
    assert isinstance(results[1], StorageError)
    assert results[1].code == "storage_full"
    writer._raw.execute("PRAGMA max_page_count = 100000")
    await writer.submit(insert("y" * 100_000))
    assert stored(path) == ["before", "small", "tiny", "y" * 100_000]


async def test_a_lock_from_outside_is_waited_for_up_to_the_limit(writer: Writer, path: Path):
    outside = sqlite3.connect(path, isolation_level=None)
    outside.execute("BEGIN IMMEDIATE")
    waiting = [asyncio.ensure_future(writer.submit(insert(number))) for number in range(3)]
    ticks = 0
    while not all(task.done() for task in waiting):
        await asyncio.wait(waiting, timeout=0.01)
        ticks += 1
    assert ticks > 5, "the event loop stood still"
    for task in waiting:
        error = task.exception()
        assert isinstance(error, StorageError)
        assert error.code == "storage_busy"
    late = asyncio.ensure_future(writer.submit(insert("late")))
    await asyncio.wait([late], timeout=0.05)
    assert not late.done()
    outside.execute("ROLLBACK")
    outside.close()
    assert await late == "late"
    assert stored(path) == ["late"]


async def test_a_cancelled_caller_leaves_its_write_to_finish(writer: Writer, path: Path):
    gate = Gate()
    blocking = asyncio.ensure_future(writer.submit(gate))
    await gate.entered()
    write = asyncio.ensure_future(writer.submit(insert(1)))
    await asyncio.sleep(0)
    write.cancel()
    with pytest.raises(asyncio.CancelledError):
        await write
    gate.open()
    await blocking
    await writer.submit(insert(2))
    assert stored(path) == [1, 2]


async def test_a_write_nobody_waits_for_may_fail(writer: Writer, path: Path):
    gate = Gate()
    blocking = asyncio.ensure_future(writer.submit(gate))
    await gate.entered()
    await_nothing = asyncio.ensure_future(writer.submit(insert(object())))
    await asyncio.sleep(0)
    await_nothing.cancel()
    gate.open()
    await blocking
    await writer.submit(insert(1))
    assert stored(path) == [1]


async def test_both_views_of_the_connection_share_the_transaction(writer: Writer, path: Path):
    def both(connection: SqliteConnection) -> None:
        connection.raw.execute("INSERT INTO t VALUES (1)")
        connection.sql.execute(text("INSERT INTO t VALUES (2)"))
        raise LookupError("undo both")

    with pytest.raises(LookupError):
        await writer.submit(both)
    assert stored(path) == []


async def test_closing_finishes_what_is_queued_and_folds_the_log(writer: Writer, path: Path):
    gate = Gate()
    tasks = [asyncio.ensure_future(writer.submit(gate))]
    await gate.entered()
    tasks += [asyncio.ensure_future(writer.submit(insert(number))) for number in range(9)]
    await asyncio.sleep(0)
    gate.open()
    await asyncio.to_thread(writer.close)
    await asyncio.gather(*tasks)
    assert not path.with_name(path.name + "-wal").exists()
    assert stored(path) == list(range(9))
    assert not writer.is_alive
    with pytest.raises(StorageError):
        await writer.submit(insert("after"))
