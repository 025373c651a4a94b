"""The filter that If, Switch and Filter share: operators, type checks, and/or.

Owns what a condition means; which output an item leaves by is left to the nodes.
"""

from __future__ import annotations

import operator as op
import re
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from appliance.domain.json_types import JsonValue
from appliance.errors import Rejected
from appliance.workflows.conversions import (
    CannotConvert,
    is_truthy,
    to_array,
    to_boolean,
    to_moment,
    to_number,
    to_object,
    to_text,
    type_name,
)
from appliance.workflows.parameters import Parameters

_SINGLE_VALUE = frozenset({"exists", "notExists", "empty", "notEmpty", "true", "false"})
_REGEX_LITERAL = re.compile(r"/(.*)/([dgimsuvy]*)", re.DOTALL)


class FilterOptions(Struct, frozen=True, kw_only=True):
    """How values are compared. ``version`` is the filter's own, as the export states it."""

    is_case_sensitive: bool = True
    is_strict: bool = True
    version: float = 1
    time_zone: str = "UTC"


Test = Callable[[Any, Any], bool]
TestRegex = Callable[[str, str, str], Awaitable[bool]]
"""Says whether a JavaScript regular expression (source, flags) matches within a text."""

_OPERANDS = ("leftValue", "rightValue")
_ORDERS = frozenset({"gt", "lt", "gte", "lte"})


def _no_less(test: Test) -> Test:
    """Return ``test`` with JavaScript's treatment of an absent operand: null counts as 0."""
    return lambda left, right: test(0 if left is None else left, 0 if right is None else right)


_STRING: dict[str, Test] = {
    "empty": lambda left, _: left == "",
    "equals": op.eq,
    "contains": lambda left, right: right in left,
    "startsWith": lambda left, right: left.startswith(right),
    "endsWith": lambda left, right: left.endswith(right),
}
_NUMBER: dict[str, Test] = {
    "empty": lambda left, _: left is None,
    "equals": op.eq,
    "gt": _no_less(op.gt),
    "lt": _no_less(op.lt),
    "gte": _no_less(op.ge),
    "lte": _no_less(op.le),
}
_BOOLEAN: dict[str, Test] = {
    "empty": lambda left, _: left is None,
    "equals": op.eq,
    "true": lambda left, _: bool(left),
    "false": lambda left, _: not left,
}
_DATE: dict[str, Test] = {
    "equals": op.eq,
    "after": op.gt,
    "before": op.lt,
    "afterOrEquals": op.ge,
    "beforeOrEquals": op.le,
}
_ARRAY: dict[str, Test] = {
    "empty": lambda left, _: len(left) == 0,
    "lengthEquals": lambda left, right: len(left) == right,
    "lengthNotEquals": lambda left, right: len(left) != right,
    "lengthGt": lambda left, right: right is not None and len(left) > right,
    "lengthLt": lambda left, right: right is not None and len(left) < right,
    "lengthGte": lambda left, right: right is not None and len(left) >= right,
    "lengthLte": lambda left, right: right is not None and len(left) <= right,
}
_OBJECT: dict[str, Test] = {"empty": lambda left, _: not left}
_TESTS = {
    "string": _STRING,
    "number": _NUMBER,
    "boolean": _BOOLEAN,
    "dateTime": _DATE,
    "array": _ARRAY,
    "object": _OBJECT,
}


async def passes_filter(
    filter_value: Parameters, options: FilterOptions, test_regex: TestRegex
) -> bool:
    """Say whether all, or with the combinator ``or`` any, of a filter's conditions hold.

    Args:
        filter_value: ``{"conditions": […], "combinator": "and" | "or"}`` with its expressions
            already evaluated.
        options: How values are compared.
        test_regex: Matches a regular expression under a time limit.

    Raises:
        Rejected: A value does not have, or cannot be converted to, the condition's type
            (``wrong_type``), or the operator is unknown (``unknown_operator``).
    """
    is_or = filter_value.text("combinator") == "or"
    for condition in filter_value.groups("conditions"):
        if await passes_condition(condition, options, test_regex) == is_or:
            return is_or
    return not is_or


def read_options(
    filter_value: Parameters, node_values: Parameters, *, time_zone: str
) -> FilterOptions:
    """Return a filter's options; the node's own count only where the filter does not say.

    n8n's editor writes the node's options into the filter, and only the filter's are read in a run.
    """
    stated = filter_value.group("options")
    own = node_values.group("options")
    is_loose = own if "looseTypeValidation" in own else node_values
    ignores_case, is_loosely = own.flag("ignoreCase"), is_loose.flag("looseTypeValidation")
    return FilterOptions(
        is_case_sensitive=stated.flag("caseSensitive", not ignores_case),
        is_strict=stated.text("typeValidation", "loose" if is_loosely else "strict") == "strict",
        version=stated.number("version", 1),
        time_zone=time_zone,
    )


