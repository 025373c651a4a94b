from __future__ import annotations

import pytest

from appliance.domain.data_table import Column
from appliance.errors import ApplianceError, Rejected
from appliance.ports.data_tables import RowFilter
from tests.workflows.workflow_runs import TENANT, node

BY_NAME = {"__rl": True, "mode": "name", "value": "stock"}


def table(operation, locator=BY_NAME, **more):
    given = {"resource": "row", "operation": operation, "dataTableId": locator, **more}
    settings = {key: given.pop(key) for key in ("onError", "alwaysOutputData") if key in given}
    return node("Table", "dataTable", 1.1, given, **settings)


def where(column, condition, value=None, match="allConditions"):
    row = {"keyName": column, "condition": condition, "keyValue": value}
    return {"matchType": match, "filters": {"conditions": [row]}}


def values(**cells):
    return {"columns": {"mappingMode": "defineBelow", "value": cells}}


@pytest.fixture
async def filled(bench):
    columns = [Column(name="sku"), Column(name="count", type="number")]
    await bench.tables.ensure_table(TENANT, "stock", columns)
    rows = [{"sku": "A", "count": 1}, {"sku": "B", "count": 2}, {"sku": "C", "count": 3}]
    await bench.tables.insert_rows(TENANT, "stock", rows)
    return bench


async def skus(bench):
    return [row["sku"] for row in await bench.tables.get_rows(TENANT, "stock", RowFilter())]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"returnAll": True}, ["A", "B", "C"]),
        ({"limit": 2}, ["A", "B"]),
        (where("count", "gte", 2), ["B", "C"]),
        (where("sku", "ilike", "b"), ["B"]),
        ({"orderBy": True, "orderByColumn": "count"}, ["C", "B", "A"]),
        ({"orderBy": True, "orderByColumn": "count", "orderByDirection": "ASC"}, ["A", "B", "C"]),
    ],
)
async def test_gets_rows(filled, more, expected):
    found = await filled.run_nodes(table("get", **more))
    assert [row["sku"] for row in found] == expected
    assert set(found[0]) == {"id", "sku", "count", "createdAt", "updatedAt"}


async def test_any_condition_is_the_default(filled):
    conditions = [
        {"keyName": "sku", "condition": "eq", "keyValue": "A"},
        {"keyName": "count", "condition": "eq", "keyValue": 3},
    ]
    given = {"filters": {"conditions": conditions}}
    assert [r["sku"] for r in await filled.run_nodes(table("get", **given))] == ["A", "C"]
    both = given | {"matchType": "allConditions"}
    assert await filled.run_nodes(table("get", **both)) == []


async def test_gets_rows_for_each_item(filled):
    found = await filled.run_nodes(
        table("get", **where("sku", "eq", "={{ $json.sku }}")), items=[{"sku": "C"}, {"sku": "A"}]
    )
    assert [row["sku"] for row in found] == ["C", "A"]


async def test_inserts_a_row_for_each_item(filled):
    stored = await filled.run_nodes(
        table("insert", **values(sku="={{ $json.s }}", count="={{ $json.n }}")),
        items=[{"s": "D", "n": 4}, {"s": "E", "n": None}],
    )
    assert [(row["id"], row["sku"], row["count"]) for row in stored] == [
        (4, "D", 4),
        (5, "E", None),
    ]


async def test_maps_the_input_without_the_system_columns(filled):
    mapped = {"columns": {"mappingMode": "autoMapInputData", "value": None}}
    items = [{"sku": "F", "id": 99, "createdAt": "x"}]
    (stored,) = await filled.run_nodes(table("insert", **mapped), items=items)
    assert (stored["id"], stored["sku"]) == (4, "F")


