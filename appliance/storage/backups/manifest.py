"""What a backup says of its content: its files, and rows and sums of the database in it.

Owns the manifest's form and the counting; comparing is left to ``database_checks``.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from appliance.ports.backups import BackupKind
from appliance.storage.backups.header import Header

MANIFEST: Final = "manifest.json"
DATABASE: Final = "database.sqlite3"
CONFIG: Final = "config.toml"
KEYS: Final = "secrets.key"
MEMBERS: Final = (DATABASE, CONFIG, KEYS)
"""What follows the manifest, in this order; only the database always does."""

INSTALLATION_ID: Final = "installation_id"
"""The name under which ``settings`` keeps it."""


class Member(Struct, frozen=True, forbid_unknown_fields=True):
    """One file: its size in bytes and its SHA-256."""

    size: int
    sha256: str


class TableSums(Struct, frozen=True, forbid_unknown_fields=True):
    """How many rows a table has, and the sums of its counters: tokens, calls, cost."""

    rows: int
    sums: dict[str, int]


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first file in a backup."""

    id: str
    created_at: datetime
    kind: BackupKind
    program_version: str
    schema: str
    installation_id: str | None
    key_fingerprint: str | None
    members: dict[str, Member]
    tables: dict[str, TableSums]


def build_manifest(
    header: Header,
    *,
    key_fingerprint: str | None,
    members: dict[str, Member],
    tables: dict[str, TableSums],
) -> Manifest:
    """Return the manifest of a backup with this head, which it repeats."""
    return Manifest(
        id=header.id,
        created_at=header.created_at,
        kind=header.kind,
        program_version=header.program_version,
        schema=header.schema,
        installation_id=header.installation_id,
        key_fingerprint=key_fingerprint,
        members=members,
        tables=tables,
    )


def open_unchanging(path: Path) -> sqlite3.Connection:
    """Open a database that nobody writes, trusting nothing in it and leaving no file beside it.

    Raises:
        sqlite3.Error: It cannot be opened.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None
    )
    for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "query_only = ON"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    return connection


def measure_tables(connection: sqlite3.Connection) -> dict[str, TableSums]:
    """Count the rows of every table and add up its counters.

    Raises:
        sqlite3.Error: The database cannot be read.
    """
    names = [
        str(row[0])
        for row in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite~_%'"
            " ESCAPE '~' ORDER BY name"
        )
    ]
    return {name: _measure(connection, name) for name in names}


def read_facts(path: Path) -> tuple[str, str | None, dict[str, TableSums]]:
    """Return a snapshot's schema revision, its installation's id and its tables' sums."""
    with closing(open_unchanging(path)) as connection:
        revision = read_revision(connection)
        row = connection.execute(
            "SELECT value FROM settings WHERE name = ?", (INSTALLATION_ID,)
        ).fetchone()
        installation_id = json.loads(row[0]) if row and row[0] else None
        return revision or "", _text(installation_id), measure_tables(connection)


def read_revision(connection: sqlite3.Connection) -> str | None:
    """Return the schema revision of a database that has the table for it."""
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def _measure(connection: sqlite3.Connection, table: str) -> TableSums:
    quoted = _quote(table)
    counters = [
        str(column[1])
        for column in connection.execute(f"PRAGMA table_info({quoted})")
        if str(column[2]).upper() == "BIGINT"  # what the tables declare for sums
    ]
    sums = "".join(f", coalesce(sum({_quote(name)}), 0)" for name in counters)
    row = connection.execute(f"SELECT count(*){sums} FROM {quoted}").fetchone()
    return TableSums(rows=row[0], sums=dict(zip(counters, row[1:], strict=True)))


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
