"""The conditions of the If, Filter and Switch nodes' first versions, rewritten as a filter.

Owns the translation; comparing is left to ``appliance.workflows.conditions``.
"""

from __future__ import annotations

from appliance.domain.json_types import JsonObject, JsonValue
from appliance.workflows.conditions import FilterOptions
from appliance.workflows.parameters import Parameters

_OPERATIONS = {
    "string": {
        "equal": "equals", "notEqual": "notEquals", "contains": "contains",
        "notContains": "notContains", "startsWith": "startsWith",
        "notStartsWith": "notStartsWith", "endsWith": "endsWith", "notEndsWith": "notEndsWith",
        "regex": "regex", "notRegex": "notRegex", "isEmpty": "empty", "isNotEmpty": "notEmpty",
    },
    "number": {
        "smaller": "lt", "smallerEqual": "lte", "equal": "equals", "notEqual": "notEquals",
        "larger": "gt", "largerEqual": "gte", "isEmpty": "empty", "isNotEmpty": "notEmpty",
    },
    "boolean": {"equal": "equals", "notEqual": "notEquals"},
    "dateTime": {"after": "after", "before": "before"},
}  # fmt: skip
_DEFAULTS = {"string": "equal", "number": "smaller", "boolean": "equal", "dateTime": "after"}


def as_filter(values: Parameters, *, time_zone: str) -> tuple[Parameters, FilterOptions]:
    """Return an If or a Filter node's first-version conditions as a filter, and its options.

    Args:
        values: ``conditions`` by type, and ``combineOperation`` or ``combineConditions``.
        time_zone: For dates that name none.
    """
    conditions = [
        as_condition(kind, entry)
        for kind in _OPERATIONS
        for entry in values.groups("conditions", kind)
    ]
    is_any = values.text("combineOperation") == "any" or values.text("combineConditions") == "OR"
    combinator = "or" if is_any else "and"
    options = FilterOptions(is_strict=False, version=2, time_zone=time_zone)
    return Parameters({"conditions": conditions, "combinator": combinator}), options


def as_condition(kind: str, entry: Parameters, first: JsonValue = None) -> JsonObject:
    """Return one first-version condition, ``value1``, ``operation``, ``value2``, as a new one.

    ``first`` stands for ``value1`` where the node keeps it beside its conditions.
    """
    operation = entry.text("operation") or _DEFAULTS[kind]
    return {
        "leftValue": entry.value("value1", first),
        "rightValue": entry.value("value2"),
        "operator": {
            "type": kind,
            "operation": _OPERATIONS[kind].get(operation, operation),
            "singleValue": operation in ("isEmpty", "isNotEmpty"),
        },
    }
