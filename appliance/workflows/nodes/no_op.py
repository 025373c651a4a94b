"""The No Operation node: hands its items on.

Owns nothing else.
"""

from __future__ import annotations

from appliance.workflows.items import Branches, pass_through
from appliance.workflows.node_context import NodeContext
from appliance.workflows.registry import NodeKind


async def _run(context: NodeContext) -> Branches:
    return [pass_through(context.items)]


KIND = NodeKind(type="n8n-nodes-base.noOp", min_version=1, max_version=1, run=_run)
