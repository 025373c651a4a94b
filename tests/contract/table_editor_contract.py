"""What every ``TableEditor`` must do.

Owns the suite; opening the tables is left to the subclasses.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from appliance.domain.data_table import Column
from appliance.errors import Conflict, InvalidInput, NotFound
from appliance.ports.data_table_editor import ImportCounts, ImportedRow, TableInfo
from appliance.ports.data_tables import RowFilter
from tests.fakes.sqlite_database import TemporaryDatabase

COLUMNS = [
    Column(name="sku", titles={"he": "מק״ט"}),
    Column(name="price", type="number"),
    Column(name="sold", type="boolean"),
    Column(name="since", type="date"),
]
ROWS: list[dict[str, Any]] = [
    {"sku": "A_1", "price": 10, "sold": True, "since": "2026-03-01T10:00:00.000Z"},
    {"sku": "B-2", "price": 2.5, "sold": False, "since": None},
    {"sku": "כובע", "price": None, "sold": None, "since": None},
]


def row(line: int, key: object = None, **cells: Any) -> ImportedRow:
    return ImportedRow(line=line, cells=msgspec.Raw(msgspec.json.encode(cells)), key=key)


class OpenedEditor:
    """A table of three rows, and whose it is."""

    def __init__(self, temporary: TemporaryDatabase, table: TableInfo) -> None:
        self.editor = temporary.database.table_editor
        self.tables = temporary.database.data_tables
        self.clock = temporary.clock
        self.tenant_id = temporary.tenant_id
        self.other_tenant_id = temporary.other_tenant_id
        self.table = table

    async def cells(self, **more: Any) -> list[dict[str, Any]]:
        """Return the rows without their times."""
        rows = await self.editor.list_rows(self.tenant_id, self.table.id, limit=100, **more)
        return [{k: v for k, v in found.items() if not k.endswith("edAt")} for found in rows]

    async def column(self, name: str) -> list[Any]:
        """Return a column's cells."""
        return [found[name] for found in await self.cells()]


