"""What every ``DataTables`` must do.

Owns the suite; opening the tables is left to the subclasses.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from appliance.domain.data_table import Column
from appliance.domain.ids import TenantId
from appliance.errors import InvalidInput, NotFound
from appliance.ports.data_tables import Condition, DataTables, RowFilter, RowOrder
from tests.fakes.clock import SettableClock

ALL = RowFilter()
COLUMNS = [
    Column(name="order_id"),
    Column(name="total", type="number"),
    Column(name="paid", type="boolean"),
    Column(name="due", type="date"),
]
ROWS: list[dict[str, Any]] = [
    {"order_id": "A-1", "total": 10, "paid": True, "due": "2026-03-01T10:00:00Z"},
    {"order_id": "a-2", "total": 2.5, "paid": False, "due": "2026-03-02T10:00:00Z"},
    {"order_id": "Ünï_3", "total": None, "paid": None, "due": None},
    {"order_id": "100% [x]*?", "total": -7, "paid": True, "due": "2026-03-01T12:00:00+02:00"},
    {"order_id": None, "total": 2.5, "paid": None, "due": None},
    {"order_id": "", "total": 0, "paid": False, "due": None},
]


@dataclass(frozen=True)
class OpenedDataTables:
    """Data tables under test, and two tenants that may have some."""

    tables: DataTables
    clock: SettableClock
    tenant_id: TenantId
    other_tenant_id: TenantId

    async def fill(self) -> None:
        """Make the table of orders with the rows above."""
        await self.tables.ensure_table(self.tenant_id, "orders", COLUMNS)
        await self.tables.insert_rows(self.tenant_id, "orders", ROWS)

    async def ids(self, *conditions: Condition, **more: Any) -> list[int]:
        """Return the ids of the matching orders."""
        match = more.pop("match", "allConditions")
        where = RowFilter(conditions=conditions, match=match)
        rows = await self.tables.get_rows(self.tenant_id, "orders", where, **more)
        return [row["id"] for row in rows]


def where(column: str, condition: Any = "eq", value: Any = None) -> Condition:
    return Condition(column=column, condition=condition, value=value)


class DataTablesContract(ABC):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[OpenedDataTables]:
        """Open data tables without any table in them."""

    @pytest_asyncio.fixture
    async def opened(self) -> AsyncIterator[OpenedDataTables]:
        async with self.open() as opened:
            yield opened

    async def test_a_table_only_ever_grows(self, opened: OpenedDataTables):
        tables, tenant_id = opened.tables, opened.tenant_id
        await opened.fill()
        await tables.ensure_table(
            tenant_id, "orders", [Column(name="note"), Column(name="total", type="number")]
        )
        assert await tables.list_tables(tenant_id) == {"orders": [*COLUMNS, Column(name="note")]}
        (first,) = await tables.get_rows(tenant_id, "orders", ALL, limit=1)
        assert (first["order_id"], first["note"]) == ("A-1", None)

    async def test_a_row_has_its_columns_its_id_and_its_times(self, opened: OpenedDataTables):
        tables, tenant_id = opened.tables, opened.tenant_id
        await tables.ensure_table(tenant_id, "orders", COLUMNS)
        inserted = await tables.insert_rows(
            tenant_id, "orders", [{"order_id": "A-1"}, {"due": "2026-03-01T12:00:00+02:00"}]
        )
        at = "2026-03-02T09:30:00.000Z"
        assert inserted == [
            {
                "id": 1, "order_id": "A-1", "total": None, "paid": None, "due": None,
                "createdAt": at, "updatedAt": at,
            },
            {
                "id": 2, "order_id": None, "total": None, "paid": None,
                "due": "2026-03-01T10:00:00.000Z", "createdAt": at, "updatedAt": at,
            },
        ]  # fmt: skip
        assert await tables.get_rows(tenant_id, "orders", ALL) == inserted
        assert list(inserted[0])[1:5] == ["order_id", "total", "paid", "due"]

    async def test_ids_ascend_and_are_never_given_twice(self, opened: OpenedDataTables):
        tables, tenant_id = opened.tables, opened.tenant_id
        await opened.fill()
        await tables.delete_rows(tenant_id, "orders", ALL)
        (row,) = await tables.insert_rows(tenant_id, "orders", [{"order_id": "next"}])
        assert row["id"] == len(ROWS) + 1

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            (where("order_id", "eq", "A-1"), [1]),
            (where("order_id", "eq", None), [5]),
            (where("order_id", "neq", "A-1"), [2, 3, 4, 5, 6]),
            (where("order_id", "neq", None), [1, 2, 3, 4, 6]),
            (where("order_id", "isEmpty"), [5, 6]),
            (where("order_id", "isNotEmpty"), [1, 2, 3, 4]),
            (where("order_id", "like", "A-%"), [1]),
            (where("order_id", "like", "%-_"), []),
            (where("order_id", "like", "-"), [1, 2]),
            (where("order_id", "like", "i_3"), []),
            (where("order_id", "like", "ï_3"), [3]),
            (where("order_id", "like", "% [x]*?"), [4]),
            (where("order_id", "like", "%[a-z]%"), []),
            (where("order_id", "ilike", "a-%"), [1, 2]),
            (where("order_id", "ilike", "ÜNÏ"), [3]),
            (where("order_id", "gt", "A-1"), [2, 3]),
            (where("total", "eq", 2.5), [2, 5]),
            (where("total", "eq", "10"), [1]),
            (where("total", "gt", 0), [1, 2, 5]),
            (where("total", "gte", 0), [1, 2, 5, 6]),
            (where("total", "lt", 0), [4]),
            (where("total", "lte", 2.5), [2, 4, 5, 6]),
            (where("total", "isEmpty"), [3]),
            (where("paid", "isTrue"), [1, 4]),
            (where("paid", "isFalse"), [2, 6]),
            (where("paid", "eq", "true"), [1, 4]),
            (where("paid", "neq", True), [2, 3, 5, 6]),
            (where("paid", "isEmpty"), [3, 5]),
            (where("due", "eq", "2026-03-01T10:00:00Z"), [1, 4]),
            (where("due", "gt", "2026-03-01T11:59:59+02:00"), [1, 2, 4]),
            (where("due", "lt", "2026-03-02"), [1, 4]),
            (where("id", "gte", 5), [5, 6]),
            (where("id", "gt", 4.5), [5, 6]),
            (where("id", "eq", 2.5), []),
            (where("id", "neq", "5.5"), [1, 2, 3, 4, 5, 6]),
            (where("id", "eq", 2.0), [2]),
            (where("id", "lt", 1e300), [1, 2, 3, 4, 5, 6]),
            (where("createdAt", "lte", "2026-03-02T09:30:00Z"), [1, 2, 3, 4, 5, 6]),
            (where("createdAt", "gt", "2026-03-02T09:30:00Z"), []),
        ],
        ids=lambda case: f"{case.column}-{case.condition}" if isinstance(case, Condition) else "",
    )
    async def test_a_condition_finds_its_rows(
        self, opened: OpenedDataTables, condition: Condition, expected: list[int]
    ):
        await opened.fill()
        assert await opened.ids(condition) == expected

    async def test_conditions_are_joined_by_and_or_by_or(self, opened: OpenedDataTables):
        await opened.fill()
        both = (where("total", "gt", 0), where("paid", "isTrue"))
        assert await opened.ids(*both) == [1]
        assert await opened.ids(*both, match="anyCondition") == [1, 2, 4, 5]
        assert await opened.ids(match="anyCondition") == [1, 2, 3, 4, 5, 6]

    async def test_rows_come_in_order_up_to_the_limit(self, opened: OpenedDataTables):
        await opened.fill()
        known = where("total", "isNotEmpty")
        by_total = RowOrder(column="total")
        assert await opened.ids(known, order=by_total) == [4, 6, 2, 5, 1]
        down = RowOrder(column="total", is_descending=True)
        assert await opened.ids(known, order=down) == [1, 2, 5, 6, 4]
        assert await opened.ids(order=RowOrder(is_descending=True), limit=2) == [6, 5]
        assert await opened.ids(limit=2) == [1, 2]

    async def test_texts_are_sorted_and_compared_by_their_characters(
        self, opened: OpenedDataTables
    ):
        tables, tenant_id = opened.tables, opened.tenant_id
        await tables.ensure_table(tenant_id, "words", [Column(name="word")])
        words = ["apple", "Zebra", None, "a b", "ab", "éclair", "שלום", ""]
        await tables.insert_rows(tenant_id, "words", [{"word": word} for word in words])

        async def sort(**more: Any) -> list[Any]:
            rows = await tables.get_rows(
                tenant_id, "words", ALL, order=RowOrder(column="word", **more)
            )
            return [row["word"] for row in rows]

        ascending = [None, "", "Zebra", "a b", "ab", "apple", "éclair", "שלום"]
        assert await sort() == ascending
        assert await sort(is_descending=True) == ascending[::-1]
        above = RowFilter(conditions=(Condition(column="word", condition="gt", value="Zz"),))
        rows = await tables.get_rows(tenant_id, "words", above)
        assert {row["word"] for row in rows} == {"apple", "a b", "ab", "éclair", "שלום"}

    async def test_update_changes_what_matches_and_nothing_else(self, opened: OpenedDataTables):
        tables, tenant_id = opened.tables, opened.tenant_id
        await opened.fill()
        before = await tables.get_rows(tenant_id, "orders", ALL)
        opened.clock.advance(60)
        paid = RowFilter(conditions=(where("paid", "isFalse"),))
        updated = await tables.update_rows(
            tenant_id, "orders", paid, {"paid": "true", "total": None}
        )
        changes = {"paid": True, "total": None, "updatedAt": "2026-03-02T09:31:00.000Z"}
        assert updated == [before[1] | changes, before[5] | changes]
        after = await tables.get_rows(tenant_id, "orders", ALL)
        assert after == [before[0], updated[0], *before[2:5], updated[1]]
        nobody = RowFilter(conditions=(where("order_id", "eq", "none"),))
        assert await tables.update_rows(tenant_id, "orders", nobody, {"total": 1}) == []

    async def test_upsert_updates_or_inserts(self, opened: OpenedDataTables):
        tables, tenant_id = opened.tables, opened.tenant_id
        await opened.fill()
        first = RowFilter(conditions=(where("order_id", "eq", "A-1"),))
        (updated,) = await tables.upsert_row(tenant_id, "orders", first, {"total": 11})
        assert (updated["id"], updated["total"], updated["order_id"]) == (1, 11, "A-1")
        new = RowFilter(conditions=(where("order_id", "eq", "B-1"),))
        (inserted,) = await tables.upsert_row(tenant_id, "orders", new, {"order_id": "B-1"})
        assert (inserted["id"], inserted["order_id"], inserted["total"]) == (7, "B-1", None)
        assert len(await opened.ids()) == 7

    async def test_delete_returns_what_was_there(self, opened: OpenedDataTables):
        tables, tenant_id = opened.tables, opened.tenant_id
        await opened.fill()
        paid = RowFilter(conditions=(where("paid", "isTrue"),))
        deleted = await tables.delete_rows(tenant_id, "orders", paid)
        assert [row["order_id"] for row in deleted] == ["A-1", "100% [x]*?"]
        assert await opened.ids() == [2, 3, 5, 6]
        assert await tables.delete_rows(tenant_id, "orders", paid) == []

    async def test_values_are_converted_where_nothing_is_lost(self, opened: OpenedDataTables):
        tables, tenant_id = opened.tables, opened.tenant_id
        await tables.ensure_table(tenant_id, "orders", COLUMNS)
        (row,) = await tables.insert_rows(
            tenant_id,
            "orders",
            [{"order_id": 12345, "total": " 9.50 ", "paid": 0, "due": "2026-03-01"}],
        )
        assert (row["order_id"], row["total"], row["paid"]) == ("12345", 9.5, False)
        assert row["due"] == "2026-03-01T00:00:00.000Z"

    @pytest.mark.parametrize(
        "row",
        [
            {"total": "ten"}, {"total": [1]}, {"total": True}, {"total": float("nan")},
            {"paid": "maybe"}, {"paid": 2}, {"due": "tomorrow"}, {"due": 5}, {"order_id": {}},
            {"unknown": 1}, {"id": 9}, {"createdAt": "2026-03-01"},
        ],
        ids=str,
    )  # fmt: skip
    async def test_a_row_that_does_not_fit_is_refused_whole(
        self, opened: OpenedDataTables, row: dict[str, Any]
    ):
        tables, tenant_id = opened.tables, opened.tenant_id
        await opened.fill()
        before = await tables.get_rows(tenant_id, "orders", ALL)
        with pytest.raises(InvalidInput):
            await tables.insert_rows(tenant_id, "orders", [{"order_id": "fits"}, row])
        with pytest.raises(InvalidInput):
            await tables.update_rows(tenant_id, "orders", ALL, row)
        assert await tables.get_rows(tenant_id, "orders", ALL) == before

    @pytest.mark.parametrize(
        "condition",
        [
            where("unknown"), where("total", "eq", "ten"), where("total", "gt", None),
            where("total", "like", "1%"), where("order_id", "like", None),
            where("paid", "gt", True), where("due", "eq", "someday"),
        ],
        ids=str,
    )  # fmt: skip
    async def test_a_filter_that_does_not_fit_is_refused(
        self, opened: OpenedDataTables, condition: Condition
    ):
        await opened.fill()
        with pytest.raises(InvalidInput):
            await opened.ids(condition)
        with pytest.raises(InvalidInput):
            await opened.tables.delete_rows(
                opened.tenant_id, "orders", RowFilter(conditions=(condition,))
            )
        with pytest.raises(InvalidInput):
            await opened.ids(order=RowOrder(column="unknown"))
        assert len(await opened.ids()) == len(ROWS)

    @pytest.mark.parametrize("name", ["", "9lives", "a b", "x" * 64, 'a"b', "id", "createdAt"])
    async def test_a_column_must_have_a_usable_name(self, opened: OpenedDataTables, name: str):
        with pytest.raises(InvalidInput):
            await opened.tables.ensure_table(opened.tenant_id, "orders", [Column(name=name)])
        assert await opened.tables.list_tables(opened.tenant_id) == {}

    async def test_a_column_keeps_its_type(self, opened: OpenedDataTables):
        await opened.fill()
        with pytest.raises(InvalidInput):
            await opened.tables.ensure_table(opened.tenant_id, "orders", [Column(name="total")])
        assert await opened.tables.list_tables(opened.tenant_id) == {"orders": COLUMNS}

    async def test_a_foreign_tenant_reaches_nothing(self, opened: OpenedDataTables):
        tables, foreign = opened.tables, opened.other_tenant_id
        await opened.fill()
        assert await tables.list_tables(foreign) == {}
        with pytest.raises(NotFound):
            await tables.get_rows(foreign, "orders", ALL)
        with pytest.raises(NotFound):
            await tables.insert_rows(foreign, "orders", [{"order_id": "theirs"}])
        with pytest.raises(NotFound):
            await tables.update_rows(foreign, "orders", ALL, {"total": 0})
        with pytest.raises(NotFound):
            await tables.upsert_row(foreign, "orders", ALL, {"total": 0})
        with pytest.raises(NotFound):
            await tables.delete_rows(foreign, "orders", ALL)
        await tables.ensure_table(foreign, "orders", [Column(name="dish")])
        await tables.insert_rows(foreign, "orders", [{"dish": "Falafel"}])
        assert await tables.delete_rows(foreign, "orders", ALL)
        assert await opened.ids() == [1, 2, 3, 4, 5, 6]
