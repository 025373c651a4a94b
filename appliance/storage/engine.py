"""Connections to the SQLite database.

Owns how a connection is opened and set up, for SQLAlchemy and for the precompiled statements of
the hot path alike; which thread uses it is left to ``writer`` and ``readers``.
"""

from __future__ import annotations

import os
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from appliance.storage.tables.metadata import write_time

LOCK_POLL_S = 0.1
"""How long one try for the write lock waits; ``writer`` tries again."""

READ_WAIT_S = 5.0
"""How long a read waits in the rare moments when the log is recovered or reset."""

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700

_WRITER_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "wal_autocheckpoint = 1000",
    "journal_size_limit = 67108864",
    "cache_size = -8192",
    "secure_delete = ON",  # what is erased is gone from the file, not only from its index
)
_COPY_PRAGMAS = ("journal_mode = DELETE", "synchronous = FULL", "cache_size = -16384")
_READER_PRAGMAS = ("query_only = ON", "cache_size = -4096")
_ALL_PRAGMAS = ("foreign_keys = ON", "temp_store = MEMORY", "trusted_schema = OFF")

_encode = msgspec.json.Encoder()
_decode = msgspec.json.Decoder()


class SqliteConnection(Struct, frozen=True):
    """One connection, seen as SQLite's own (``raw``) and as SQLAlchemy's (``sql``).

    Neither begins nor ends a transaction by itself: that is up to the thread that owns it.
    """

    raw: sqlite3.Connection
    sql: Connection

    def close(self) -> None:
        """Close it; what was not committed is rolled back."""
        self.sql.close()
        self.sql.engine.dispose()
        self.raw.close()


def open_writer(path: Path) -> SqliteConnection:
    """Open the database for writing; the file is made, readable by its owner only, if absent.

    Raises:
        sqlite3.Error: It cannot be opened.
        OSError: The file cannot be made.
    """
    path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, PRIVATE_FILE))
    return _open(path, mode="rw", wait_s=LOCK_POLL_S, pragmas=_WRITER_PRAGMAS)


def open_reader(path: Path) -> SqliteConnection:
    """Open the existing database for reading only.

    Raises:
        sqlite3.Error: It cannot be opened.
    """
    return _open(path, mode="ro", wait_s=READ_WAIT_S, pragmas=_READER_PRAGMAS)


def open_for_copying(path: Path, *, is_writable: bool) -> SqliteConnection:
    """Open a database nobody else uses, its JSON as the text it is stored as; the file may be new.

    Raises:
        sqlite3.Error: It cannot be opened.
        OSError: The file cannot be made.
    """
    if is_writable:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, PRIVATE_FILE))
    return _open(
        path,
        mode="rw" if is_writable else "ro",
        wait_s=READ_WAIT_S,
        pragmas=_COPY_PRAGMAS if is_writable else _READER_PRAGMAS,
        is_json_text=True,
    )


def _open(
    path: Path, *, mode: str, wait_s: float, pragmas: tuple[str, ...], is_json_text: bool = False
) -> SqliteConnection:
    raw = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=wait_s,
        cached_statements=256,
    )
    sqlite3.register_adapter(datetime, write_time)  # the same each time, for the whole process
    for pragma in (*_ALL_PRAGMAS, *pragmas):
        raw.execute(f"PRAGMA {pragma}").fetchall()
    # As on Postgres: LIKE minds the case, and lower() knows every alphabet. No index uses either.
    raw.execute("PRAGMA case_sensitive_like = ON")
    raw.create_function("lower", 1, _lower, deterministic=True)
    engine = create_engine(
        "sqlite+pysqlite://",
        creator=lambda: raw,
        module=sqlite3,
        poolclass=StaticPool,
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,  # an error's words reach the log, what people wrote must not
        json_serializer=keep_json_text if is_json_text else encode_json,
        json_deserializer=keep_json_text if is_json_text else decode_json,
    )
    return SqliteConnection(raw, engine.connect())


def encode_json(value: object) -> str:
    """Return ``value`` as the JSON text that is stored."""
    return _encode.encode(value).decode()


def decode_json(stored: str) -> object:
    """Return the value of a stored JSON text."""
    return _decode.decode(stored)


def keep_json_text(text: object) -> Any:
    """Return JSON text as it is, where rows are only carried from one database to another."""
    return text


def _lower(value: str | bytes | float | None) -> str | bytes | float | None:
    return value.lower() if isinstance(value, str) else value
