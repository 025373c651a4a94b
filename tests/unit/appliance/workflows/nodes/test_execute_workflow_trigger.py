from __future__ import annotations

import json

import pytest

from tests.workflows.workflow_runs import export_of, node

GIVEN = [{"n": 1, "extra": True}]


@pytest.mark.parametrize(
    ("version", "parameters", "seen"),
    [
        (1, {}, {"n": 1, "extra": True}),
        (1.1, {"inputSource": "passthrough"}, {"n": 1, "extra": True}),
        (1.1, {"workflowInputs": {"values": [{"name": "n"}, {"name": "m"}]}}, {"n": 1, "m": None}),
        (1.2, {"inputSource": "jsonExample", "jsonExample": '{"n": 5}'}, {"n": 1}),
    ],
)
async def test_shows_the_fields_that_it_declares(bench, version, parameters, seen):
    child = export_of([node("Called", "executeWorkflowTrigger", version, parameters)])
    given = {"source": "parameter", "workflowJson": json.dumps(child)}
    call = node("Call", "executeWorkflow", 1, given)
    assert await bench.run_nodes(call, items=GIVEN) == [seen]


async def test_a_run_of_its_own_begins_with_what_it_was_given(bench):
    run = await bench.run(export_of([node("Called", "executeWorkflowTrigger", 1)]), {"n": 1})
    assert run.output == {"n": 1}
