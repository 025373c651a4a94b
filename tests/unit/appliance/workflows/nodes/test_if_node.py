from __future__ import annotations

import pytest

from appliance.errors import Rejected
from appliance.workflows.sandbox import SandboxLimits
from tests.workflows.workflow_runs import (
    export_of,
    node,
    open_bench,
    set_fields,
    split_items,
    webhook,
)

ITEMS = [{"n": 1}, {"n": 5}]


async def split(bench, version, parameters, items=ITEMS, **more):
    export = export_of(
        [webhook(), split_items(), node("If", "if", version, parameters, **more),
         set_fields("Yes", a=1), set_fields("No", a=2)],
        [("Webhook", "Items"), ("Items", "If"), ("If", "Yes", 0), ("If", "No", 1)],
    )  # fmt: skip
    run = await bench.run(export, {"items": items}, debug=True)
    output = next(trace.output for trace in run.nodes if trace.name == "If")
    return [[item["json"] for item in branch] for branch in output]


def more_than(right, **options):
    condition = {
        "leftValue": "={{ $json.n }}",
        "rightValue": right,
        "operator": {"type": "number", "operation": "gt"},
    }
    return {"conditions": {"options": options, "conditions": [condition]}}


@pytest.mark.parametrize("version", [2, 2.1, 2.2, 2.3])
async def test_splits_items_by_their_conditions(bench, version):
    assert await split(bench, version, more_than(3)) == [[{"n": 5}], [{"n": 1}]]


async def test_the_first_version_splits_too(bench):
    rules = {
        "conditions": {"number": [{"value1": "={{ $json.n }}", "operation": "larger", "value2": 3}]}
    }
    assert await split(bench, 1, rules) == [[{"n": 5}], [{"n": 1}]]


async def test_types_are_converted_where_told_to(bench):
    loose = more_than("3") | {"options": {"looseTypeValidation": True}}
    assert await split(bench, 2.2, loose, [{"n": "5"}]) == [[{"n": "5"}], []]
    with pytest.raises(Rejected, match="expects number but got string '5'"):
        await split(bench, 2.2, more_than(3), [{"n": "5"}])


async def test_a_failing_item_leaves_by_the_third_output(bench):
    output = await split(
        bench, 2.2, more_than(3), [{"n": 5}, {"n": "x"}], onError="continueErrorOutput"
    )
    assert output[:2] == [[{"n": 5}], []]
    assert output[2][0]["n"] == "x"
    assert "expects number" in output[2][0]["error"]


async def test_a_costly_regular_expression_is_stopped():
    condition = {
        "leftValue": "={{ $json.n }}",
        "rightValue": "^(a+)+$",
        "operator": {"type": "string", "operation": "regex"},
    }
    with (
        open_bench(sandbox_limits=SandboxLimits(time_s=0.2)) as bench,
        pytest.raises(Rejected, match="stopped after"),
    ):
        await split(
            bench, 2.2, {"conditions": {"conditions": [condition]}}, [{"n": "a" * 40 + "!"}]
        )
