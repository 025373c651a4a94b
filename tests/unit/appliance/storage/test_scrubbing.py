from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from appliance.storage import scrubbing
from appliance.storage.engine import open_writer
from appliance.storage.readers import Readers
from appliance.storage.scrubbing import scrub
from appliance.storage.writer import Writer
from tests.unit.appliance.storage.test_page_gaps import MARK, grow


def test_left_over_bytes_go_while_others_write_and_read(tmp_path: Path):
    path = tmp_path / "rows.sqlite3"
    grow(path, 7).close()
    assert MARK in path.read_bytes()

    async def run() -> int:
        writer, readers = Writer(open_writer(path)), Readers(path)
        written = 0
        stop = asyncio.Event()

        async def insert(number: int) -> None:
            row = (f"new-{number:05d}", "new", "more " * (number % 300))
            await writer.submit(
                lambda connection: connection.raw.execute("INSERT INTO rows VALUES (?, ?, ?)", row)
            )

        async def write() -> None:
            nonlocal written
            while not stop.is_set():
                written += 1
                await insert(written)
                await readers.submit(
                    lambda connection: connection.raw.execute(
                        "SELECT count(*) FROM rows"
                    ).fetchall()
                )

        writing = asyncio.create_task(write())
        await asyncio.sleep(0)
        await scrub(path, writer)
        stop.set()
        await writing
        await writer.checkpoint()
        readers.close()
        writer.close()
        return written

    written = asyncio.run(run())
    assert written > 0
    assert MARK not in path.read_bytes()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        query = "SELECT count(*) FROM rows WHERE id LIKE 'new-%'"
        assert connection.execute(query).fetchone() == (written,)


def test_pages_that_a_connection_remembers_do_not_bring_the_bytes_back(tmp_path: Path):
    path = tmp_path / "rows.sqlite3"
    grow(path, 8).close()

    async def run() -> None:
        writer = Writer(open_writer(path))
        # Every page is in the writer's memory now, with what is left in its gap.
        await writer.submit(
            lambda connection: connection.raw.execute(
                "SELECT sum(length(content)), count(who) FROM rows"
            ).fetchall()
        )
        await scrub(path, writer)
        await writer.submit(
            lambda connection: connection.raw.execute("UPDATE rows SET content = content || '.'")
        )
        await writer.checkpoint()
        files = [path, path.with_name(f"{path.name}-wal")]
        assert not any(MARK in file.read_bytes() for file in files if file.exists())
        writer.close()

    asyncio.run(run())


def test_a_log_that_stays_in_use_is_left_for_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "rows.sqlite3"
    grow(path, 9).close()
    monkeypatch.setattr(scrubbing, "TRIES", 2)

    async def run() -> None:
        writer = Writer(open_writer(path))
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            await writer.submit(
                lambda connection: connection.raw.execute("DELETE FROM rows WHERE id < '1'")
            )
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM rows").fetchall()
            await writer.submit(
                lambda connection: connection.raw.execute("DELETE FROM rows WHERE id < '2'")
            )
            with capture_logs() as logs:
                await scrub(path, writer)
        assert [entry["event"] for entry in logs] == ["scrub_incomplete"]
        await scrub(path, writer)
        assert MARK not in path.read_bytes()
        writer.close()

    asyncio.run(run())
