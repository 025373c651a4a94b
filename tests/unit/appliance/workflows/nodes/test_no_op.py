from __future__ import annotations

from tests.workflows.workflow_runs import node


async def test_hands_its_items_on(bench):
    items = [{"n": 1}, {"n": 2}]
    assert await bench.run_nodes(node("Nothing", "noOp", 1), items=items) == items
