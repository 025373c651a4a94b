"""The Merge node: brings two or more inputs together, appended or combined.

Owns append, combine by position, by matching fields and all pairs, and choosing a branch; merging
by SQL cannot run here.
"""

from __future__ import annotations

from itertools import zip_longest

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import Rejected
from appliance.workflows.conversions import encode_json
from appliance.workflows.definition import Node
from appliance.workflows.field_paths import MISSING, read_path
from appliance.workflows.items import Branches, Item, Origin
from appliance.workflows.node_context import NodeContext
from appliance.workflows.parameter_rules import ignored, one_of, read
from appliance.workflows.parameters import Parameters
from appliance.workflows.registry import NodeKind

_MODES = ("append", "combine", "chooseBranch")
_JOINS = ("keepMatches", "keepNonMatches", "keepEverything", "enrichInput1", "enrichInput2")
_COMBINATIONS = ("combineByFields", "combineByPosition", "combineAll")
_OLD_COMBINATIONS = {
    "mergeByFields": "combineByFields",
    "mergeByPosition": "combineByPosition",
    "multiplex": "combineAll",
}
_SIDES = ("both", "input1", "input2")
_CLASHES = ("preferLast", "preferInput1", "preferInput2", "addSuffix")


def _required_inputs(node: Node) -> int:
    return 2 if node.given.text("mode") == "chooseBranch" else 1


async def _run(context: NodeContext) -> Branches:
    values = await context.parameters_once()
    inputs = [_with_origins(items, number) for number, items in enumerate(context.inputs)]
    inputs += [[] for _ in range(2 - len(inputs))]
    mode = context.node.given.text("mode") or "append"
    if mode == "append":
        return [[item for items in inputs for item in items]]
    if mode == "chooseBranch":
        return [_choose(inputs, values)]
    old = values.choice("combinationMode", tuple(_OLD_COMBINATIONS), "mergeByFields")
    how = values.choice("combineBy", _COMBINATIONS, _OLD_COMBINATIONS[old])
    if how == "combineByPosition":
        return [_by_position(inputs, values)]
    if how == "combineAll":
        context.require_room(len(inputs[0]) * len(inputs[1]))
        return [[_joined([left, right], values) for left in inputs[0] for right in inputs[1]]]
    return [_by_fields(context, inputs[0], inputs[1], values)]


def _with_origins(items: list[Item], number: int) -> list[Item]:
    return [
        Item(json=item.json, origins=(Origin(index, number),)) for index, item in enumerate(items)
    ]


def _choose(inputs: list[list[Item]], values: Parameters) -> list[Item]:
    if values.text("output") == "empty":
        return [Item(json={}, origins=())]
    if values.value("useDataOfInput") in ("input1", "input2"):
        number = int(values.text("useDataOfInput")[-1])
    else:
        number = values.integer("useDataOfInput", 1, minimum=1)
    if values.text("output") == "input2":
        number = 2
    return inputs[number - 1] if number <= len(inputs) else []


def _joined(items: list[Item], values: Parameters) -> Item:
    """Return one item of several; where fields clash, the last input wins unless told otherwise."""
    clash = values.group("options", "clashHandling", "values")
    how = clash.text("resolveClash", "preferLast")
    ordered = list(reversed(items)) if how == "preferInput1" else items
    fields: JsonObject = {}
    if how == "addSuffix":
        for item in items:
            number = (item.origins[0].input if item.origins else 0) + 1
            fields.update({f"{key}_{number}": value for key, value in item.json.items()})
    else:
        for item in ordered:
            fields.update(item.json)
    return Item(json=fields, origins=tuple(o for item in items for o in item.origins or ()))


def _by_position(inputs: list[list[Item]], values: Parameters) -> list[Item]:
    if values.group("options").flag("includeUnpaired"):
        rows = zip_longest(*inputs)
        return [_joined([item for item in row if item is not None], values) for row in rows]
    return [_joined(list(row), values) for row in zip(*inputs, strict=False)]


def _by_fields(
    context: NodeContext, left: list[Item], right: list[Item], values: Parameters
) -> list[Item]:
    pairs = _field_pairs(values)
    is_first_only = values.group("options").text("multipleMatches") == "first"
    by_key: dict[str, list[int]] = {}
    for index, item in enumerate(right):
        key = _key(item, [name for _, name in pairs])
        if key is not None:
            by_key.setdefault(key, []).append(index)
    matches: list[tuple[Item, Item]] = []
    only_left: list[Item] = []
    used: set[int] = set()
    for item in left:
        key = _key(item, [name for name, _ in pairs])
        found = by_key.get(key, []) if key is not None else []
        used.update(found)
        chosen = found[:1] if is_first_only else found
        matches += [(item, right[index]) for index in chosen]
        context.require_room(len(matches))
        only_left += [] if found else [item]
    only_right = [item for index, item in enumerate(right) if index not in used]
    return _keep(matches, only_left, only_right, values)


def _keep(
    matches: list[tuple[Item, Item]], left: list[Item], right: list[Item], values: Parameters
) -> list[Item]:
    """Return what the join mode keeps of the matches and of what matched nothing."""
    join = values.choice("joinMode", _JOINS, "keepMatches")
    source = values.choice("outputDataFrom", _SIDES, "both")
    if join == "keepNonMatches":
        if source != "both":
            return left if source == "input1" else right
        return [_marked(item, "input1") for item in left] + [
            _marked(item, "input2") for item in right
        ]
    if join == "keepMatches" and source != "both":
        side = 0 if source == "input1" else 1
        unique = {id(pair[side]): pair[side] for pair in matches}
        return sorted(unique.values(), key=lambda item: item.origins[0].item if item.origins else 0)
    joined = [_joined([mine, other], values) for mine, other in matches]
    return {
        "keepMatches": joined,
        "keepEverything": joined + left + right,
        "enrichInput1": joined + left,
        "enrichInput2": joined + right,
    }[join]


def _marked(item: Item, source: str) -> Item:
    return Item(json={**item.json, "_source": source}, origins=item.origins)


def _field_pairs(values: Parameters) -> list[tuple[str, str]]:
    listed = values.groups("mergeByFields", "values")
    pairs = [(pair.text("field1"), pair.text("field2")) for pair in listed]
    pairs = pairs or [(name, name) for name in values.names("fieldsToMatchString")]
    if not pairs or not all(left and right for left, right in pairs):
        raise Rejected("no fields to match are given")
    return pairs


def _key(item: Item, names: list[str]) -> str | None:
    found: list[JsonValue] = [read_path(item.json, name) for name in names]
    return None if MISSING in found else encode_json(found)


KIND = NodeKind(
    type="n8n-nodes-base.merge",
    min_version=2,
    max_version=3.2,
    run=_run,
    parameters=one_of("mode", *_MODES)
    | one_of("joinMode", *_JOINS)
    | one_of("options.clashHandling.values.resolveClash", *_CLASHES)
    | one_of("options.clashHandling.values.mergeMode", "shallowMerge")
    | read(
        "combineBy", "combinationMode", "fieldsToMatchString", "mergeByFields", "output",
        "useDataOfInput", "outputDataFrom", "options.multipleMatches", "options.includeUnpaired",
    )
    | ignored("advanced", "numberInputs", "chooseBranchMode", "query", "options.emptyQueryResult"),
    required_inputs=_required_inputs,
)  # fmt: skip
