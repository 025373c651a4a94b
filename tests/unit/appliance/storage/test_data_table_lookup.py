from __future__ import annotations

from datetime import UTC, datetime

import pytest

from appliance.domain.data_table import Column
from appliance.domain.ids import TenantId
from appliance.errors import InvalidInput, NotFound
from appliance.storage.data_table_lookup import (
    FoundTable,
    build_row,
    check_table_name,
    find_row_time,
    load_table,
    load_table_by_id,
)
from tests.fakes.clock import SettableClock
from tests.fakes.sqlite_database import open_temporary_database

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


async def test_a_table_is_found_by_name_and_by_id_for_its_tenant_only():
    async with open_temporary_database() as temporary:
        database, tenant_id = temporary.database, temporary.tenant_id
        made = await database.table_editor.create_table(tenant_id, "stock", [Column(name="sku")])
        read = database.backend.transactions.read
        found = await read(lambda connection: load_table(connection, tenant_id, "stock"))
        assert found == await read(lambda sql: load_table_by_id(sql, tenant_id, made.id))
        assert found.all_types["createdAt"] == "date"
        for wanted in (
            lambda sql: load_table(sql, temporary.other_tenant_id, "stock"),
            lambda sql: load_table_by_id(sql, temporary.other_tenant_id, made.id),
            lambda sql: load_table(sql, tenant_id, "Stock"),
        ):
            with pytest.raises(NotFound):
                await read(wanted)


@pytest.mark.parametrize("name", ["", "  ", "x" * 129, "a\0"])
def test_a_name_no_table_can_have(name: str):
    with pytest.raises(InvalidInput):
        check_table_name(name)
    check_table_name("x" * 128)


def test_a_row_has_every_column_in_order_and_whole_milliseconds():
    table = FoundTable(
        id="t", tenant_id=TenantId("s"), name="stock",
        columns=[Column(name="b"), Column(name="a")], last_row_id=1, created_at=AT,
    )  # fmt: skip
    assert list(build_row(table, 1, {"a": 1, "gone": 2}, AT, AT).items()) == [
        ("id", 1), ("b", None), ("a", 1),
        ("createdAt", "2026-03-02T09:30:00.000Z"), ("updatedAt", "2026-03-02T09:30:00.000Z"),
    ]  # fmt: skip
    clock = SettableClock(AT.replace(microsecond=123_456))
    assert find_row_time(clock).microsecond == 123_000
