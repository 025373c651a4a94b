"""The trigger of a workflow that another one executes: hands on the items it was called with.

Owns which fields of them the called workflow sees.
"""

from __future__ import annotations

from appliance.domain.json_types import JsonObject
from appliance.workflows.items import Branches, Item
from appliance.workflows.node_context import NodeContext
from appliance.workflows.parameter_rules import ignored, one_of, read
from appliance.workflows.registry import NodeKind

_SOURCES = ("workflowInputs", "jsonExample", "passthrough")


async def _run(context: NodeContext) -> Branches:
    values = await context.parameters_once()
    trigger = context.state.trigger
    called_with = [Item(json=trigger.body)] if trigger.items is None else trigger.items
    source = values.choice("inputSource", _SOURCES, "workflowInputs")
    if context.node.type_version < 1.1 or source == "passthrough":
        return [[Item(json=item.json, origins=()) for item in called_with]]
    if source == "jsonExample":
        names = list(values.object("jsonExample"))
    else:
        listed = values.groups("workflowInputs", "values")
        names = [field.text("name") for field in listed if field.text("name")]
    return [[Item(json=_pick(item.json, names), origins=()) for item in called_with]]


def _pick(source: JsonObject, names: list[str]) -> JsonObject:
    """Return the declared fields; those that did not come are null."""
    return {name: source.get(name) for name in names}


KIND = NodeKind(
    type="n8n-nodes-base.executeWorkflowTrigger",
    min_version=1,
    max_version=1.2,
    run=_run,
    parameters=one_of("returnOutput", "lastRunOnly")
    | read("inputSource", "jsonExample", "workflowInputs")
    | ignored("events"),
)
