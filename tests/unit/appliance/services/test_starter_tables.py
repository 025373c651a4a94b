from __future__ import annotations

from appliance.domain.data_table import Column
from appliance.ports.data_tables import RowFilter
from appliance.services.starter_tables import StarterTables
from tests.fakes.sqlite_database import TemporaryDatabase

TABLES = {"orders": [Column(name="order_number")], "products": [Column(name="name")]}


async def test_the_tables_are_made_empty(temporary: TemporaryDatabase) -> None:
    tables, tenant_id = temporary.database.data_tables, temporary.tenant_id
    await StarterTables(tables, TABLES).ensure(tenant_id)
    assert await tables.list_tables(tenant_id) == TABLES
    assert await tables.get_rows(tenant_id, "orders", RowFilter()) == []


async def test_what_a_tenant_has_stays(temporary: TemporaryDatabase) -> None:
    tables, tenant_id = temporary.database.data_tables, temporary.tenant_id
    own = [Column(name="order_number"), Column(name="gift_wrap", type="boolean")]
    await tables.ensure_table(tenant_id, "orders", own)
    await tables.insert_rows(tenant_id, "orders", [{"order_number": "7", "gift_wrap": True}])
    starter = StarterTables(tables, TABLES)
    await starter.ensure(tenant_id)
    await starter.ensure(tenant_id)
    assert (await tables.list_tables(tenant_id))["orders"] == own
    (row,) = await tables.get_rows(tenant_id, "orders", RowFilter())
    assert (row["order_number"], row["gift_wrap"]) == ("7", True)
