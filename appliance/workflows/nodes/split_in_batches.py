"""The Loop Over Items node: hands its items on in batches, one batch each time it is reached.

Owns the batches and the order of the outputs; going round is done by the workflow's connections.
"""

from __future__ import annotations

from msgspec import Struct, field

from appliance.workflows.definition import Node
from appliance.workflows.items import Branches, Item, Origin, Source
from appliance.workflows.node_context import NodeContext
from appliance.workflows.parameter_rules import read
from appliance.workflows.registry import NodeKind

_LARGEST_BATCH = 100_000


class _Loop(Struct):
    """What a node remembers between its runs: items not handed on yet, and what came back."""

    left: list[Item]
    sources: list[Source | None]
    processed: list[Item] = field(default_factory=list)
    run: int = 0
    rounds: int = 0


def _outputs(node: Node) -> int:
    return 1 if node.type_version < 2 else 2


async def _run(context: NodeContext) -> Branches:
    values = await context.parameters_once()
    size = values.integer(
        "batchSize", 1 if context.node.type_version >= 3 else 10, minimum=1, maximum=_LARGEST_BATCH
    )
    loop = context.held if isinstance(context.held, _Loop) else None
    if loop is None or values.group("options").flag("reset"):
        items = [
            Item(json=item.json, origins=(Origin(index),), error=item.error)
            for index, item in enumerate(context.items)
        ]
        rounds = -(-len(items) // size)
        loop = _Loop(left=items, sources=context.sources, rounds=rounds)
        context.held = loop
    else:
        loop.run += 1
        loop.processed += [
            Item(json=item.json, origins=(Origin(index),), error=item.error)
            for index, item in enumerate(context.items)
        ]
    batch, loop.left = loop.left[:size], loop.left[size:]
    context.memory.update(
        currentRunIndex=loop.run,
        maxRunIndex=loop.rounds,
        noItemsLeft=not loop.left,
        done=not batch,
    )
    if batch:
        # A batch was made of the items that began the loop, not of what has just come back.
        context.sources = loop.sources
        return _branches(context.node, batch, [])
    return _branches(context.node, [], loop.processed)


def _branches(node: Node, batch: list[Item], done: list[Item]) -> Branches:
    if node.type_version < 2:
        return [batch]
    return [batch, done] if node.type_version < 3 else [done, batch]


KIND = NodeKind(
    type="n8n-nodes-base.splitInBatches",
    min_version=1,
    max_version=3,
    run=_run,
    parameters=read("batchSize", "options.reset"),
    outputs=_outputs,
)
