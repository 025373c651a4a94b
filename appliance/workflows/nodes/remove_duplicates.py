"""The Remove Duplicates node: keeps the first of the items that are the same.

Owns comparing within one run, as n8n does: items are sorted by their fields and neighbours
compared, so that what has no order (objects as a whole, null beside a text) may stay twice. What
was seen in earlier runs would have to be kept between runs and cannot run here.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cmp_to_key
from itertools import pairwise

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.errors import Rejected
from appliance.workflows.conversions import CannotConvert, encode_json, to_number, to_text
from appliance.workflows.field_paths import MISSING, read_path, remove_path, set_path
from appliance.workflows.items import Branches, Item, Origin
from appliance.workflows.node_context import NodeContext
from appliance.workflows.parameter_rules import ignored, one_of, read
from appliance.workflows.parameters import Parameters
from appliance.workflows.registry import NodeKind

_COMPARE = ("allFields", "allFieldsExcept", "selectedFields")


async def _run(context: NodeContext) -> Branches:
    values = await context.parameters_once()
    return [await context.work_out(_keep_first, context, values)]


def _keep_first(context: NodeContext, values: Parameters) -> list[Item]:
    options = values.group("options")
    is_nested = not options.flag("disableDotNotation")
    how = values.choice("compare", _COMPARE, "allFields")
    items = [item.json for item in context.items]
    names = _choose_fields(items, values, how, is_nested=is_nested)
    rows = [[read_path(item, name, is_nested=is_nested) for name in names] for item in items]
    _check_rows(rows, names, knows_null=context.node.type_version >= 1.1)
    kept: list[Item] = []
    for index in _find_unique(rows):
        made = items[index]
        if how != "allFields" and options.flag("removeOtherFields"):
            made = _keep_only(made, values, names, how, is_nested=is_nested)
        kept.append(Item(json=made, origins=(Origin(index),)))
    return kept


def _choose_fields(
    items: list[JsonObject], values: Parameters, how: str, *, is_nested: bool
) -> list[str]:
    """Return the fields that are compared, by their paths."""
    if how == "selectedFields":
        return _named(values, "fieldsToCompare")
    paths = (path for item in items for path in (_leaves(item) if is_nested else item))
    names = list(dict.fromkeys(paths))
    left_out = _named(values, "fieldsToExclude") if how == "allFieldsExcept" else []
    return [name for name in names if name not in left_out]


def _named(values: Parameters, name: str) -> list[str]:
    names = values.names(name)
    if not names:
        raise Rejected(f"parameter {name!r} names no field", code="wrong_parameter")
    return names


def _leaves(value: JsonValue, path: str = "") -> Iterator[str]:
    """Yield the paths to what is no object and no list, or an empty one."""
    if isinstance(value, list):
        value = {str(index): entry for index, entry in enumerate(value)}
    if not isinstance(value, dict) or (path and not value):
        yield path
        return
    for key, inner in value.items():
        yield from _leaves(inner, f"{path}.{key}" if path else key)


def _check_rows(rows: list[list[JsonValue]], names: list[str], *, knows_null: bool) -> None:
    for position, name in enumerate(names):
        kinds = set()
        for row in rows:
            if row[position] is MISSING:
                raise Rejected(f"the field {name!r} is missing in some items")
            if row[position] is not None or not knows_null:
                kinds.add(_kind(row[position]))
        if len(kinds) > 1:
            raise Rejected(f"the field {name!r} is not of the same type in all items")


def _kind(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "object"


def _find_unique(rows: list[list[JsonValue]]) -> list[int]:
    """Return the indexes of the rows that stay, in their order."""

    def compare(one: int, other: int) -> int:
        return _compare(rows[one], rows[other])

    order = sorted(range(len(rows)), key=cmp_to_key(compare))
    left_out = {
        later
        for earlier, later in pairwise(order)
        if all(map(_is_same, rows[earlier], rows[later]))
    }
    return [index for index in range(len(rows)) if index not in left_out]


def _compare(one: list[JsonValue], other: list[JsonValue]) -> int:
    for mine, theirs in zip(one, other, strict=True):
        if not _is_same(mine, theirs):
            return -1 if _is_less(mine, theirs) else 1
    return 0


def _is_same(one: JsonValue, other: JsonValue) -> bool:
    return encode_json(_in_order(one)) == encode_json(_in_order(other))


def _in_order(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {key: _in_order(value[key]) for key in sorted(value)}
    return [_in_order(entry) for entry in value] if isinstance(value, list) else value


def _is_less(one: JsonValue, other: JsonValue) -> bool:
    """Say what JavaScript's ``<`` says."""
    left, right = map(_as_primitive, (one, other))
    if isinstance(left, str) and isinstance(right, str):
        return left.encode("utf-16-be", "surrogatepass") < right.encode(
            "utf-16-be", "surrogatepass"
        )
    try:
        return _to_number(left) < _to_number(right)
    except CannotConvert:
        return False


def _as_primitive(value: JsonValue) -> JsonValue:
    """Return what JavaScript compares an object or a list by: its text, which names no fields."""
    if isinstance(value, list):
        parts = ("" if entry is None else _as_primitive(entry) for entry in value)
        return ",".join(map(to_text, parts))
    return "[object Object]" if isinstance(value, dict) else value


def _to_number(value: JsonValue) -> float:
    return 0.0 if value is None else to_number(value)


def _keep_only(
    source: JsonObject, values: Parameters, names: list[str], how: str, *, is_nested: bool
) -> JsonObject:
    """Return the compared fields alone."""
    if how == "allFieldsExcept":
        rest = copy.deepcopy(source)
        for name in values.names("fieldsToExclude"):
            remove_path(rest, name, is_nested=is_nested)
        return rest
    kept: JsonObject = {}
    for name in names:
        found = copy.deepcopy(read_path(source, name, is_nested=is_nested))
        set_path(kept, name, found, is_nested=is_nested and name not in source)
    return kept


KIND = NodeKind(
    type="n8n-nodes-base.removeDuplicates",
    min_version=1,
    max_version=2,
    run=_run,
    parameters=one_of(
        "operation",
        "removeDuplicateInputItems",
        remedy="only items of the same run can be compared here",
    )
    | read(
        "compare", "fieldsToCompare", "fieldsToExclude", "options.disableDotNotation",
        "options.removeOtherFields",
    )
    | ignored("options.scope", "options.historySize", "logic", "mode"),
)  # fmt: skip
