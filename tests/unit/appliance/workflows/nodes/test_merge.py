from __future__ import annotations

import pytest

from appliance.errors import Rejected
from appliance.workflows.nodes import merge as merge_node
from tests.workflows.workflow_runs import export_of, node, split_items, webhook

LEFT = [{"id": 1, "a": 1}, {"id": 2, "a": 2}]
RIGHT = [{"id": 2, "b": 20}, {"id": 3, "b": 30}, {"id": 2, "b": 21}]


async def merge(bench, parameters):
    other = node("Other", "splitOut", 1, {"fieldToSplitOut": "body.others"})
    export = export_of(
        [webhook(), split_items(), other, node("Merge", "merge", 3.1, parameters)],
        [("Webhook", "Items"), ("Webhook", "Other"), ("Items", "Merge"), ("Other", "Merge", 0, 1)],
    )
    return (await bench.run(export, {"items": LEFT, "others": RIGHT})).output


def by_id(join, **more):
    return {
        "mode": "combine",
        "combineBy": "combineByFields",
        "fieldsToMatchString": "id",
        "joinMode": join,
        **more,
    }


TWICE = [{"id": 2, "a": 2, "b": 20}, {"id": 2, "a": 2, "b": 21}]


@pytest.mark.parametrize(
    ("parameters", "output"),
    [
        ({}, LEFT + RIGHT),
        (
            {"mode": "combine", "combineBy": "combineByPosition"},
            [{"id": 2, "a": 1, "b": 20}, {"id": 3, "a": 2, "b": 30}],
        ),
        (by_id("keepMatches"), TWICE),
        (by_id("keepMatches", outputDataFrom="input1"), LEFT[1:]),
        (by_id("keepMatches", options={"multipleMatches": "first"}), TWICE[:1]),
        (by_id("enrichInput1"), [*TWICE, LEFT[0]]),
        (by_id("enrichInput2"), [*TWICE, RIGHT[1]]),
        (by_id("keepEverything"), [*TWICE, LEFT[0], RIGHT[1]]),
        (
            by_id("keepNonMatches"),
            [{**LEFT[0], "_source": "input1"}, {**RIGHT[1], "_source": "input2"}],
        ),
        ({"mode": "chooseBranch", "useDataOfInput": 2}, RIGHT),
        ({"mode": "chooseBranch", "output": "empty"}, [{}]),
    ],
)
async def test_brings_inputs_together(bench, parameters, output):
    assert await merge(bench, parameters) == output


async def test_all_pairs(bench):
    pairs = await merge(bench, {"mode": "combine", "combineBy": "combineAll"})
    assert len(pairs) == 6
    assert pairs[0] == {"id": 2, "a": 1, "b": 20}


async def test_clashes_are_settled_as_told(bench):
    def clash(how):
        options = {"clashHandling": {"values": {"resolveClash": how}}}
        return {"mode": "combine", "combineBy": "combineByPosition", "options": options}

    assert (await merge(bench, clash("preferInput1")))[0]["id"] == 1
    assert (await merge(bench, clash("addSuffix")))[0] == {
        "id_1": 1,
        "a_1": 1,
        "id_2": 2,
        "b_2": 20,
    }


async def test_no_field_to_match_is_a_mistake(bench):
    with pytest.raises(Rejected, match="no fields to match"):
        await merge(bench, {"mode": "combine", "combineBy": "combineByFields"})


async def test_too_many_pairs_are_not_compared_one_by_one(bench, monkeypatch):
    monkeypatch.setattr(merge_node, "MAX_LOOSE_PAIRS", 5)
    with pytest.raises(Rejected, match="2 and 3 items are too many"):
        await merge(bench, by_id("keepMatches", options={"fuzzyCompare": True}))
