from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.errors import StorageError
from appliance.storage import migrations
from appliance.storage.engine import open_writer
from appliance.storage.sqlite_backend import SqliteBackend
from appliance.storage.sqlite_damage import PATIENCE_S, check_file

PAGE = 4096


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with something in it, closed."""
    found = tmp_path_factory.mktemp("whole") / "csai.sqlite3"
    connection = open_writer(found)
    migrations.upgrade(connection)
    with connection.raw:
        connection.raw.executemany(
            "INSERT INTO settings (name, value) VALUES (?, ?)",
            [(f"setting {number}", "1" * 500) for number in range(200)],
        )
    connection.close()
    return found


@pytest.fixture
def path(tmp_path: Path, whole: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copy(whole, tmp_path / whole.name))


def cut(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)


def overwrite(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


def spoil_every_page_but_the_first(path: Path) -> None:
    for offset in range(PAGE, path.stat().st_size, PAGE):
        overwrite(path, offset, b"\xa5" * PAGE)


def spoil_a_table(path: Path) -> None:
    """Damage the page in which the rows of ``settings`` begin."""
    raw = sqlite3.connect(path)
    (root,) = raw.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'settings'").fetchone()
    raw.close()
    overwrite(path, (root - 1) * PAGE, b"\xa5" * 64)


def read_folder(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.parent.iterdir()}


DAMAGES: dict[str, Callable[[Path], None]] = {
    "garbage": lambda path: path.write_bytes(b"no database at all" * 100) and None,
    "short garbage": lambda path: path.write_bytes(b"no") and None,
    "cut in the header": lambda path: cut(path, 60),
    "cut after a page": lambda path: cut(path, PAGE),
    "cut in a page": lambda path: cut(path, path.stat().st_size - 100),
    "last page gone": lambda path: cut(path, path.stat().st_size - PAGE),
    "pages spoiled": spoil_every_page_but_the_first,
    "a table spoiled": spoil_a_table,
    "schema spoiled": lambda path: overwrite(path, 100, b"\xa5" * (PAGE - 100)),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_file_is_refused_and_left_alone(path: Path, damage: str):
    DAMAGES[damage](path)
    before = read_folder(path)
    with pytest.raises(StorageError) as refused:
        await SqliteBackend.open(path)
    assert refused.value.code == "database_damaged"
    assert str(path) in refused.value.message
    assert "csai backup restore" in refused.value.message
    assert "\n" not in refused.value.message
    assert read_folder(path) == before


async def test_a_log_without_its_database_is_not_thrown_away(path: Path):
    log = path.with_name(f"{path.name}-wal")
    log.write_bytes(b"frames of a database that is gone")
    cut(path, 0)
    with pytest.raises(StorageError, match="it is empty, but its log is not"):
        await SqliteBackend.open(path)
    assert log.read_bytes() == b"frames of a database that is gone"


def test_a_whole_file_passes_and_is_not_touched(path: Path):
    before = read_folder(path)
    check_file(path)
    assert read_folder(path) == before


def test_an_empty_file_is_a_new_database(tmp_path: Path):
    (tmp_path / "new").touch()
    check_file(tmp_path / "new")


def test_a_file_behind_its_log_passes(path: Path, tmp_path: Path):
    """As a killed process leaves it: the newest pages are in the log only."""
    connection = open_writer(path)
    connection.raw.execute("PRAGMA wal_autocheckpoint = 0")
    connection.raw.execute("CREATE TABLE more (text)")
    connection.raw.execute("INSERT INTO more VALUES (zeroblob(100000))")
    killed = tmp_path / "killed"
    killed.mkdir()
    for file in (path, path.with_name(f"{path.name}-wal")):
        shutil.copy(file, killed / file.name)
    connection.close()
    log = (killed / f"{path.name}-wal").read_bytes()
    check_file(killed / path.name)
    assert (killed / f"{path.name}-wal").read_bytes() == log


def test_a_locked_file_passes(path: Path):
    outside = sqlite3.connect(path, isolation_level=None)
    outside.execute("BEGIN EXCLUSIVE")
    check_file(path)
    outside.close()


def test_a_big_file_is_not_looked_through(path: Path):
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE big (id INTEGER PRIMARY KEY, text TEXT)")
    count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
    raw.execute(f"INSERT INTO big {count} SELECT i, printf('%01200d', i) FROM n")
    raw.commit()
    raw.close()
    assert path.stat().st_size > 100_000_000
    started = time.process_time()
    check_file(path)
    assert time.process_time() - started < 5 * PATIENCE_S
