"""The Filter node: items that pass its conditions go on, the others are dropped.

Owns nothing else; the conditions are those of the If node.
"""

from __future__ import annotations

from appliance.workflows.items import Branches
from appliance.workflows.node_context import NodeContext
from appliance.workflows.nodes.if_node import FILTER_PARAMETERS, split_by_filter
from appliance.workflows.parameter_rules import read
from appliance.workflows.registry import NodeKind


async def _run(context: NodeContext) -> Branches:
    passed, others = await split_by_filter(context)
    return [passed + [item for item in others if item.error is not None]]


KIND = NodeKind(
    type="n8n-nodes-base.filter",
    min_version=1,
    max_version=2.3,
    run=_run,
    parameters=FILTER_PARAMETERS | read("combineConditions"),
)
