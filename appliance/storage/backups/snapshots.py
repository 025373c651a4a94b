"""A consistent copy of the live database, as one SQLite file.

Owns the port that backups are made through, and its SQLite side: neither waits for writers nor
lets them wait, within the server and beside it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, Protocol

from appliance.errors import DataFolderUnusable
from appliance.storage.sqlite_errors import translate

Report = Callable[[int, int], None]
"""Told how much of how much is done; raising ends the work."""

STEP_PAGES: Final = 1024
_SYNC_EVERY_STEPS: Final = 4


class SnapshotSource(Protocol):
    """Where snapshots come from. Both methods block."""

    def measure(self) -> int:
        """Return about how many bytes a snapshot will have."""
        ...

    def write_snapshot(self, target: Path, report: Report) -> None:
        """Write the committed state of one moment to the new file ``target``.

        Raises:
            DataFolderUnusable: There is no database yet.
            StorageError: It cannot be read, or the disk is full.
        """
        ...


class SqliteSource:
    """Implements ``SnapshotSource`` on a database file, whoever has it open."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def measure(self) -> int:
        """Return the size of the file and its log."""
        files = (self._path, self._path.with_name(f"{self._path.name}-wal"))
        return sum(file.stat().st_size for file in files if file.is_file())

    def write_snapshot(self, target: Path, report: Report) -> None:
        """Copy page by page, out of one read transaction."""
        if not self._path.is_file():
            raise DataFolderUnusable(
                f"There is no database in {str(self._path.parent)!r} yet. Name the data folder "
                "with --data-dir.",
                setting="CSAI_DATA_DIR",
            )
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            with (
                closing(_connect(self._path, "ro")) as live,
                closing(_connect(target, "rw")) as copy,
            ):
                _copy(live, copy, target, report)
        except sqlite3.Error as error:
            raise translate(error) from error


def _copy(live: sqlite3.Connection, copy: sqlite3.Connection, target: Path, report: Report) -> None:
    copy.execute("PRAGMA synchronous = OFF")  # a draft: what becomes of it is synced
    # The open transaction holds the snapshot; without it every write would start the copy anew.
    live.execute("BEGIN")
    live.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    steps = 0

    def note(_: int, left: int, total: int) -> None:
        nonlocal steps
        steps += 1
        if steps % _SYNC_EVERY_STEPS == 0:
            _sync(target)  # little by little: one large sync would hold up the database's own
        report(total - left, total)

    try:
        live.backup(copy, pages=STEP_PAGES, progress=note)
    finally:
        live.execute("ROLLBACK")
    copy.execute("PRAGMA journal_mode = DELETE").fetchone()  # one file, nothing beside it


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=5.0
    )


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
