"""The If node: items that pass leave by the first output, the others by the second.

Owns reading both generations of its parameters; the comparisons are in
``appliance.workflows.conditions``.
"""

from __future__ import annotations

from appliance.errors import ApplianceError
from appliance.workflows.conditions import passes_filter, read_options
from appliance.workflows.definition import Node
from appliance.workflows.items import Branches, Item, Origin
from appliance.workflows.legacy_conditions import as_filter
from appliance.workflows.node_context import NodeContext, breathe
from appliance.workflows.parameter_rules import read
from appliance.workflows.parameters import Parameters
from appliance.workflows.registry import NodeKind

FILTER_PARAMETERS = read(
    "conditions", "looseTypeValidation", "options.ignoreCase", "options.looseTypeValidation"
)


async def split_by_filter(context: NodeContext) -> tuple[list[Item], list[Item]]:
    """Return the items that pass the node's filter and those that do not; If and Filter share it.

    A failed item counts as not passing where the node continues on failure.
    """
    passed: list[Item] = []
    others: list[Item] = []
    for index, values in enumerate(await context.parameters()):
        await breathe(index)
        item = Item(json=context.items[index].json, origins=(Origin(index),))
        try:
            if isinstance(values, ApplianceError):
                raise values
            does_pass = await _passes(context, values)
        except ApplianceError as exc:
            if not context.continues_on_failure:
                raise
            item.json, item.error = {"error": exc.message}, exc.message
            does_pass = False
        (passed if does_pass else others).append(item)
    return passed, others


async def _passes(context: NodeContext, values: Parameters) -> bool:
    if context.node.type_version < 2:
        filter_value, options = as_filter(values, time_zone=context.state.time_zone)
    else:
        filter_value = values.group("conditions")
        options = read_options(filter_value, values, time_zone=context.state.time_zone)
    return await passes_filter(filter_value, options, context.test_regex)


def _two(_node: Node) -> int:
    return 2


async def _run(context: NodeContext) -> Branches:
    return list(await split_by_filter(context))


KIND = NodeKind(
    type="n8n-nodes-base.if",
    min_version=1,
    max_version=2.3,
    run=_run,
    parameters=FILTER_PARAMETERS | read("combineOperation"),
    outputs=_two,
)
