"""The hot path's statements, and how they are carried out without knowing the database.

Owns the form that ``turn_begin``, ``turn_end`` and ``usage_sums`` are written in: generators that
yield statements and are sent their rows, so that one piece of logic serves SQLite's writer thread
and Postgres's event loop alike (docs/adr/0011).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Sequence
from typing import Any, NamedTuple, TypeVar

Result = TypeVar("Result")
Row = Sequence[Any]


class Statement(NamedTuple):
    """One statement in both databases' notation."""

    sqlite: str
    postgres: str


Step = tuple[Statement, tuple[Any, ...]]
Script = Generator[Step, Sequence[Row], Result]
"""Yields a statement with its values, is sent the statement's rows, and returns its result.

It runs inside one transaction, changes nothing but the database, and may be run again from the
start. Times are aware ``datetime``s, JSON is text, truth is ``bool`` on its way in; on its way out
SQLite gives text for times and 0 or 1 for truth.
"""


def build_statement(text: str, *, locks: str = "") -> Statement:
    """Return the statement of a portable text whose values are marked ``?1``, ``?2`` and so on.

    Args:
        text: Understood by both databases but for the marks of its values.
        locks: The table whose found rows Postgres shall lock until the transaction ends; SQLite
            has one writer and needs no such lock.
    """
    postgres = text.replace("?", "$")
    return Statement(text, f"{postgres} FOR UPDATE OF {locks}" if locks else postgres)


def marks(count: int) -> str:
    """Return the marks of the first ``count`` values of a statement."""
    return ", ".join(f"?{number}" for number in range(1, count + 1))


def run_on_sqlite(raw: sqlite3.Connection, script: Script[Result]) -> Result:
    """Carry out ``script`` in the transaction that ``raw`` is in."""
    try:
        statement, values = next(script)
        while True:
            rows = raw.execute(statement.sqlite, values).fetchall()
            statement, values = script.send(rows)
    except StopIteration as end:
        result: Result = end.value
        return result
