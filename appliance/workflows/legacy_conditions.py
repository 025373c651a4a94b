"""The conditions of the If and Switch nodes' first versions, rewritten as a filter.

Owns the translation; comparing is left to ``appliance.workflows.conditions``.
"""

from __future__ import annotations

from appliance.domain.json_types import JsonObject
from appliance.workflows.conditions import FilterOptions

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


def as_filter(values: JsonObject, *, time_zone: str) -> tuple[JsonObject, FilterOptions]:
    """Return an If node's first-version conditions as a filter, and its options.

    Args:
        values: ``conditions`` by type, and ``combineOperation``.
        time_zone: For dates that name none.
    """
    conditions = [
        as_condition(kind, entry)
        for kind in _OPERATIONS
        for entry in (values.get("conditions") or {}).get(kind) or []
    ]
    combinator = "or" if values.get("combineOperation") == "any" else "and"
    options = FilterOptions(is_strict=False, version=2, time_zone=time_zone)
    return {"conditions": conditions, "combinator": combinator}, options


def as_condition(kind: str, entry: JsonObject) -> JsonObject:
    """Return one first-version condition, ``{"value1", "operation", "value2"}``, as a new one."""
    operation = str(entry.get("operation") or _DEFAULTS[kind])
    return {
        "leftValue": entry.get("value1"),
        "rightValue": entry.get("value2"),
        "operator": {
            "type": kind,
            "operation": _OPERATIONS[kind].get(operation, operation),
            "singleValue": operation in ("isEmpty", "isNotEmpty"),
        },
    }
