from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from appliance.domain.data_table import Column
from appliance.domain.tenant import Tenant
from appliance.errors import InvalidInput, NotFound
from appliance.ports.data_table_editor import ImportCounts, TableInfo
from appliance.services.data_tables import DataTableService, ImportChoice
from tests.fakes.sqlite_database import open_temporary_database

COLUMNS = [
    Column(name="name", titles={"he": "שם"}),
    Column(name="price", type="number"),
    Column(name="sold", type="boolean"),
    Column(name="since", type="date"),
]
ROWS: list[dict[str, Any]] = [
    {"name": '=HYPERLINK("x")', "price": 1.234, "sold": True, "since": "2026-03-01T10:00:00.000Z"},
    {"name": "'=1", "price": 1234, "sold": False, "since": None},
    {"name": ' a\r\nb,"c";\'', "price": -7, "sold": None, "since": None},
    {"name": "007", "price": 1e-7, "sold": None, "since": None},
    {"name": None, "price": None, "sold": None, "since": None},
]


class Kept:
    """A shop's table and the service that keeps it."""

    def __init__(self, service: DataTableService, tenant: Tenant, table: TableInfo) -> None:
        self.service, self.tenant, self.table = service, tenant, table

    async def put(self, text: str, **choice: Any) -> ImportCounts:
        return await self.service.import_csv(
            self.tenant, self.table.id, text.encode(), ImportChoice(**choice)
        )

    async def export(self, language: str = "") -> bytes:
        pieces = self.service.export_csv(self.tenant.id, self.table, language=language)
        return b"".join([piece async for piece in pieces])

    async def rows(self) -> list[dict[str, Any]]:
        page = await self.service.list_rows(
            self.tenant.id, self.table.id, text="", limit=200, cursor=None
        )
        return [
            {k: v for k, v in row.items() if k not in ("createdAt", "updatedAt")}
            for row in page.items
        ]


@pytest.fixture
async def kept() -> AsyncIterator[Kept]:
    async with open_temporary_database() as temporary:
        database = temporary.database
        tenant = await database.tenants.get(temporary.tenant_id)
        assert tenant is not None
        table = await database.table_editor.create_table(tenant.id, "stock", COLUMNS)
        service = DataTableService(editor=database.table_editor, tables=database.data_tables)
        for row in ROWS:
            await service.add_row(tenant.id, table.id, row)
        yield Kept(service, tenant, table)


async def test_an_import_of_ones_own_export_gives_the_same_rows(kept):
    before = await kept.rows()
    assert [{k: v for k, v in row.items() if k != "id"} for row in before] == ROWS
    text = (await kept.export()).decode("utf-8-sig")
    assert await kept.put(text, mode="update", key="id") == ImportCounts(changed=len(ROWS))
    assert await kept.rows() == before
    assert await kept.put(text, mode="replace") == ImportCounts(added=5, removed=5)
    again = await kept.rows()
    assert [row | {"id": 0} for row in again] == [row | {"id": 0} for row in before]
    assert text.splitlines()[0] == "id,name,price,sold,since"


async def test_headers_in_a_language_are_read_again(kept):
    before = await kept.rows()
    text = (await kept.export("he")).decode("utf-8-sig")
    assert text.splitlines()[0] == "id,שם,price,sold,since"
    assert await kept.put(text, mode="update", key="id") == ImportCounts(changed=len(ROWS))
    assert await kept.rows() == before


async def test_an_export_runs_no_formula(kept):
    assert b"'=HYPERLINK" in await kept.export()


async def test_an_export_has_all_rows_of_a_large_table(kept):
    await kept.put("name\n" + "".join(f"n{n}\n" for n in range(2_500)), mode="replace")
    lines = (await kept.export()).decode("utf-8-sig").splitlines()
    assert [line.split(",")[1] for line in lines[1:]] == [f"n{n}" for n in range(2_500)]


async def test_a_file_is_taken_whole_or_not_at_all(kept):
    before = await kept.rows()
    with pytest.raises(InvalidInput) as refused:
        await kept.put("שם,price\nHat,5\nCap,many\n", mode="replace")
    assert [error.field for error in refused.value.errors] == ["line 3, price"]
    assert await kept.rows() == before


async def test_what_can_be_read_in_two_ways_is_asked_about(kept):
    for text in ("name;price\na;1.234\n", "name,since\na,03/04/2026\n"):
        with pytest.raises(InvalidInput):
            await kept.put(text)
    await kept.put("name;price\na;1.234\n", mode="replace", decimal_sign="comma")
    await kept.put("name,since\nb,03/04/2026\n", date_order="month_first")
    rows = await kept.rows()
    assert (rows[0]["price"], rows[1]["since"]) == (1234, "2026-03-04T00:00:00.000Z")


async def test_rows_are_changed_and_removed_one_by_one(kept):
    tenant_id, table_id, service = kept.tenant.id, kept.table.id, kept.service
    changed = await service.change_row(tenant_id, table_id, 2, {"price": "5"})
    assert (changed["name"], changed["price"]) == ("'=1", 5)
    await service.delete_row(tenant_id, table_id, 2)
    for call in (
        service.change_row(tenant_id, table_id, 2, {"price": 5}),
        service.delete_row(tenant_id, table_id, 2),
    ):
        with pytest.raises(NotFound):
            await call
    with pytest.raises(InvalidInput):
        await service.add_row(tenant_id, table_id, {"colour": "red"})


async def test_rows_come_in_pages(kept):
    async def page(cursor: str | None) -> Any:
        return await kept.service.list_rows(
            kept.tenant.id, kept.table.id, text="", limit=2, cursor=cursor
        )

    seen, cursor = [], None
    while True:
        found = await page(cursor)
        seen += [row["id"] for row in found.items]
        cursor = found.next_cursor
        if cursor is None:
            break
    assert seen == [1, 2, 3, 4, 5]
    with pytest.raises(InvalidInput):
        await page("-1")


async def test_a_column_keeps_what_is_not_changed(kept):
    table = await kept.service.change_column(
        kept.tenant.id, kept.table.id, "name", {"name": "title"}
    )
    assert table.columns[0] == Column(name="title", titles={"he": "שם"})
    with pytest.raises(NotFound):
        await kept.service.change_column(kept.tenant.id, kept.table.id, "none", {"type": "date"})
