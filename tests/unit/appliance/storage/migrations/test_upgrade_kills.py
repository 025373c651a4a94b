"""An upgrade that is killed after any of its statements leaves the old version's database."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from appliance.paths import DataPaths
from appliance.storage import migrations
from appliance.storage.database import Database
from tests.fakes.backups import Installation, build_installation
from tests.fakes.clock import SettableClock

KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from appliance.storage.sqlite_library import install; install()
import alembic.command
from appliance.storage import engine, migrations

folder = Path(sys.argv[1])
for number in range(1, 200):
    root = folder / f"root-{number}"
    shutil.copytree(folder / "template", root)
    child = os.fork()
    if child == 0:
        seen = 0

        def count(statement):
            global seen
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

        connection = engine.open_writer(root / "database" / "csai.sqlite3")
        connection.raw.set_trace_callback(count)
        migrations.upgrade(connection)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        break
print(number - 1)
"""
"""The trace is told of each statement before it runs: killed at one, those before it have run."""


def read_rows(installation: Installation) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table."""
    tables = [row[0] for row in installation.execute(TABLES)]
    return {table: installation.execute(f"SELECT * FROM {table} ORDER BY 1") for table in tables}


TABLES = (
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
)
SCHEMA = "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name"


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> list[Installation]:
    """The folder that was upgraded, and one for each statement that it was killed at.

    The last of these comes behind the commit.
    """
    folder = tmp_path_factory.mktemp("kills")
    build_installation(folder / "template", revision="0001")
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder)], check=True, capture_output=True, text=True
    )
    count = int(ended.stdout)
    template = Installation(DataPaths(folder / "template"))
    return [template, *(Installation(DataPaths(folder / f"root-{n + 1}")) for n in range(count))]


def test_the_old_version_still_works_after_a_kill_at_any_statement(killed: list[Installation]):
    template, *folders, committed = killed
    rows, schema = read_rows(template), template.execute(SCHEMA)
    assert len(folders) > 12
    assert committed.execute("SELECT version_num FROM alembic_version") == [(migrations.HEAD,)]
    for number, installation in enumerate(folders, start=1):
        copy = Installation(DataPaths(installation.paths.root.with_name(f"old-{number}")))
        shutil.copytree(installation.paths.root, copy.paths.root)
        assert copy.execute("SELECT version_num FROM alembic_version") == [("0001",)], number
        assert copy.execute("PRAGMA integrity_check") == [("ok",)]
        assert copy.execute("PRAGMA foreign_key_check") == []
        assert copy.execute(SCHEMA) == schema
        assert read_rows(copy) == rows
        write_as_the_old_version(copy.paths.database)


def write_as_the_old_version(database: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as raw:
        raw.execute("BEGIN IMMEDIATE")
        raw.execute("UPDATE conversations SET message_count = message_count + 1")
        raw.execute("COMMIT")


async def test_the_new_version_then_upgrades_it(killed: list[Installation]):
    template, *folders = killed
    messages = template.execute("SELECT id, content FROM messages ORDER BY id")
    for installation in folders:
        clock = SettableClock()
        paths = installation.paths
        database = await Database.open(paths.database, clock, paths.key_file)
        await database.recover()
        await database.close()
        found = installation.execute("SELECT version_num FROM alembic_version")
        assert found == [(migrations.HEAD,)]
        assert installation.execute("SELECT id, content FROM messages ORDER BY id") == messages
        assert installation.execute("PRAGMA integrity_check") == [("ok",)]
