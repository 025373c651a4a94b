"""The Switch node: routes each item to the output of the first rule, or of an expression's number.

Owns routing; the comparisons are in ``appliance.workflows.conditions``.
"""

from __future__ import annotations

from collections.abc import Sequence

from appliance.errors import ApplianceError, Rejected
from appliance.workflows.conditions import (
    FilterOptions,
    passes_condition,
    passes_filter,
    read_options,
)
from appliance.workflows.definition import Node
from appliance.workflows.items import Branches, Item, Origin
from appliance.workflows.legacy_conditions import as_condition
from appliance.workflows.node_context import NodeContext, breathe
from appliance.workflows.parameter_rules import ignored, literal, one_of, read
from appliance.workflows.parameters import Parameters
from appliance.workflows.registry import MAX_OUTPUTS, NodeKind

_LEGACY_OUTPUTS = 4
_BOUNDS = {"minimum": 1, "maximum": MAX_OUTPUTS}
_TYPES = ("number", "string", "boolean", "dateTime")


def _rules(values: Parameters) -> list[Parameters]:
    return values.groups("rules", "values") or values.groups("rules", "rules")


def _outputs(node: Node) -> int:
    if _mode(node) == "expression":
        older = node.given.integer("outputsAmount", _LEGACY_OUTPUTS, **_BOUNDS)
        return node.given.integer("numberOutputs", older, **_BOUNDS)
    if node.type_version < 2:
        return _LEGACY_OUTPUTS
    own = node.given.group("options").text("fallbackOutput")
    fallback = own or node.given.text("fallbackOutput")
    return len(_rules(node.given)) + (1 if fallback == "extra" else 0)


def _mode(node: Node) -> str:
    return node.given.text("mode") or "rules"


async def _run(context: NodeContext) -> Branches:
    count = _outputs(context.node)
    branches: Branches = [[] for _ in range(count)]
    for index, values in enumerate(await context.parameters()):
        await breathe(index)
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


async def _choose(context: NodeContext, values: Parameters, count: int) -> Sequence[int]:
    """Return the outputs that an item leaves by; none drops it."""
    if _mode(context.node) == "expression":
        output = values.value("output", 0)
        if not isinstance(output, int | float) or not 0 <= output < count:
            raise Rejected(f"there is no output {output!r}; outputs are 0 to {count - 1}")
        return [int(output)]
    options = values.group("options")
    matching = []
    for index, rule in enumerate(_rules(values)):
        if await _matches(context, rule, values):
            is_named = _is_legacy(context)
            matching.append(
                rule.integer("output", index, minimum=0, maximum=count - 1) if is_named else index
            )
            if not options.flag("allMatchingOutputs"):
                break
    return matching or _fallback(values, options, count)


def _is_legacy(context: NodeContext) -> bool:
    return context.node.type_version < 2


async def _matches(context: NodeContext, rule: Parameters, values: Parameters) -> bool:
    zone = context.state.time_zone
    if context.node.type_version < 3:
        kind = values.choice("dataType", _TYPES, "number")
        condition = Parameters(as_condition(kind, rule, values.value("value1")))
        loose = FilterOptions(is_strict=False, version=2, time_zone=zone)
        return await passes_condition(condition, loose, context.test_regex)
    filter_value = rule.group("conditions")
    chosen = read_options(filter_value, values, time_zone=zone)
    return await passes_filter(filter_value, chosen, context.test_regex)


def _fallback(values: Parameters, options: Parameters, count: int) -> Sequence[int]:
    chosen = options.value("fallbackOutput", values.value("fallbackOutput", "none"))
    if chosen == "extra":
        return [count - 1]
    if isinstance(chosen, int) and not isinstance(chosen, bool) and 0 <= chosen < count:
        return [chosen]
    return []


KIND = NodeKind(
    type="n8n-nodes-base.switch",
    min_version=1,
    max_version=3.4,
    run=_run,
    parameters=one_of("mode", "rules", "expression")
    | read(
        "output", "rules", "dataType", "value1", "fallbackOutput", "looseTypeValidation",
        "options.fallbackOutput", "options.ignoreCase", "options.looseTypeValidation",
        "options.allMatchingOutputs",
    )
    | literal("numberOutputs", "outputsAmount")
    | ignored("options.renameFallbackOutput"),
    outputs=_outputs,
)  # fmt: skip
