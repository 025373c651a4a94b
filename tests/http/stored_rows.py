"""What stands in a running server's database, read from outside.

Owns opening it, SQLite's file or Postgres; what the rows mean is left to the tests.
"""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg

from appliance.storage.tables.metadata import write_time

Place = Path | str


def read_rows(database: Place, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return the rows that ``query`` finds; its values are marked ``?``."""
    if isinstance(database, str):
        return _run_on_postgres(database, query, values)
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(query, values).fetchall()


def write_rows(database: Place, statement: str, *values: Any) -> None:
    """Change rows behind the server's back, for what no route offers yet."""
    if isinstance(database, str):
        _run_on_postgres(database, statement, values)
        return
    with closing(sqlite3.connect(database, timeout=10)) as connection, connection:
        stored = [write_time(v) if isinstance(v, datetime) else v for v in values]
        connection.execute(statement, stored)


def read_bookings(database: Place) -> list[dict[str, Any]]:
    """Return every tenant's bookings."""
    return read_cells(database, "bookings")


def read_cells(database: Place, table: str) -> list[dict[str, Any]]:
    """Return the rows of every tenant's data table of this name."""
    rows = read_rows(
        database,
        "SELECT row.cells FROM data_table_rows AS row"
        " JOIN data_tables AS found ON found.id = row.table_id WHERE found.name = ?"
        " ORDER BY row.table_id, row.row_id",
        table,
    )
    return [json.loads(row[0]) for row in rows]


def _run_on_postgres(url: str, text: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Run one statement on a connection of its own, in a thread: the caller may be in a loop."""
    numbers = count(1)
    numbered = re.sub(r"\?", lambda _: f"${next(numbers)}", text)

    async def run() -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(url)
        try:
            rows = await connection.fetch(numbered, *values)
        finally:
            await connection.close()
        return [
            tuple(int(value) if isinstance(value, Decimal) else value for value in row)
            for row in rows
        ]

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, run()).result()
