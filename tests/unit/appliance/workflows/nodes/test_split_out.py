from __future__ import annotations

import time

import pytest

from appliance.errors import Rejected
from tests.workflows.workflow_runs import export_of, node, webhook

ITEM = {"id": 1, "list": [{"a": 1}, {"a": 2}], "plain": ["x", "y", "z"], "deep": {"l": [5]}}


@pytest.mark.parametrize(
    ("parameters", "output"),
    [
        ({"fieldToSplitOut": "list"}, [{"a": 1}, {"a": 2}]),
        ({"fieldToSplitOut": "plain"}, [{"plain": "x"}, {"plain": "y"}, {"plain": "z"}]),
        ({"fieldToSplitOut": "deep.l"}, [{"deep": {"l": 5}}]),
        (
            {"fieldToSplitOut": "plain", "options": {"destinationFieldName": "p"}},
            [{"p": "x"}, {"p": "y"}, {"p": "z"}],
        ),
        (
            {"fieldToSplitOut": "list", "include": "selectedOtherFields", "fieldsToInclude": "id"},
            [{"id": 1, "list": {"a": 1}}, {"id": 1, "list": {"a": 2}}],
        ),
        (
            {"fieldToSplitOut": "list, plain"},
            [
                {"list": {"a": 1}, "plain": "x"},
                {"list": {"a": 2}, "plain": "y"},
                {"plain": "z"},
            ],
        ),
        ({"fieldToSplitOut": "missing"}, []),
    ],
)
async def test_makes_an_item_of_each_element(bench, parameters, output):
    assert await bench.run_nodes(node("Split", "splitOut", 1, parameters), items=[ITEM]) == output


async def test_all_other_fields_can_stay(bench):
    given = {"fieldToSplitOut": "list", "include": "allOtherFields"}
    output = await bench.run_nodes(node("Split", "splitOut", 1, given), items=[ITEM])
    assert output[1] == {"id": 1, "plain": ["x", "y", "z"], "deep": {"l": [5]}, "list": {"a": 2}}


async def test_no_field_is_a_mistake(bench):
    with pytest.raises(Rejected, match="no field to split"):
        await bench.run_nodes(node("Split", "splitOut", 1, {}), items=[ITEM])


async def test_what_goes_along_is_not_copied_for_each_element(bench):
    body = {"list": [{"n": n} for n in range(3_000)], "other": [{"m": m} for m in range(3_000)]}
    parameters = {"fieldToSplitOut": "body.list", "include": "allOtherFields"}
    first = node("First", "limit", 1)
    began = time.monotonic()
    run = await bench.run(
        export_of([webhook(), node("Out", "splitOut", 1, parameters), first]), body
    )
    assert time.monotonic() - began < 5
    assert run.output[0]["body"] == {"list": {"n": 0}, "other": body["other"]}


async def test_items_do_not_change_one_another(bench):
    item = {"deep": {"l": [1, 2], "kept": {"x": 1}}, "list": [{"a": 1}]}
    out = node("Out", "splitOut", 1, {"fieldToSplitOut": "deep.l", "include": "allOtherFields"})
    assert await bench.run_nodes(out, items=[item]) == [
        {"deep": {"l": n, "kept": {"x": 1}}, "list": [{"a": 1}]} for n in (1, 2)
    ]
