from __future__ import annotations

import asyncio

import pytest

from appliance.domain.data_table import Column
from appliance.errors import Conflict, InvalidInput
from tests.fakes.sqlite_database import open_temporary_database


async def test_two_who_make_the_same_table_at_once_make_one():
    async with open_temporary_database() as temporary:
        editor, tenant_id = temporary.database.table_editor, temporary.tenant_id
        made = await asyncio.gather(
            *(editor.create_table(tenant_id, name, []) for name in ("stock", "Stock")),
            return_exceptions=True,
        )
        assert [type(found).__name__ for found in made].count("TableInfo") == 1
        assert [isinstance(found, Conflict) for found in made].count(True) == 1


async def test_a_change_of_type_that_fails_late_leaves_every_row():
    """The first parts of the rows were converted already when the last one did not fit."""
    async with open_temporary_database() as temporary:
        database, tenant_id = temporary.database, temporary.tenant_id
        table = await database.table_editor.create_table(tenant_id, "s", [Column(name="n")])
        rows = [{"n": str(number)} for number in range(4_500)]
        await database.data_tables.insert_rows(tenant_id, "s", [*rows, {"n": "many"}])
        with pytest.raises(InvalidInput) as refused:
            await database.table_editor.change_column(
                tenant_id, table.id, "n", Column(name="n", type="number")
            )
        assert [error.field for error in refused.value.errors] == ["row 4501"]
        (first,) = await database.table_editor.list_rows(tenant_id, table.id, limit=1)
        assert first["n"] == "0"
