from __future__ import annotations

import pytest

from appliance.errors import Rejected
from tests.workflows.workflow_runs import node

ITEMS = [{"id": 1, "tags": ["a"]}, {"id": None, "tags": ["b", "c"]}, {"id": 3}]


def fields(*rows, **options):
    rows = [{"fieldToAggregate": row} if isinstance(row, str) else row for row in rows]
    given = {"fieldsToAggregate": {"fieldToAggregate": rows}, "options": options}
    return node("Gather", "aggregate", 1, given)


async def test_gathers_fields_of_all_items(bench):
    renamed = {"fieldToAggregate": "tags", "renameField": True, "outputFieldName": "all"}
    assert await bench.run_nodes(fields("id", renamed), items=ITEMS) == [
        {"id": [1, 3], "all": [["a"], ["b", "c"]]}
    ]


async def test_can_keep_what_is_missing_and_merge_lists(bench):
    kept = fields("id", "tags", keepMissing=True, mergeLists=True)
    assert await bench.run_nodes(kept, items=ITEMS) == [
        {"id": [1, None, 3], "tags": ["a", "b", "c", None]}
    ]


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        ({}, ITEMS),
        (
            {"include": "specifiedFields", "fieldsToInclude": "id"},
            [{"id": 1}, {"id": None}, {"id": 3}],
        ),
        (
            {"include": "allFieldsExcept", "fieldsToExclude": "tags"},
            [{"id": 1}, {"id": None}, {"id": 3}],
        ),
    ],
)
async def test_gathers_whole_items(bench, given, rows):
    whole = node("Gather", "aggregate", 1, {"aggregate": "aggregateAllItemData", **given})
    assert await bench.run_nodes(whole, items=ITEMS) == [{"data": rows}]


async def test_no_field_is_a_mistake(bench):
    with pytest.raises(Rejected, match="no field to aggregate"):
        await bench.run_nodes(fields(), items=ITEMS)
