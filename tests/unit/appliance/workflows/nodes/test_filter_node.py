from __future__ import annotations

from tests.workflows.workflow_runs import node


async def test_only_what_passes_goes_on(bench):
    conditions = [
        {
            "leftValue": "={{ $json.n }}",
            "rightValue": 1,
            "operator": {"type": "number", "operation": "gt"},
        }
    ]
    keep = node("Keep", "filter", 2.2, {"conditions": {"conditions": conditions}})
    assert await bench.run_nodes(keep, items=[{"n": 1}, {"n": 2}]) == [{"n": 2}]


async def test_an_item_that_cannot_be_compared_is_handed_on_where_told_to(bench):
    conditions = [
        {"leftValue": "={{ $json.n }}", "operator": {"type": "boolean", "operation": "true"}}
    ]
    given = {"conditions": {"conditions": conditions}}
    keep = node("Keep", "filter", 2.2, given, onError="continueRegularOutput")
    output = await bench.run_nodes(keep, items=[{"n": True}, {"n": "x"}])
    assert output[0] == {"n": True}
    assert "expects boolean" in output[1]["error"]
