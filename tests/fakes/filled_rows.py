"""Rows in every table, so that nothing that copies or erases can leave one out."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Connection, Integer, Table, insert
from sqlalchemy.types import TypeEngine

from appliance.storage.tables import metadata
from appliance.storage.tables.metadata import CompressedJson, UtcDateTime

MOMENT = datetime(2026, 1, 31, 9, 30, 15, 123456, tzinfo=UTC)
CHOICES = {"kind": "publishable", "encrypted_secret": None}
"""Columns with a rule of their own."""


def fill_every_table(connection: Connection, *, mark: str, number: int = 1) -> None:
    """Insert one row into each table; every text of it holds ``mark``."""
    for table in metadata.sorted_tables:
        connection.execute(insert(table).values(build_row(table, mark=mark, number=number)))


def build_row(table: Table, *, mark: str, number: int = 1) -> dict[str, Any]:
    """Return a row whose references lead to the rows of the same ``number``."""
    row: dict[str, Any] = {}
    for column in table.columns:
        if column.name in CHOICES and table.name == "api_keys":
            row[column.name] = CHOICES[column.name]
        elif column.foreign_keys or column.name == "id":
            row[column.name] = f"{number:08d}"
        else:
            row[column.name] = build_value(column.type, mark=mark, number=number)
    return row


def dump_rows(raw: sqlite3.Connection) -> list[str]:
    """Return every row of an SQLite database as it is stored, in order."""
    found = raw.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    return sorted(
        f"{name}{row!r}" for (name,) in found for row in raw.execute(f'SELECT * FROM "{name}"')
    )


def build_value(kind: TypeEngine[Any], *, mark: str, number: int) -> Any:
    """Return a value of this type that is easily spoilt by a careless copy."""
    if isinstance(kind, Boolean):
        return number % 2 == 1
    if isinstance(kind, Integer):
        return number
    if isinstance(kind, UtcDateTime):
        return MOMENT
    if isinstance(kind, JSON | CompressedJson):
        return {"mark": mark, "price": 12.30, "none": None, "big": 2**53 + 1, "שלום": "\u2028"}
    return f"{mark} {number}"