async def test_updates_upserts_and_deletes(filled):
    updated = await filled.run_nodes(table("update", **where("count", "gt", 1), **values(count=9)))
    assert [row["count"] for row in updated] == [9, 9]
    new = table("upsert", **where("sku", "eq", "N"), **values(sku="N", count=7))
    assert [row["sku"] for row in await filled.run_nodes(new)] == ["N"]
    again = table("upsert", **where("sku", "eq", "N"), **values(count=8))
    assert [row["count"] for row in await filled.run_nodes(again)] == [8]
    deleted = await filled.run_nodes(table("deleteRows", **where("count", "eq", 9)))
    assert [row["sku"] for row in deleted] == ["B", "C"]
    assert await skus(filled) == ["A", "N"]


async def test_tells_whether_a_row_exists(filled):
    items = [{"sku": "A"}, {"sku": "Z"}]
    by_sku = where("sku", "eq", "={{ $json.sku }}")
    assert await filled.run_nodes(table("rowExists", **by_sku), items=items) == [{"sku": "A"}]
    assert await filled.run_nodes(table("rowNotExists", **by_sku), items=items) == [{"sku": "Z"}]


@pytest.mark.parametrize(
    "locator",
    [
        {"__rl": True, "mode": "list", "value": "k3J9", "cachedResultName": "stock"},
        {"__rl": True, "mode": "id", "value": "stock"},
        {"__rl": True, "mode": "name", "value": "STOCK"},
        {"__rl": True, "mode": "name", "value": "={{ 'st' + 'ock' }}"},
        "stock",
    ],
)
async def test_finds_the_table_however_it_is_named(filled, locator):
    assert len(await filled.run_nodes(table("get", locator, returnAll=True))) == 3


async def test_another_tenants_table_is_not_found(filled):
    await filled.tables.ensure_table("other", "secret", [Column(name="x")])
    locator = {"__rl": True, "mode": "name", "value": "secret"}
    with pytest.raises(Rejected, match="no data table 'secret'"):
        await filled.run_nodes(table("get", locator))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (table("update", **values(count=1)), "at least one condition"),
        (table("deleteRows"), "at least one condition"),
        (table("get", **where("nope", "eq", 1)), "nope"),
        (table("get", **where("sku", "sounds", 1)), "must be one of .* not 'sounds'"),
        (table("insert", **values(sku="={{ [1] }}")), "cannot hold an object or an array"),
        (table("insert", **values(count="many")), "many"),
    ],
)
async def test_a_wrong_use_changes_nothing(filled, given, reason):
    with pytest.raises(Rejected, match=f"Node 'Table' failed: .*({reason}|column|fit)"):
        await filled.run_nodes(given)
    assert await skus(filled) == ["A", "B", "C"]


async def test_failing_inserts_can_be_handed_on(filled):
    stored = await filled.run_nodes(
        table("insert", **values(sku="={{ $json.s }}"), onError="continueRegularOutput"),
        items=[{"s": "D"}, {"s": [1]}, {"s": "E"}],
    )
    assert [row.get("sku") for row in stored] == ["D", None, "E"]
    assert "cannot hold" in stored[1]["error"]


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("insert", {}),
        ("update", where("sku", "eq", "A")),
        ("upsert", where("sku", "eq", "A")),
    ],
)
@pytest.mark.parametrize("name", ["stock", "Stock"])
async def test_what_does_not_fit_is_named(filled, operation, more, name):
    given = {**values(count="abc", nocol="x"), **more}
    locator = {**BY_NAME, "value": name}
    with pytest.raises(ApplianceError) as caught:
        await filled.run_nodes(table(operation, locator, **given))
    for part in (
        "does not fit the table",
        "'count': 'abc' is no number",
        "'nocol': ",
        "it has sku",
    ):
        assert part in caught.value.message
    (item,) = await filled.run_nodes(
        table(operation, locator, onError="continueRegularOutput", **given)
    )
    assert "'count': 'abc' is no number" in item["error"]


async def test_a_long_value_that_does_not_fit_is_shown_in_part(filled):
    with pytest.raises(ApplianceError) as caught:
        await filled.run_nodes(table("insert", **values(count="x" * 5_000)))
    assert "'count': 'xxx" in caught.value.message
    assert len(caught.value.message) < 400
