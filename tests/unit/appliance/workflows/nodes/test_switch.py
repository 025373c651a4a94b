from __future__ import annotations

import pytest

from appliance.errors import InvalidInput, Rejected
from tests.workflows.workflow_runs import export_of, node, split_items, webhook

ITEMS = [{"n": 1}, {"n": 5}, {"n": 9}]


async def route(bench, version, parameters, items=ITEMS):
    export = export_of([webhook(), split_items(), node("Switch", "switch", version, parameters)])
    run = await bench.run(export, {"items": items}, debug=True)
    return [[item["json"]["n"] for item in branch] for branch in run.nodes[-1].output]


def rules(*limits, **options):
    values = [
        {
            "conditions": {
                "conditions": [
                    {
                        "leftValue": "={{ $json.n }}",
                        "rightValue": limit,
                        "operator": {"type": "number", "operation": "lt"},
                    }
                ]
            }
        }
        for limit in limits
    ]
    return {"rules": {"values": values}, "options": options}


@pytest.mark.parametrize("version", [3, 3.1, 3.2, 3.3, 3.4])
async def test_an_item_leaves_by_its_first_rule(bench, version):
    assert await route(bench, version, rules(2, 7)) == [[1], [5]]


@pytest.mark.parametrize(
    ("options", "output"),
    [
        ({"fallbackOutput": "extra"}, [[1], [5], [9]]),
        ({"fallbackOutput": "none"}, [[1], [5]]),
        ({"fallbackOutput": 0}, [[1, 9], [5]]),
        ({"allMatchingOutputs": True}, [[1], [1, 5]]),
    ],
)
async def test_options_decide_about_the_others(bench, options, output):
    assert await route(bench, 3.2, rules(2, 7, **options)) == output


async def test_an_expression_can_choose_the_output(bench):
    chosen = {"mode": "expression", "numberOutputs": 3, "output": "={{ $json.n > 4 ? 2 : 0 }}"}
    assert await route(bench, 3.2, chosen) == [[1], [], [5, 9]]
    with pytest.raises(Rejected, match="no output 7; outputs are 0 to 2"):
        await route(bench, 3.2, chosen | {"output": "={{ 7 }}"})


async def test_the_first_versions_rules(bench):
    given = {
        "dataType": "number",
        "value1": "={{ $json.n }}",
        "rules": {"rules": [{"operation": "smaller", "value2": 2, "output": 3},
                            {"operation": "equal", "value2": 5, "output": 1}]},
        "fallbackOutput": 2,
    }  # fmt: skip
    assert await route(bench, 1, given) == [[], [5], [9], [1]]
    assert await route(bench, 2, given | {"fallbackOutput": -1}) == [[1], [5]]


@pytest.mark.parametrize("count", ["x", 100_000_000, 0, -1, "={{ 4 }}"])
def test_a_wrong_number_of_outputs_is_refused_at_import(bench, count):
    given = {"mode": "expression", "numberOutputs": count}
    export = export_of([webhook(), node("Switch", "switch", 3.3, given)])
    with pytest.raises(InvalidInput, match=r"'Switch' .*parameter 'numberOutputs' must be"):
        bench.runner.load(export)


def test_rules_that_are_no_rules_are_refused_at_import(bench):
    export = export_of([webhook(), node("Switch", "switch", 3.3, {"rules": "x"})])
    with pytest.raises(InvalidInput, match="parameter 'rules' must be a group of settings"):
        bench.runner.load(export)
