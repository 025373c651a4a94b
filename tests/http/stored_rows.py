"""What stands in a running server's database, read from outside.

Owns opening it without writing; what the rows mean is left to the tests.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def read_rows(database: Path, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return the rows that ``query`` finds."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(query, values).fetchall()


def write_rows(database: Path, statement: str, *values: Any) -> None:
    """Change rows behind the server's back, for what no route offers yet."""
    with closing(sqlite3.connect(database, timeout=10)) as connection, connection:
        connection.execute(statement, values)


def read_bookings(database: Path) -> list[dict[str, Any]]:
    """Return every tenant's bookings."""
    rows = read_rows(
        database,
        "SELECT row.cells FROM data_table_rows AS row"
        " JOIN data_tables AS found ON found.id = row.table_id WHERE found.name = 'bookings'",
    )
    return [json.loads(row[0]) for row in rows]
