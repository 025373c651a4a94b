"""Carrying all rows from one database to another of the same schema.

Owns which tables there are, their order, and the comparison of both sides; opening databases is
left to ``appliance.storage.postgres.moving``. Both connections must give JSON as text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct
from sqlalchemy import (
    JSON,
    BigInteger,
    Connection,
    DateTime,
    MetaData,
    Table,
    func,
    insert,
    inspect,
    select,
)

from appliance.errors import StorageError
from appliance.storage.tables.metadata import UtcDateTime, json_type

BATCH_ROWS = 500
VERSION_TABLE = "alembic_version"

OnRows = Callable[[int], None]
"""Told how many more rows were copied."""


class TableSummary(Struct, frozen=True):
    """How many rows a table has, and the sums of its counters by column."""

    rows: int
    sums: Mapping[str, int]


def load_tables(connection: Connection) -> list[Table]:
    """Return the tables of an SQLite database as it is, whatever its revision.

    They come in an order in which rows can be inserted: what is referred to comes first.
    """
    found = MetaData()
    names = [name for name in inspect(connection).get_table_names() if name != VERSION_TABLE]
    found.reflect(connection, only=names)
    for table in found.tables.values():
        for column in table.columns:
            if isinstance(column.type, DateTime):
                column.type = UtcDateTime()
            elif isinstance(column.type, JSON):
                column.type = json_type()
    return list(found.sorted_tables)


def count_rows(connection: Connection, tables: list[Table]) -> int:
    """Return how many rows the tables have together."""
    return sum(
        connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables
    )


def copy_rows(
    source: Connection, target: Connection, tables: list[Table], *, on_rows: OnRows
) -> None:
    """Insert all rows of ``source`` into the empty tables of ``target``, in the open transaction.

    Raises:
        StorageError: Both sides differ afterwards; names the table.
    """
    for table in tables:
        rows = source.execution_options(yield_per=BATCH_ROWS).execute(select(table))
        for batch in rows.partitions(BATCH_ROWS):
            target.execute(insert(table), [dict(row._mapping) for row in batch])
            on_rows(len(batch))
    for table in tables:
        before, after = summarise(source, table), summarise(target, table)
        if before != after:
            raise StorageError(
                f"The copy of the table {table.name!r} differs: {before} became {after}. Nothing "
                "was changed.",
                code="copy_differs",
            )


def summarise(connection: Connection, table: Table) -> TableSummary:
    """Return the number of rows and the sums that both sides of a copy must agree on."""
    counters = [column for column in table.columns if isinstance(column.type, BigInteger)]
    query = select(func.count(), *(func.coalesce(func.sum(column), 0) for column in counters))
    row = connection.execute(query.select_from(table)).one()
    sums = {column.name: int(total) for column, total in zip(counters, row[1:], strict=True)}
    return TableSummary(row[0], sums)
