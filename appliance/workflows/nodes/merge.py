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
from appliance.workflows.registry import NodeKind

_MODES = ("append", "combine", "chooseBranch")
_JOINS = ("keepMatches", "keepNonMatches", "keepEverything", "enrichInput1", "enrichInput2")
_PARAMETERS = (
    "combineBy", "combinationMode", "fieldsToMatchString", "mergeByFields", "joinMode", "options",
    "chooseBranchMode", "output", "useDataOfInput", "outputDataFrom",
)  # fmt: skip


def _check(node: Node) -> list[str]:
    mode = node.parameters.get("mode", "append")
    problems = [] if mode in _MODES else [f"mode {mode!r}"]
    join = node.parameters.get("joinMode", "keepMatches")
    if join not in _JOINS:
        problems.append(f"join mode {join!r}")
    return problems


def _required_inputs(node: Node) -> int:
    return 2 if node.parameters.get("mode") == "chooseBranch" else 1


async def _run(context: NodeContext) -> Branches:
    values = await context.parameters_once(*_PARAMETERS)
    inputs = [_with_origins(items, number) for number, items in enumerate(context.inputs)]
    inputs += [[] for _ in range(2 - len(inputs))]
    mode = context.literal("mode", "append")
    if mode == "append":
        return [[item for items in inputs for item in items]]
    if mode == "chooseBranch":
        return [_choose(inputs, values)]
    how = values.get("combineBy") or {
        "mergeByPosition": "combineByPosition",
        "multiplex": "combineAll",
    }.get(str(values.get("combinationMode")), "combineByFields")
    if how == "combineByPosition":
        return [_by_position(inputs, values)]
    if how == "combineAll":
        return [[_joined([left, right], values) for left in inputs[0] for right in inputs[1]]]
    return [_by_fields(inputs[0], inputs[1], values)]


def _with_origins(items: list[Item], number: int) -> list[Item]:
    return [
        Item(json=item.json, origins=(Origin(index, number),)) for index, item in enumerate(items)
    ]


def _choose(inputs: list[list[Item]], values: JsonObject) -> list[Item]:
    if values.get("output") == "empty":
        return [Item(json={}, origins=())]
    chosen = values.get("useDataOfInput", 1)
    number = 2 if chosen == "input2" else 1 if chosen == "input1" else int(chosen)
    if values.get("output") == "input2":
        number = 2
    return inputs[number - 1] if number <= len(inputs) else []


def _joined(items: list[Item], values: JsonObject) -> Item:
    """Return one item of several; where fields clash, the last input wins unless told otherwise."""
    clash = ((values.get("options") or {}).get("clashHandling") or {}).get("values") or {}
    how = clash.get("resolveClash", "preferLast")
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


def _by_position(inputs: list[list[Item]], values: JsonObject) -> list[Item]:
    if (values.get("options") or {}).get("includeUnpaired"):
        rows = zip_longest(*inputs)
        return [_joined([item for item in row if item is not None], values) for row in rows]
    return [_joined(list(row), values) for row in zip(*inputs, strict=False)]


def _by_fields(left: list[Item], right: list[Item], values: JsonObject) -> list[Item]:
    pairs = _field_pairs(values)
    is_first_only = (values.get("options") or {}).get("multipleMatches") == "first"
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
        only_left += [] if found else [item]
    only_right = [item for index, item in enumerate(right) if index not in used]
    return _keep(matches, only_left, only_right, values)


def _keep(
    matches: list[tuple[Item, Item]], left: list[Item], right: list[Item], values: JsonObject
) -> list[Item]:
    """Return what the join mode keeps of the matches and of what matched nothing."""
    join = values.get("joinMode", "keepMatches")
    source = values.get("outputDataFrom", "both")
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
    }[str(join)]


def _marked(item: Item, source: str) -> Item:
    return Item(json={**item.json, "_source": source}, origins=item.origins)


def _field_pairs(values: JsonObject) -> list[tuple[str, str]]:
    listed = (values.get("mergeByFields") or {}).get("values") or []
    pairs = [(str(v.get("field1") or ""), str(v.get("field2") or "")) for v in listed]
    if not pairs:
        text = str(values.get("fieldsToMatchString") or "")
        pairs = [(name.strip(), name.strip()) for name in text.split(",")]
    if not all(left and right for left, right in pairs):
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
    check=_check,
    required_inputs=_required_inputs,
)
