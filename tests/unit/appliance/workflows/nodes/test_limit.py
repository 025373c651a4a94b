from __future__ import annotations

import pytest

from tests.workflows.workflow_runs import node


@pytest.mark.parametrize(
    ("parameters", "kept"),
    [
        ({}, [1]),
        ({"maxItems": 2}, [1, 2]),
        ({"maxItems": 2, "keep": "lastItems"}, [2, 3]),
        ({"maxItems": 9}, [1, 2, 3]),
        ({"maxItems": 0}, []),
        ({"maxItems": "={{ 1 + 1 }}"}, [1, 2]),
    ],
)
async def test_keeps_the_first_or_last_items(bench, parameters, kept):
    items = [{"n": 1}, {"n": 2}, {"n": 3}]
    output = await bench.run_nodes(node("Limit", "limit", 1, parameters), items=items)
    assert [item["n"] for item in output] == kept
