"""The Execute Workflow node: runs another workflow on its items and hands on what comes of it.

Owns which workflow that is and what it gets; running it is left to the run's surroundings.
"""

from __future__ import annotations

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import ApplianceError, Rejected
from appliance.workflows.items import Branches, Item, Origin, pass_through
from appliance.workflows.node_context import NodeContext
from appliance.workflows.parameter_rules import ignored, one_of, read
from appliance.workflows.parameters import Parameters
from appliance.workflows.registry import NodeKind


async def _run(context: NodeContext) -> Branches:
    rows = await context.parameters()
    made: list[Item] = []
    if context.node.given.text("mode") == "each":
        for index, row in enumerate(rows):
            made += await _call(context, [row], [index])
    elif rows:
        made = await _call(context, rows, list(range(len(rows))))
    return [made]


async def _call(
    context: NodeContext, rows: list[Parameters | ApplianceError], indexes: list[int]
) -> list[Item]:
    """Run the workflow that the first row names on the items at ``indexes``."""
    try:
        read_rows = [_require(row) for row in rows]
        values = read_rows[0]
        definition = await _find(context, values)
        items = [
            Item(json=_build_input(context.items[index].json, row))
            for index, row in zip(indexes, read_rows, strict=True)
        ]
        is_waiting = values.group("options").flag("waitForSubWorkflow", True)
        results = await context.state.run_child(definition, items)
    except ApplianceError as exc:
        if not context.continues_on_failure:
            raise
        return [
            Item(json={"error": exc.message}, error=exc.message, origins=(Origin(index),))
            for index in indexes
        ]
    if not is_waiting:
        return pass_through([context.items[index] for index in indexes])
    for position, item in enumerate(results):
        if len(indexes) == 1:
            item.origins = (Origin(indexes[0]),)
        elif len(results) == len(indexes):
            item.origins = (Origin(indexes[position]),)
        else:
            item.origins = None
    return results


def _require(row: Parameters | ApplianceError) -> Parameters:
    if isinstance(row, ApplianceError):
        raise row
    return row


async def _find(context: NodeContext, values: Parameters) -> JsonObject:
    if values.text("source") == "parameter":
        return values.object("workflowJson")
    chosen = values.value("workflowId")
    references: list[JsonValue] = [chosen]
    if isinstance(chosen, dict):
        references = [chosen.get("value"), chosen.get("cachedResultName")]
    known = [str(reference).rstrip("/") for reference in references if reference]
    if not known:
        raise Rejected("no workflow to execute is chosen")
    for reference in known:
        found = await context.state.find_workflow(reference.rpartition("/")[2])
        if found is not None:
            return found
    raise Rejected(
        f"there is no workflow {known[-1]!r} here; import it under this name, or choose another"
    )


def _build_input(given: JsonObject, values: Parameters) -> JsonObject:
    """Return what the called workflow gets of an item: the fields that the node maps, or all."""
    mapping = values.group("workflowInputs")
    names = [field.text("id") for field in mapping.groups("schema") if field.text("id")]
    if not names:
        return given
    if mapping.text("mappingMode") == "autoMapInputData":
        return {name: given[name] for name in names if name in given}
    mapped = mapping.group("value").as_object()
    return {name: mapped.get(name) for name in names}


KIND = NodeKind(
    type="n8n-nodes-base.executeWorkflow",
    min_version=1,
    max_version=1.3,
    run=_run,
    parameters=one_of(
        "source",
        "database",
        "parameter",
        remedy="import the workflow and choose it by name; files and addresses are not read",
    )
    | read("workflowId", "workflowJson", "workflowInputs", "options.waitForSubWorkflow", "mode")
    | ignored("operation"),
)
