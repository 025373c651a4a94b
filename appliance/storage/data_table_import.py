"""Many rows at once into a data table, within one transaction.

Owns appending, replacing and updating by a key, each in a statement or two whatever the number of
rows, because everybody who writes waits meanwhile; the rows were read and judged before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import Raw, Struct
from sqlalchemy import (
    Connection,
    String,
    Text,
    bindparam,
    delete,
    func,
    select,
    text,
    update,
)

from appliance.errors import FieldError, InvalidInput
from appliance.ports.data_table_editor import ImportCounts, ImportedRow, ImportMode
from appliance.storage.data_table_filters import build_column
from appliance.storage.data_table_lookup import FoundTable
from appliance.storage.tables import data_table_rows, data_tables
from appliance.storage.tables.metadata import UtcDateTime

_MAX_ERRORS = 20


class _Spelling(Struct, frozen=True):
    """What the two databases write differently: numbered rows of a file, and merged cells."""

    given: str
    merged: str


_SPELLINGS: Mapping[str, _Spelling] = {
    "sqlite": _Spelling(
        "SELECT value ->> 0 AS n, value -> 1 AS cells FROM json_each(:given)",
        "json_patch(data_table_rows.cells, excluded.cells)",
    ),
    "postgresql": _Spelling(
        "SELECT CAST(value ->> 0 AS integer) AS n, value -> 1 AS cells"
        " FROM json_array_elements(CAST(:given AS json))",
        "CAST(CAST(data_table_rows.cells AS jsonb) || CAST(excluded.cells AS jsonb) AS json)",
    ),
}
_PUT = (
    "INSERT INTO data_table_rows (table_id, row_id, tenant_id, cells, created_at, updated_at)"
    " SELECT :table_id, n, :tenant_id, cells, :now, :now FROM ({given}) AS given WHERE true"
    " ON CONFLICT (table_id, row_id) DO UPDATE SET cells = {merged},"
    " updated_at = excluded.updated_at"
)


def import_rows(
    connection: Connection,
    table: FoundTable,
    rows: Sequence[ImportedRow],
    *,
    mode: ImportMode,
    key: str,
    now: datetime,
) -> ImportCounts:
    """Do what ``TableEditor.import_rows`` promises, with ``now`` as the rows' time."""
    if mode == "update":
        return _update_rows(connection, table, rows, key, now)
    removed = 0
    if mode == "replace":
        count = select(func.count()).select_from(data_table_rows).where(*table.rows)
        removed = connection.execute(count).scalar_one()
        connection.execute(delete(data_table_rows).where(*table.rows))
    _add(connection, table, rows, now)
    return ImportCounts(added=len(rows), removed=removed)


def _add(
    connection: Connection, table: FoundTable, rows: Sequence[ImportedRow], now: datetime
) -> None:
    if rows:
        first, last = table.last_row_id + 1, table.last_row_id + len(rows)
        connection.execute(update(data_tables).where(*table.itself).values(last_row_id=last))
        given = zip(range(first, last + 1), (row.cells for row in rows), strict=True)
        _put(connection, table, list(given), now)


def _update_rows(
    connection: Connection,
    table: FoundTable,
    rows: Sequence[ImportedRow],
    key: str,
    now: datetime,
) -> ImportCounts:
    columns = data_table_rows.c
    column = build_column(key, table.all_types)
    given = {row.key: row for row in rows if row.key is not None}
    met = set()
    changes: list[tuple[int, Raw]] = []
    for row_id, found in connection.execute(select(columns.row_id, column).where(*table.rows)):
        if found in given:
            met.add(found)
            changes.append((row_id, given[found].cells))
    added = [row for row in rows if row.key is None or row.key not in met]
    unknown = [row for row in added if row.key is not None] if key == "id" else []
    if unknown:
        raise InvalidInput(
            "The table has no rows of these ids. Leave the id empty to add a row.",
            errors=[
                FieldError(f"line {row.line}, id", f"There is no row {row.key}.")
                for row in unknown[:_MAX_ERRORS]
            ],
        )
    _put(connection, table, changes, now)
    _add(connection, table, added, now)
    return ImportCounts(added=len(added), changed=len(changes))


def _put(
    connection: Connection, table: FoundTable, given: Sequence[tuple[int, Raw]], now: datetime
) -> None:
    """Insert the cells under these row ids, or change those that are given of the row there."""
    spelling = _SPELLINGS[connection.dialect.name]
    written = text(_PUT.format(given=spelling.given, merged=spelling.merged)).bindparams(
        bindparam("given", type_=Text()),
        bindparam("table_id", type_=String()),
        bindparam("tenant_id", type_=String()),
        bindparam("now", type_=UtcDateTime()),
    )
    bound = {
        "given": msgspec.json.encode(given).decode(),
        "table_id": table.id,
        "tenant_id": table.tenant_id,
        "now": now,
    }
    connection.execute(written, bound)