class TableEditorContract(ABC):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[TemporaryDatabase]:
        """Open a database with two tenants."""

    @pytest_asyncio.fixture
    async def opened(self) -> AsyncIterator[OpenedEditor]:
        async with self.open() as temporary:
            editor = temporary.database.table_editor
            table = await editor.create_table(temporary.tenant_id, "stock", COLUMNS)
            await temporary.database.data_tables.insert_rows(temporary.tenant_id, "stock", ROWS)
            yield OpenedEditor(temporary, table)

    async def test_tables_are_listed_with_columns_and_rows(self, opened: OpenedEditor):
        editor, tenant_id = opened.editor, opened.tenant_id
        empty = await editor.create_table(tenant_id, "Ängste", [])
        listed = await editor.list_tables(tenant_id)
        assert [(table.name, table.row_count) for table in listed] == [("stock", 3), ("Ängste", 0)]
        assert (listed[0].columns, listed[1].columns) == (COLUMNS, [])
        assert await editor.get_table(tenant_id, empty.id) == listed[1]
        assert await editor.list_tables(opened.other_tenant_id) == []

    async def test_another_tenants_table_is_not_there(self, opened: OpenedEditor):
        editor, other, table_id = opened.editor, opened.other_tenant_id, opened.table.id
        for call in (
            editor.get_table(other, table_id),
            editor.rename_table(other, table_id, "mine"),
            editor.delete_table(other, table_id),
            editor.add_column(other, table_id, Column(name="x")),
            editor.change_column(other, table_id, "sku", Column(name="x")),
            editor.drop_column(other, table_id, "sku"),
            editor.list_rows(other, table_id, limit=9),
            editor.import_rows(other, opened.table, [row(2, sku="x")], mode="replace"),
        ):
            with pytest.raises(NotFound):
                await call
        assert await opened.column("sku") == ["A_1", "B-2", "כובע"]

    @pytest.mark.parametrize("name", ["", " ", "x" * 129, "a\0b"])
    async def test_a_name_that_cannot_be(self, opened: OpenedEditor, name: str):
        with pytest.raises(InvalidInput):
            await opened.editor.create_table(opened.tenant_id, name, [])
        with pytest.raises(InvalidInput):
            await opened.editor.rename_table(opened.tenant_id, opened.table.id, name)

    async def test_a_name_is_given_once_in_any_letter_case(self, opened: OpenedEditor):
        editor, tenant_id = opened.editor, opened.tenant_id
        other = await editor.create_table(tenant_id, "orders", [])
        with pytest.raises(Conflict):
            await editor.create_table(tenant_id, "Stock", [])
        with pytest.raises(Conflict):
            await editor.rename_table(tenant_id, other.id, "STOCK")
        assert (await editor.rename_table(tenant_id, opened.table.id, "Stock")).name == "Stock"
        assert (await editor.create_table(opened.other_tenant_id, "stock", [])).row_count == 0

    async def test_a_table_goes_with_its_rows(self, opened: OpenedEditor):
        editor, tenant_id = opened.editor, opened.tenant_id
        await editor.delete_table(tenant_id, opened.table.id)
        assert await editor.list_tables(tenant_id) == []
        again = await editor.create_table(tenant_id, "stock", COLUMNS)
        assert again.row_count == 0
        assert await editor.list_rows(tenant_id, again.id, limit=9) == []

    async def test_columns_are_added_renamed_and_dropped_with_their_cells(
        self, opened: OpenedEditor
    ):
        editor, tenant_id, table_id = opened.editor, opened.tenant_id, opened.table.id
        await editor.add_column(tenant_id, table_id, Column(name="note"))
        table = await editor.change_column(tenant_id, table_id, "sku", Column(name="code"))
        assert [column.name for column in table.columns] == [
            "code", "price", "sold", "since", "note",
        ]  # fmt: skip
        assert await opened.column("code") == ["A_1", "B-2", "כובע"]
        assert await opened.column("note") == [None, None, None]
        await editor.drop_column(tenant_id, table_id, "code")
        await editor.add_column(tenant_id, table_id, Column(name="code"))
        assert await opened.column("code") == [None, None, None]

    async def test_a_column_changes_its_type_when_its_values_fit(self, opened: OpenedEditor):
        editor, tenant_id, table_id = opened.editor, opened.tenant_id, opened.table.id
        await editor.change_column(tenant_id, table_id, "price", Column(name="price"))
        assert await opened.column("price") == ["10", "2.5", None]
        number = Column(name="cost", type="number")
        await editor.change_column(tenant_id, table_id, "price", number)
        assert await opened.column("cost") == [10, 2.5, None]

    async def test_values_that_do_not_fit_are_named_and_nothing_changes(self, opened: OpenedEditor):
        before = await opened.cells()
        with pytest.raises(InvalidInput) as refused:
            await opened.editor.change_column(
                opened.tenant_id, opened.table.id, "sku", Column(name="sku", type="number")
            )
        assert [error.field for error in refused.value.errors] == ["row 1", "row 2", "row 3"]
        assert await opened.cells() == before
        table = await opened.editor.get_table(opened.tenant_id, opened.table.id)
        assert table.columns == COLUMNS

    async def test_columns_that_cannot_be(self, opened: OpenedEditor):
        editor, tenant_id, table_id = opened.editor, opened.tenant_id, opened.table.id
        with pytest.raises(Conflict):
            await editor.add_column(tenant_id, table_id, Column(name="sku"))
        with pytest.raises(Conflict):
            await editor.change_column(tenant_id, table_id, "price", Column(name="sku"))
        for name in ("id", "1st", "מחיר", "a b"):
            with pytest.raises(InvalidInput):
                await editor.add_column(tenant_id, table_id, Column(name=name))
        for call in (
            editor.change_column(tenant_id, table_id, "none", Column(name="x")),
            editor.drop_column(tenant_id, table_id, "none"),
        ):
            with pytest.raises(NotFound):
                await call

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("a_1", [1]), ("A%1", []), ("2.5", [2]), ("כוב", [3]), ("2026-03", [1]),
            ("", [1, 2, 3]), ("\\", []),
        ],
    )  # fmt: skip
    async def test_rows_are_found_by_what_is_in_a_cell(
        self, opened: OpenedEditor, text: str, found: list[int]
    ):
        assert [row["id"] for row in await opened.cells(text=text)] == found

    async def test_rows_come_in_parts(self, opened: OpenedEditor):
        list_rows = opened.editor.list_rows
        first = await list_rows(opened.tenant_id, opened.table.id, limit=2)
        rest = await list_rows(opened.tenant_id, opened.table.id, limit=2, after=first[-1]["id"])
        assert [row["id"] for row in [*first, *rest]] == [1, 2, 3]
        assert first == await opened.tables.get_rows(
            opened.tenant_id, "stock", RowFilter(), limit=2
        )

    async def test_rows_are_appended(self, opened: OpenedEditor):
        counts = await self._import(opened, [row(2, sku="C", price=None), row(3, sku="D")])
        assert counts == ImportCounts(added=2)
        assert [(found["id"], found["sku"]) for found in await opened.cells()][2:] == [
            (3, "כובע"), (4, "C"), (5, "D"),
        ]  # fmt: skip
        (added,) = await opened.tables.insert_rows(opened.tenant_id, "stock", [{"sku": "E"}])
        assert added["id"] == 6

    async def test_rows_are_replaced(self, opened: OpenedEditor):
        counts = await self._import(opened, [row(2, sku="C")], mode="replace")
        assert counts == ImportCounts(added=1, removed=3)
        assert [(found["id"], found["sku"]) for found in await opened.cells()] == [(4, "C")]
        assert await self._import(opened, [], mode="replace") == ImportCounts(removed=1)

    async def test_rows_are_updated_by_a_text(self, opened: OpenedEditor):
        await opened.tables.insert_rows(opened.tenant_id, "stock", [{"sku": "B-2", "price": 1}])
        opened.clock.advance(60)
        rows = [row(2, "B-2", sku="B-2", price=7, since=None), row(3, "N", sku="N", price=1.25)]
        counts = await self._import(opened, rows, mode="update", key="sku")
        assert counts == ImportCounts(added=1, changed=2)
        assert await opened.column("price") == [10, 7, None, 7, 1.25]
        assert await opened.column("sold") == [True, False, None, None, None]
        listed = await opened.editor.list_rows(opened.tenant_id, opened.table.id, limit=9)
        assert [found["createdAt"] < found["updatedAt"] for found in listed] == [
            False, True, False, True, False,
        ]  # fmt: skip

    async def test_rows_are_updated_by_a_number(self, opened: OpenedEditor):
        rows = [row(2, 10, price=10, sku="ten"), row(3, 2.5, price=2.5, sku="two")]
        counts = await self._import(opened, rows, mode="update", key="price")
        assert counts == ImportCounts(changed=2)
        assert await opened.column("sku") == ["ten", "two", "כובע"]

    async def test_rows_are_updated_by_their_id_or_not_at_all(self, opened: OpenedEditor):
        rows = [row(2, 3, sku="hat"), row(3, None, sku="new")]
        counts = await self._import(opened, rows, mode="update", key="id")
        assert counts == ImportCounts(added=1, changed=1)
        assert await opened.column("sku") == ["A_1", "B-2", "hat", "new"]
        with pytest.raises(InvalidInput) as refused:
            await self._import(opened, [row(2, 1, sku="x"), row(7, 99)], mode="update", key="id")
        assert [error.field for error in refused.value.errors] == ["line 7, id"]
        assert await opened.column("sku") == ["A_1", "B-2", "hat", "new"]

    async def test_columns_that_changed_meanwhile_refuse_the_rows(self, opened: OpenedEditor):
        await opened.editor.drop_column(opened.tenant_id, opened.table.id, "price")
        with pytest.raises(Conflict):
            await self._import(opened, [row(2, sku="C", price=1)])
        assert await opened.column("sku") == ["A_1", "B-2", "כובע"]

    async def _import(self, opened: OpenedEditor, rows: list[ImportedRow], **more: Any) -> Any:
        more = {"mode": "append", **more}
        return await opened.editor.import_rows(opened.tenant_id, opened.table, rows, **more)
