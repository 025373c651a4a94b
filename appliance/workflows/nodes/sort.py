"""The Sort node: orders items by fields.

Owns n8n's comparison of values; sorting by code or at random cannot run here.
"""

from __future__ import annotations

import math
from functools import cmp_to_key

from appliance.domain.json_types import JsonValue
from appliance.errors import Rejected
from appliance.workflows.conversions import CannotConvert, to_number, type_name
from appliance.workflows.field_paths import MISSING, read_path
from appliance.workflows.items import Branches, Item, Origin
from appliance.workflows.node_context import NodeContext
from appliance.workflows.parameter_rules import ignored, one_of, read
from appliance.workflows.registry import NodeKind

_ORDERS = ("ascending", "descending")


async def _run(context: NodeContext) -> Branches:
    values = await context.parameters_once()
    is_nested = not values.group("options").flag("disableDotNotation")
    fields = values.groups("sortFieldsUi", "sortField")
    names = [field.text("fieldName") for field in fields]
    directions = [field.choice("order", _ORDERS, "ascending") for field in fields]
    if not any(names):
        raise Rejected("no field to sort by is given")
    keys = [
        [read_path(item.json, name, is_nested=is_nested) for name in names]
        for item in context.items
    ]
    for position, name in enumerate(names):
        if context.items and all(key[position] is MISSING for key in keys):
            raise Rejected(f"no item has the field {name!r} to sort by")

    order = await context.work_out(_order, keys, directions)
    return [[Item(json=context.items[index].json, origins=(Origin(index),)) for index in order]]


def _order(keys: list[list[JsonValue]], directions: list[str]) -> list[int]:
    """Return the positions of the keys in their order."""

    def compare(left: int, right: int) -> int:
        return _compare_keys(keys[left], keys[right], directions)

    return sorted(range(len(keys)), key=cmp_to_key(compare))


def _compare_keys(left: list[JsonValue], right: list[JsonValue], directions: list[str]) -> int:
    for mine, other, direction in zip(left, right, directions, strict=True):
        result = _compare(mine, other)
        if result:
            return -result if direction == "descending" else result
    return 0


def _compare(left: JsonValue, right: JsonValue) -> int:
    """Return -1, 0 or 1; letter case does not count.

    Two texts are compared as such, all else as numbers, with an empty value as 0. What is no number
    then counts as the greater one on either side, and so about stays where it is.

    Source: ``lt`` and ``isEqual`` of lodash, by which n8n's node compares.
    """
    left, right = _lowered(left), _lowered(right)
    if _is_equal(left, right):
        return 0
    if isinstance(left, str) and isinstance(right, str):
        return -1 if left < right else 1
    return -1 if _read_number(left) < _read_number(right) else 1


def _lowered(value: JsonValue) -> JsonValue:
    return value.lower() if isinstance(value, str) else value


def _is_equal(left: JsonValue, right: JsonValue) -> bool:
    if left is MISSING or right is MISSING:
        return left is right
    return type_name(left) == type_name(right) and left == right


def _read_number(value: JsonValue) -> float:
    if value is None:
        return 0
    try:
        return math.nan if value is MISSING else to_number(value)
    except CannotConvert:
        return math.nan


KIND = NodeKind(
    type="n8n-nodes-base.sort",
    min_version=1,
    max_version=1,
    run=_run,
    parameters=one_of("type", "simple")
    | read("sortFieldsUi", "options.disableDotNotation")
    | ignored("code"),
)
