from __future__ import annotations

import pytest

from appliance.errors import Rejected
from tests.workflows.workflow_runs import code, export_of, node, split_items, webhook

ITEMS = [{"n": n} for n in range(1, 6)]
MARK = "return $input.all().map((item) => ({ n: item.json.n, of: $input.all().length }))"


def looping(version, parameters, *, loop, done):
    nodes = [
        webhook(),
        split_items(),
        node("Loop", "splitInBatches", version, parameters),
        code("Body", MARK),
        node("Done", "noOp", 1),
    ]
    links = [
        ("Webhook", "Items"),
        ("Items", "Loop"),
        ("Loop", "Body", loop),
        ("Body", "Loop"),
        ("Loop", "Done", done),
    ]
    return export_of(nodes, links)


@pytest.mark.parametrize(("version", "loop", "done"), [(2, 0, 1), (3, 1, 0)])
async def test_goes_round_once_per_batch_and_hands_on_what_came_back(bench, version, loop, done):
    export = looping(version, {"batchSize": 2}, loop=loop, done=done)
    run = await bench.run(export, {"items": ITEMS})
    assert run.output == [{"n": n, "of": of} for n, of in ((1, 2), (2, 2), (3, 2), (4, 2), (5, 1))]
    assert [trace.name for trace in run.nodes].count("Body") == 3


async def test_a_loop_over_many_items_is_no_endless_one(bench):
    many = [{"n": n} for n in range(2_000)]
    run = await bench.run(looping(3, {"batchSize": 1}, loop=1, done=0), {"items": many})
    assert len(run.output) == 2_000


async def test_a_loop_that_never_ends_is_stopped(bench):
    export = looping(3, {"options": {"reset": True}}, loop=1, done=0)
    with pytest.raises(Rejected, match="seems to loop") as caught:
        await bench.run(export, {"items": ITEMS})
    assert caught.value.code == "workflow_step_limit"


@pytest.mark.parametrize("size", [0, -1, "many"])
async def test_a_batch_size_that_is_none_is_named(bench, size):
    with pytest.raises(Rejected, match="batchSize"):
        await bench.run(looping(3, {"batchSize": size}, loop=1, done=0), {"items": ITEMS})