async def passes_condition(
    condition: Parameters, options: FilterOptions, test_regex: TestRegex
) -> bool:
    """Say whether one condition holds; see ``passes_filter``."""
    operator = condition.group("operator")
    kind = operator.text("type", "string")
    operation = operator.text("operation", "equals")
    is_single = operator.flag("singleValue") or operation in _SINGLE_VALUE
    left = _convert(condition.value("leftValue"), kind, options, is_needed=True)
    right_kind = operator.text("rightType") or kind
    right = _convert(condition.value("rightValue"), right_kind, options, is_needed=not is_single)
    if operation in ("exists", "notExists"):
        return (left is not None) == (operation == "exists")
    if kind == "number" and operation in _ORDERS and not all(n in condition for n in _OPERANDS):
        return False  # undefined is neither less nor greater than anything
    is_regex = kind == "string" and operation in ("regex", "notRegex")
    if not options.is_case_sensitive:
        left, right = _lowered(left), right if is_regex else _lowered(right)
    if is_regex:
        return await _matches(left or "", right or "", test_regex) == (operation == "regex")
    return _run_test(kind, operation, left, right)


def _lowered(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return value.lower()
    if isinstance(value, list):
        return [item.lower() if isinstance(item, str) else item for item in value]
    return value


def _run_test(kind: str, operation: str, left: Any, right: Any) -> bool:
    is_negated = operation.startswith("not")
    base = operation[3:4].lower() + operation[4:] if is_negated else operation
    if kind == "dateTime" and base == "empty":
        result = left is None
    elif kind == "dateTime" and (left is None or right is None):
        return False
    elif kind == "array" and base == "contains":
        result = _holds(left or [], right)
    else:
        test = _TESTS.get(kind, {}).get(base)
        if test is None:
            raise Rejected(
                f"the condition's operator {kind}:{operation} is not known here",
                code="unknown_operator",
            )
        empty = {"string": "", "array": [], "object": {}}.get(kind)
        right = "" if right is None and kind == "string" else right
        try:
            result = test(empty if left is None else left, right)
        except TypeError as exc:  # an operator whose right side is of an unsuitable type
            raise Rejected(
                f"the condition {kind}:{operation} cannot compare {to_text(left)[:100]!r} "
                f"with {to_text(right)[:100]!r}",
                code="wrong_type",
            ) from exc
    return result != is_negated


def _holds(values: list[Any], wanted: Any) -> bool:
    """Say whether a list holds a value; as in JavaScript, true is not 1, no two lists are one."""
    return any(
        value == wanted and type_name(value) == type_name(wanted)
        for value in values
        if not isinstance(value, dict | list)
    )


async def _matches(text: str, pattern: str, test_regex: TestRegex) -> bool:
    literal = _REGEX_LITERAL.fullmatch(pattern)
    source, flags = (literal.group(1), literal.group(2)) if literal else (pattern, "")
    return await test_regex(source, flags, text)


def _convert(value: JsonValue, kind: str, options: FilterOptions, *, is_needed: bool) -> Any:
    if kind == "any" or value is None:
        return value
    if kind == "boolean" and not options.is_strict and options.version < 2:
        return is_truthy(value)
    is_blank = value == [] or (isinstance(value, str) and not value.strip())
    if kind == "number" and is_blank and options.version >= 3:
        return None
    try:
        return _converted(value, kind, options)
    except CannotConvert:
        if kind == "boolean" and not options.is_strict:
            return is_truthy(value)
        if not is_needed:
            return None
        raise Rejected(_wrong_type(value, kind, options), code="wrong_type") from None


def _converted(value: JsonValue, kind: str, options: FilterOptions) -> Any:
    actual = type_name(value)
    if options.is_strict and kind not in ("dateTime", actual):
        raise CannotConvert
    converters: dict[str, Callable[[JsonValue], Any]] = {
        "string": to_text,
        "number": to_number,
        "boolean": to_boolean,
        "array": to_array,
        "object": to_object,
        "dateTime": lambda moment: to_moment(moment, time_zone=options.time_zone),
    }
    if kind not in converters:
        raise Rejected(f"the condition type {kind!r} is not known here", code="unknown_operator")
    return converters[kind](value)


def _wrong_type(value: JsonValue, kind: str, options: FilterOptions) -> str:
    shown = to_text(value)
    shown = shown if len(shown) <= 100 else shown[:97] + "..."
    if options.is_strict:
        return (
            f"the condition expects {kind} but got {type_name(value)} {shown!r}; turn on "
            "'Convert types where required' or convert the value"
        )
    return f"the condition cannot convert {type_name(value)} {shown!r} to {kind}"
