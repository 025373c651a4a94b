from __future__ import annotations

import asyncio

from appliance.domain.data_table import Column
from appliance.ports.data_tables import Condition, RowFilter
from tests.fakes.sqlite_database import open_temporary_database

STOCK = RowFilter(conditions=(Condition(column="dish", value="Pepperoni"),))


async def test_inserts_at_once_get_ids_of_their_own():
    async with open_temporary_database() as temporary:
        tables, tenant_id = temporary.database.data_tables, temporary.tenant_id
        await tables.ensure_table(tenant_id, "stock", [Column(name="dish")])
        inserted = await asyncio.gather(
            *(tables.insert_rows(tenant_id, "stock", [{}, {}]) for _ in range(20))
        )
        ids = sorted(row["id"] for rows in inserted for row in rows)
        assert ids == list(range(1, 41))


async def test_upserts_at_once_make_one_row():
    async with open_temporary_database() as temporary:
        tables, tenant_id = temporary.database.data_tables, temporary.tenant_id
        await tables.ensure_table(tenant_id, "stock", [Column(name="dish")])
        await asyncio.gather(
            *(
                tables.upsert_row(tenant_id, "stock", STOCK, {"dish": "Pepperoni"})
                for _ in range(20)
            )
        )
        assert len(await tables.get_rows(tenant_id, "stock", RowFilter())) == 1


async def test_a_thousand_rows_are_found_and_changed():
    async with open_temporary_database() as temporary:
        tables, tenant_id = temporary.database.data_tables, temporary.tenant_id
        await tables.ensure_table(
            tenant_id, "stock", [Column(name="dish"), Column(name="count", type="number")]
        )
        rows = [{"dish": f"dish {number}", "count": number} for number in range(1000)]
        await tables.insert_rows(tenant_id, "stock", rows)
        low = RowFilter(conditions=(Condition(column="count", condition="lt", value=500),))
        updated = await tables.update_rows(tenant_id, "stock", low, {"count": 500})
        assert len(updated) == 500
        assert await tables.get_rows(tenant_id, "stock", low) == []
