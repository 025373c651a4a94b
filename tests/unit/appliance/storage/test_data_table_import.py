from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import Connection, event

from appliance.domain.data_table import Column
from appliance.ports.data_table_editor import ImportCounts, ImportedRow, ImportMode
from appliance.storage.data_table_import import import_rows
from appliance.storage.data_table_lookup import load_table
from tests.fakes.sqlite_database import open_temporary_database

MANY = 20_000


@pytest.mark.parametrize("mode", ["append", "replace", "update"])
async def test_many_rows_take_few_statements(mode: ImportMode):
    """Everybody who writes waits for this transaction, so it does not go row by row."""
    rows = [
        ImportedRow(line=n, key=f"S{n}", cells=msgspec.Raw(b'{"sku":"S%d","count":%d}' % (n, n)))
        for n in range(MANY)
    ]
    async with open_temporary_database() as temporary:
        database, tenant_id = temporary.database, temporary.tenant_id
        columns = [Column(name="sku"), Column(name="count", type="number")]
        await database.data_tables.ensure_table(tenant_id, "stock", columns)
        await database.data_tables.insert_rows(tenant_id, "stock", [{"sku": "S7"}, {"sku": "old"}])

        def write(connection: Connection) -> tuple[ImportCounts, list[bool]]:
            table = load_table(connection, tenant_id, "stock")
            statements: list[bool] = []

            def note(*arguments: object) -> None:
                statements.append(bool(arguments[-1]))

            event.listen(connection, "before_cursor_execute", note)
            key = "sku" if mode == "update" else ""
            counts = import_rows(
                connection, table, rows, mode=mode, key=key, now=temporary.clock.now()
            )
            event.remove(connection, "before_cursor_execute", note)
            return counts, statements

        counts, statements = await database.backend.transactions.write(write)
        assert len(statements) <= 4
        assert not any(statements)  # none of them is run once a row
        (table,) = await database.table_editor.list_tables(tenant_id)
    assert (
        counts
        == {
            "append": ImportCounts(added=MANY),
            "replace": ImportCounts(added=MANY, removed=2),
            "update": ImportCounts(added=MANY - 1, changed=1),
        }[mode]
    )
    assert table.row_count == {"append": MANY + 2, "replace": MANY, "update": MANY + 1}[mode]
