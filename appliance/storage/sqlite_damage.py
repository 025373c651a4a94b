"""Whether an SQLite file is whole enough to work with.

Owns the look at a file before it is opened for writing, in bounded time; what damage means while it
is open is left to ``sqlite_errors``. Nothing is changed by looking.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from appliance.errors import StorageError
from appliance.storage.tables import metadata

CODE = "database_damaged"
PATIENCE_S = 0.1
"""How long the look through the whole file may take; a start must not grow with the database."""

_GROWING = frozenset(
    ("conversations", "messages", "tool_executions", "data_table_rows", "audit_log", "tool_usage")
)
_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
_STEPS_BETWEEN_LOOKS_AT_THE_CLOCK = 10_000
_DAMAGE_CODES = frozenset((11, 26))  # SQLITE_CORRUPT, SQLITE_NOTADB


def check_file(path: Path) -> None:
    """Refuse a database file that is damaged.

    The tables without which nothing works are checked wholly. The others grow, so they are checked
    as far as ``PATIENCE_S`` allows, which is all of them in a database of some tens of megabytes.

    Raises:
        StorageError: It is damaged; names the file and the remedy.
    """
    log = path.with_name(f"{path.name}-wal")
    try:
        found = _find_wrong_size(path, log)
        if not found and log.exists():
            found = _find_wrong_content(path, "mode=ro")
        elif not found:
            # Nobody has it open, so it can be read without making a log beside it.
            found = _find_wrong_content(path, "immutable=1")
            if found and log.exists():  # somebody has opened it meanwhile
                found = _find_wrong_content(path, "mode=ro")
    except OSError:
        return  # opening it will tell
    if found:
        raise StorageError(
            f"The database file {str(path)!r} is damaged ({found}). Nothing was changed. Restore "
            "a backup with: csai backup restore",
            code=CODE,
        )


def _find_wrong_size(path: Path, log: Path) -> str | None:
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    size = path.stat().st_size
    is_log_empty = not log.exists() or log.stat().st_size == 0
    if not header:
        # SQLite itself would begin anew and delete the log.
        return None if is_log_empty else "it is empty, but its log is not"
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
        return "it is no SQLite database"
    page_size = int.from_bytes(header[16:18]) or 1
    page_size = 65536 if page_size == 1 else page_size
    is_count_valid = header[24:28] == header[92:96]
    expected = int.from_bytes(header[28:32]) * page_size
    if is_count_valid and is_log_empty and size < expected:
        return f"it has {size} bytes of {expected}"
    return None


def _find_wrong_content(path: Path, mode: str) -> str | None:
    uri = f"{path.absolute().as_uri()}?{mode}"
    try:
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            tables = {row[0] for row in rows.fetchall()}
            for name in sorted(tables & (metadata.tables.keys() - _GROWING)):
                if problem := _read_problem(connection, f"PRAGMA quick_check('{name}')"):
                    return problem
            deadline = time.monotonic() + PATIENCE_S
            connection.set_progress_handler(
                lambda: time.monotonic() > deadline, _STEPS_BETWEEN_LOOKS_AT_THE_CLOCK
            )
            return _read_problem(connection, "PRAGMA quick_check(1)")
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0)
        # Whatever else it is, locked or out of time, is no damage.
        return str(error) if code & 0xFF in _DAMAGE_CODES else None


def _read_problem(connection: sqlite3.Connection, pragma: str) -> str | None:
    problem: str = connection.execute(pragma).fetchone()[0]
    return None if problem == "ok" else " ".join(problem.split())
