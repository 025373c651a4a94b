from __future__ import annotations

import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path

import pytest

from appliance.errors import DataFolderUnusable, StorageError
from appliance.storage.backups.snapshots import STEP_PAGES, SqliteSource
from tests.fakes.backups import Installation, execute


def ignore(_: int, __: int) -> None:
    pass


def test_a_snapshot_is_one_private_file_with_everything(installation: Installation, tmp_path: Path):
    target = tmp_path / "copy"
    SqliteSource(installation.paths.database).write_snapshot(target, ignore)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert not list(tmp_path.glob("copy-*"))
    query = "SELECT content FROM messages ORDER BY id"
    assert execute(target, query) == installation.execute(query)


@pytest.mark.alone
def test_it_is_of_its_beginning_and_holds_nobody_up(installation: Installation, tmp_path: Path):
    """A writer commits between all its steps: it neither waits, nor starts the copy anew."""
    installation.execute("CREATE TABLE ballast (x)")
    installation.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)"
        " INSERT INTO ballast SELECT randomblob(3000) FROM n"
    )
    steps: list[int] = []
    waits: list[float] = []
    with closing(sqlite3.connect(installation.paths.database, timeout=0)) as writer:

        def write(done: int, total: int) -> None:
            steps.append(done)
            began = time.perf_counter()
            with writer:
                writer.execute("UPDATE tenants SET name = ?", (f"name {done}",))
            waits.append(time.perf_counter() - began)

        target = tmp_path / "copy"
        SqliteSource(installation.paths.database).write_snapshot(target, write)
    assert len(steps) > 4
    assert steps == sorted(set(steps))
    assert steps[0] == STEP_PAGES
    assert max(waits) < 5.0
    assert execute(target, "SELECT name FROM tenants") == [("Corner Shop",)]
    assert execute(target, "PRAGMA integrity_check") == [("ok",)]


def test_it_is_measured_with_its_log(installation: Installation):
    source = SqliteSource(installation.paths.database)
    size = source.measure()
    assert size >= installation.paths.database.stat().st_size
    with closing(sqlite3.connect(installation.paths.database)) as writer, writer:
        writer.execute("UPDATE tenants SET name = 'x'")
        writer.commit()
        assert source.measure() > size


def test_a_file_that_is_there_is_not_overwritten(installation: Installation, tmp_path: Path):
    (tmp_path / "copy").write_text("mine")
    with pytest.raises(FileExistsError):
        SqliteSource(installation.paths.database).write_snapshot(tmp_path / "copy", ignore)
    assert (tmp_path / "copy").read_text() == "mine"


def test_no_or_a_broken_database_is_told(tmp_path: Path):
    source = SqliteSource(tmp_path / "absent.sqlite3")
    assert source.measure() == 0
    with pytest.raises(DataFolderUnusable, match="--data-dir"):
        source.write_snapshot(tmp_path / "copy", ignore)
    (tmp_path / "broken.sqlite3").write_bytes(b"no database at all" * 100)
    with pytest.raises(StorageError, match="damaged"):
        SqliteSource(tmp_path / "broken.sqlite3").write_snapshot(tmp_path / "copy-2", ignore)
