"""Whether the database in a backup is ours, whole, and what the manifest says.

Owns these checks; an archive's own integrity is left to ``reading``.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from appliance.errors import BackupRefused
from appliance.storage import migrations
from appliance.storage.backups.header import build_damaged
from appliance.storage.backups.manifest import (
    Manifest,
    measure_tables,
    open_unchanging,
    read_revision,
)
from appliance.storage.backups.progress import Progress, Stopped
from appliance.storage.engine import open_writer

_STATISTICS: Final = {"sqlite_stat1", "sqlite_stat4"}
"""What ``ANALYZE`` makes; no program reads meaning from it."""

_CHECK_SHARE: Final = 0.2
_OPCODES_BETWEEN_REPORTS: Final = 100_000

_MIGRATING: Final = threading.Lock()
"""Alembic has one place for the migration that runs, for the whole process."""

SchemaObject = tuple[str, str, str, str]
"""Type, name, table and statement."""


def check_database(
    path: Path, manifest: Manifest, name: str, *, work: Path, progress: Progress
) -> None:
    """Refuse a database that is not exactly what the manifest of our own backup says.

    Args:
        path: The file; nobody else has it open.
        manifest: What it should hold.
        name: The backup's file name, for what is said of it.
        work: A private folder for what is compared with.
        progress: Told how far it is.

    Raises:
        BackupRefused: Objects of another schema are in it, it is damaged, or it holds other rows.
    """
    expected = _build_expected(work, manifest.schema)
    try:
        with closing(open_unchanging(path)) as connection:
            _check_schema(connection, expected, name)
            if read_revision(connection) != manifest.schema:
                raise build_damaged(name, "its database has another schema than it says")
            with _watched(connection, progress):
                _check_integrity(connection, name)
                if measure_tables(connection) != manifest.tables:
                    raise build_damaged(name, "its database holds other rows than it says")
    except sqlite3.Error as error:
        progress.check()
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            # Nothing here but a signal: SQLite drops what its handler raised in a callback.
            raise KeyboardInterrupt from error
        raise build_damaged(name, f"its database cannot be read ({error})") from error


def _check_schema(connection: sqlite3.Connection, expected: set[SchemaObject], name: str) -> None:
    found = _read_schema(connection)
    foreign = sorted(found - expected)
    if foreign or expected - found:
        what = f"{foreign[0][0]} {foreign[0][1][:100]!r}" if foreign else "missing tables"
        raise BackupRefused(
            f"The backup {name!r} is not of this program: its database has {what} that do not "
            "belong to it. Use another one.",
            code="backup_foreign",
        )


def _check_integrity(connection: sqlite3.Connection, name: str) -> None:
    found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(1)")]
    if found != ["ok"]:
        raise build_damaged(
            name, f"its database is not intact ({' '.join(found[0].split())[:200]})"
        )
    if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
        raise build_damaged(name, "rows in its database refer to rows that are missing")


def _build_expected(work: Path, revision: str) -> set[SchemaObject]:
    """Return the objects that our migrations make up to ``revision``."""
    connection = open_writer(work / "expected.sqlite3")
    try:
        connection.raw.execute("PRAGMA synchronous = OFF")
        migrations.read_revision(connection.sql)
        connection.raw.execute("BEGIN IMMEDIATE")
        with _MIGRATING:
            migrations.run(connection.sql, revision)
        connection.raw.execute("COMMIT")
        return _read_schema(connection.raw)
    finally:
        connection.close()


def _read_schema(connection: sqlite3.Connection) -> set[SchemaObject]:
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema").fetchall()
    return {
        (str(kind), str(name), str(table), " ".join((sql or "").split()))
        for kind, name, table, sql in rows
        if not (kind == "table" and name in _STATISTICS)
    }


class _watched:
    """Let long statements be stopped, and leave room for others meanwhile."""

    def __init__(self, connection: sqlite3.Connection, progress: Progress) -> None:
        self._connection = connection
        self._report: Callable[[int, int], None] = progress.part(_CHECK_SHARE)

    def __enter__(self) -> None:
        self._connection.set_progress_handler(self._note, _OPCODES_BETWEEN_REPORTS)

    def __exit__(self, *_: object) -> None:
        self._connection.set_progress_handler(None, 0)

    def _note(self) -> int:
        try:
            self._report(0, 1)  # how much a statement has left is not known
        except Stopped:
            return 1  # ends the statement with an error; the caller finds out why
        return 0
