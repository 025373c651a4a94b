from __future__ import annotations

import pytest

from appliance.errors import Rejected
from tests.workflows.workflow_runs import node

ITEMS = [
    {"id": 1, "n": 10, "s": "b", "x": {"y": 2}},
    {"id": 2, "n": 9, "s": "A", "x": {"y": 1}},
    {"id": 3, "s": "c", "x": {"y": 2}},
    {"id": 4, "n": 10, "s": "a", "x": {"y": 3}},
]


def by(*fields):
    rows = [
        {"fieldName": name.lstrip("-"), "order": "descending" if name[0] == "-" else "ascending"}
        for name in fields
    ]
    return node("Sort", "sort", 1, {"sortFieldsUi": {"sortField": rows}})


@pytest.mark.parametrize(
    ("fields", "ids"),
    [
        (["n"], [2, 1, 3, 4]),  # one without the field stays where it is, as in n8n
        (["s"], [2, 4, 1, 3]),
        (["-s"], [3, 1, 2, 4]),
        (["x.y", "-id"], [2, 3, 1, 4]),
    ],
)
async def test_orders_by_fields(bench, fields, ids):
    output = await bench.run_nodes(by(*fields), items=ITEMS)
    assert [item["id"] for item in output] == ids


@pytest.mark.parametrize(
    ("order", "given", "sorted_"),
    [
        ("-v", [2, 10, 2, None], [10, 2, 2, None]),
        ("v", [2, None, -1, 10], [-1, None, 2, 10]),
        ("v", ["9", 10, "8", 11], ["8", "9", 10, 11]),
        ("-v", [9, "10", 8], ["10", 9, 8]),
        ("v", ["10", "9"], ["10", "9"]),
        ("v", [True, 2, False], [False, True, 2]),
        ("v", ["b", "A", "c"], ["A", "b", "c"]),
        ("v", [3, "", 1], ["", 1, 3]),
    ],
)
async def test_values_of_several_types_are_compared_as_n8n_does(bench, order, given, sorted_):
    output = await bench.run_nodes(by(order), items=[{"v": value} for value in given])
    assert [item["v"] for item in output] == sorted_


@pytest.mark.parametrize(("fields", "reason"), [([], "no field"), (["nope"], "'nope'")])
async def test_a_field_that_no_item_has_is_a_mistake(bench, fields, reason):
    with pytest.raises(Rejected, match=reason):
        await bench.run_nodes(by(*fields), items=ITEMS)
