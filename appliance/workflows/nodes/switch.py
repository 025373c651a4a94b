"""The Switch node: routes each item to the output of the first rule, or of an expression's number.

Owns routing; the comparisons are in ``appliance.workflows.conditions``.
"""

from __future__ import annotations

from collections.abc import Sequence

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import ApplianceError, Rejected
from appliance.workflows.conditions import FilterOptions, passes_filter, read_options
from appliance.workflows.definition import Node
from appliance.workflows.items import Branches, Item, Origin
from appliance.workflows.legacy_conditions import as_condition
from appliance.workflows.node_context import NodeContext
from appliance.workflows.registry import NodeKind

_LEGACY_OUTPUTS = 4


def _rules(node: Node) -> list[JsonObject]:
    rules = node.parameters.get("rules") or {}
    found: list[JsonObject] = rules.get("values") or rules.get("rules") or []
    return found


def _outputs(node: Node) -> int:
    if node.parameters.get("mode", "rules") == "expression":
        default = _LEGACY_OUTPUTS
        count: JsonValue = node.parameters.get(
            "numberOutputs", node.parameters.get("outputsAmount")
        )
        return int(default if count is None else count)
    if node.type_version < 2:
        return _LEGACY_OUTPUTS
    fallback = (node.parameters.get("options") or {}).get(
        "fallbackOutput", node.parameters.get("fallbackOutput")
    )
    return len(_rules(node)) + (1 if fallback == "extra" else 0)


async def _run(context: NodeContext) -> Branches:
    count = _outputs(context.node)
    branches: Branches = [[] for _ in range(count)]
    names = ("mode", "output", "rules", "options", "dataType", "value1", "fallbackOutput",
             "looseTypeValidation")  # fmt: skip
    for index, values in enumerate(await context.parameters(*names)):
        item = Item(json=context.items[index].json, origins=(Origin(index),))
        try:
            if isinstance(values, ApplianceError):
                raise values
            outputs = await _choose(context, values, count)
        except ApplianceError as exc:
            if not context.continues_on_failure:
                raise
            item.json, item.error = {"error": exc.message}, exc.message
            outputs = [0]
        for output in outputs:
            branches[output].append(item)
    return branches


async def _choose(context: NodeContext, values: JsonObject, count: int) -> Sequence[int]:
    """Return the outputs that an item leaves by; none drops it."""
    if values.get("mode", "rules") == "expression":
        output = values.get("output", 0)
        if not isinstance(output, int | float) or not 0 <= output < count:
            raise Rejected(f"there is no output {output!r}; outputs are 0 to {count - 1}")
        return [int(output)]
    options = values.get("options") or {}
    rules: list[JsonObject] = (values.get("rules") or {}).get("values") or (
        values.get("rules") or {}
    ).get("rules", [])
    matching = []
    for index, rule in enumerate(rules):
        if await _matches(context, rule, values):
            matching.append(int(rule.get("output", index)) if _is_legacy(context) else index)
            if not options.get("allMatchingOutputs"):
                break
    return matching or _fallback(values, options, count)


def _is_legacy(context: NodeContext) -> bool:
    return context.node.type_version < 2


async def _matches(context: NodeContext, rule: JsonObject, values: JsonObject) -> bool:
    zone = context.state.time_zone
    if context.node.type_version < 3:
        kind = str(values.get("dataType", "number"))
        condition = as_condition(kind, {**rule, "value1": values.get("value1")})
        loose = FilterOptions(is_strict=False, version=2, time_zone=zone)
        return await passes_filter({"conditions": [condition]}, loose, context.test_regex)
    options = values.get("options") or {}
    filter_value = rule.get("conditions") or {}
    chosen = read_options(
        filter_value,
        is_loose=options.get("looseTypeValidation", values.get("looseTypeValidation")),
        ignores_case=options.get("ignoreCase"),
        time_zone=zone,
    )
    return await passes_filter(filter_value, chosen, context.test_regex)


def _fallback(values: JsonObject, options: JsonObject, count: int) -> Sequence[int]:
    chosen = options.get("fallbackOutput", values.get("fallbackOutput", "none"))
    if chosen == "extra":
        return [count - 1]
    if isinstance(chosen, int) and not isinstance(chosen, bool) and 0 <= chosen < count:
        return [chosen]
    return []


KIND = NodeKind(
    type="n8n-nodes-base.switch", min_version=1, max_version=3.4, run=_run, outputs=_outputs
)
