from __future__ import annotations

import json

import pytest

from appliance.errors import InvalidInput, Rejected
from appliance.workflows.engine import EngineLimits
from appliance.workflows.sandbox import MEBIBYTE
from tests.workflows.workflow_runs import code, export_of, node, open_bench

ITEMS = [{"n": 1}, {"n": 2}]
GROW = "return $input.all().map((item) => ({ n: item.json.n * 10 }))"


def called(*nodes, version=1, **parameters):
    return export_of([node("Called", "executeWorkflowTrigger", version, parameters), *nodes])


def inline(export, **parameters):
    given = {"source": "parameter", "workflowJson": json.dumps(export), **parameters}
    return node("Call", "executeWorkflow", 1.2, given)


async def test_runs_another_workflow_on_its_items(bench):
    child = called(code("Grow", GROW))
    assert await bench.run_nodes(inline(child), items=ITEMS) == [{"n": 10}, {"n": 20}]


@pytest.mark.parametrize(
    "reference", ["stored", "w", {"value": "n8n-id", "cachedResultName": "stored"}]
)
async def test_finds_a_stored_workflow(bench, reference):
    bench.stored = {"stored": called(code("Grow", GROW)), "w": called(code("Grow", GROW))}
    made = node("Call", "executeWorkflow", 1.1, {"workflowId": reference})
    assert await bench.run_nodes(made, items=ITEMS) == [{"n": 10}, {"n": 20}]


async def test_a_workflow_that_does_not_exist_is_named(bench):
    made = node("Call", "executeWorkflow", 1, {"workflowId": "gone"})
    with pytest.raises(Rejected, match="no workflow 'gone' here"):
        await bench.run_nodes(made, items=ITEMS)


async def test_a_failure_names_both_workflow_and_node(bench):
    child = {**called(node("Stop", "stopAndError", 1, {"errorMessage": "sold out"})), "name": "sub"}
    with pytest.raises(Rejected, match="sold out") as caught:
        await bench.run_nodes(inline(child), items=ITEMS)
    assert "'Call'" in caught.value.message
    assert "'sub'" in caught.value.message
    assert "'Stop'" in caught.value.message


async def test_a_workflow_that_executes_itself_is_stopped(bench):
    bench.stored = {
        "again": called(node("Call", "executeWorkflow", 1, {"workflowId": "again"})),
    }
    made = node("Call", "executeWorkflow", 1, {"workflowId": "again"})
    with pytest.raises(Rejected, match="execute one another"):
        await bench.run_nodes(made, items=ITEMS)


async def test_a_workflow_that_nothing_starts_is_refused(bench):
    with pytest.raises(Rejected, match="trigger"):
        await bench.run_nodes(inline(export_of([node("A", "noOp", 1)])), items=ITEMS)


async def test_what_a_workflow_holds_counts_in_those_it_executes():
    three_mb = code("Large", "return [{ json: { text: 'x'.repeat(3 * 2 ** 20) } }]")
    small = code("Small", "return [{}]")
    with open_bench(limits=EngineLimits(bytes=4 * MEBIBYTE)) as bench:
        assert await bench.run_nodes(inline(called(three_mb, small))) == [{}]
        with pytest.raises(Rejected, match=r"'Large' failed: .* more than 4 MB"):
            await bench.run_nodes(three_mb, small | {"name": "None"}, inline(called(three_mb)))


@pytest.mark.parametrize("source", ["localFile", "url"])
async def test_files_and_addresses_are_refused_at_import(bench, source):
    made = node("Call", "executeWorkflow", 1, {"source": source, "workflowPath": "/etc/passwd"})
    with pytest.raises(InvalidInput, match="not read"):
        await bench.run_nodes(made, items=ITEMS)
