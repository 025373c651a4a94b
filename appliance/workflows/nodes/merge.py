"""The Merge node: brings two or more inputs together, appended or combined.

Owns append, combine by position, by matching fields and all pairs, and choosing a branch; the first
version is in ``appliance.workflows.legacy_merge``, and merging by SQL cannot run here.
"""

from __future__ import annotations

from itertools import zip_longest

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import Rejected
from appliance.workflows import legacy_merge
from appliance.workflows.conversions import encode_json
from appliance.workflows.definition import Node
from appliance.workflows.field_paths import MISSING, read_path
from appliance.workflows.items import Branches, Item, Origin
from appliance.workflows.merging import (
    ClashRules,
    is_loosely_same,
    merge_fields,
    read_clash_rules,
)
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
MAX_LOOSE_PAIRS = 250_000


def _required_inputs(node: Node) -> int:
    return 2 if node.given.text("mode") == "chooseBranch" else 1


async def _run(context: NodeContext) -> Branches:
    values = await context.parameters_once()
    return [await context.work_out(_merge, context, values)]


def _merge(context: NodeContext, values: Parameters) -> list[Item]:
    inputs = [_with_origins(items, number) for number, items in enumerate(context.inputs)]
    inputs += [[] for _ in range(2 - len(inputs))]
    if context.node.type_version < 2:
        return legacy_merge.merge(inputs[0], inputs[1], values)
    mode = context.node.given.text("mode") or "append"
    if mode == "append":
        return [item for items in inputs for item in items]
    if mode == "chooseBranch":
        return _choose(inputs, values)
    old = values.choice("combinationMode", tuple(_OLD_COMBINATIONS), "mergeByFields")
    how = values.choice("combineBy", _COMBINATIONS, _OLD_COMBINATIONS[old])
    if how == "combineByPosition":
        return _by_position(inputs, values)
    if how == "combineAll":
        context.require_room(len(inputs[0]) * len(inputs[1]))
        rules = read_clash_rules(values)
        return [_joined([left, right], rules) for left in inputs[0] for right in inputs[1]]
    return _by_fields(context, inputs[0], inputs[1], values)


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


def _joined(items: list[Item], rules: ClashRules) -> Item:
    """Return one item of several."""
    fields: JsonObject = {}
    if rules.has_suffixes:
        for item in items:
            number = (item.origins[0].input if item.origins else 0) + 1
            fields.update({f"{key}_{number}": value for key, value in item.json.items()})
    else:
        fields = merge_fields([item.json for item in items], rules)
    return Item(json=fields, origins=tuple(o for item in items for o in item.origins or ()))


def _by_position(inputs: list[list[Item]], values: Parameters) -> list[Item]:
    rules = read_clash_rules(values)
    if values.group("options").flag("includeUnpaired"):
        rows = zip_longest(*inputs)
        return [_joined([item for item in row if item is not None], rules) for row in rows]
    return [_joined(list(row), rules) for row in zip(*inputs, strict=False)]


def _by_fields(
    context: NodeContext, left: list[Item], right: list[Item], values: Parameters
) -> list[Item]:
    options = values.group("options")
    find_matches = _match_loosely if options.flag("fuzzyCompare") else _match
    found_for = find_matches(left, right, values)
    is_first_only = options.text("multipleMatches") == "first"
    matches: list[tuple[Item, Item]] = []
    only_left: list[Item] = []
    used: set[int] = set()
    for item, found in zip(left, found_for, strict=True):
        used.update(found)
        chosen = found[:1] if is_first_only else found
        matches += [(item, right[index]) for index in chosen]
        context.require_room(len(matches))
        only_left += [] if found else [item]
    only_right = [item for index, item in enumerate(right) if index not in used]
    return _keep(matches, only_left, only_right, values)


def _match(left: list[Item], right: list[Item], values: Parameters) -> list[list[int]]:
    """Return for each item of the left which of the right have the same fields."""
    by_key: dict[str, list[int]] = {}
    for index, fields in enumerate(_fields(right, values, 1)):
        if MISSING not in fields:
            by_key.setdefault(encode_json(fields), []).append(index)
    return [
        [] if MISSING in fields else by_key.get(encode_json(fields), [])
        for fields in _fields(left, values, 0)
    ]


def _match_loosely(left: list[Item], right: list[Item], values: Parameters) -> list[list[int]]:
    if len(left) * len(right) > MAX_LOOSE_PAIRS:
        raise Rejected(
            f"{len(left)} and {len(right)} items are too many to compare each with each; switch "
            "'Fuzzy Compare' off"
        )
    theirs = _fields(right, values, 1)
    return [
        []
        if MISSING in mine
        else [index for index, other in enumerate(theirs) if all(map(is_loosely_same, mine, other))]
        for mine in _fields(left, values, 0)
    ]


def _fields(items: list[Item], values: Parameters, side: int) -> list[list[JsonValue]]:
    is_nested = not values.group("options").flag("disableDotNotation")
    names = [pair[side] for pair in _field_pairs(values)]
    return [[read_path(item.json, name, is_nested=is_nested) for name in names] for item in items]


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
    rules = read_clash_rules(values, first_wins=join == "enrichInput2")
    joined = [_joined([mine, other], rules) for mine, other in matches]
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


KIND = NodeKind(
    type="n8n-nodes-base.merge",
    min_version=1,
    max_version=3.2,
    run=_run,
    parameters=one_of("mode", *dict.fromkeys((*_MODES, *legacy_merge.MODES)))
    | one_of("joinMode", *_JOINS)
    | read(
        "combineBy", "combinationMode", "fieldsToMatchString", "mergeByFields", "output",
        "useDataOfInput", "outputDataFrom", "options.multipleMatches", "options.includeUnpaired",
        "options.clashHandling", "options.fuzzyCompare", "options.disableDotNotation",
        "join", "propertyName1", "propertyName2", "overwrite",
    )
    | ignored("advanced", "numberInputs", "chooseBranchMode", "query", "options.emptyQueryResult"),
    required_inputs=_required_inputs,
)  # fmt: skip
