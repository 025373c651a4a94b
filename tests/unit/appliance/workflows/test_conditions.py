from __future__ import annotations

import re

import pytest

from appliance.errors import Rejected
from appliance.workflows.conditions import (
    FilterOptions,
    passes_condition,
    passes_filter,
    read_options,
)
from appliance.workflows.parameters import Parameters

STRICT = FilterOptions(version=2)
LOOSE = FilterOptions(is_strict=False, version=2)
ANY_CASE = FilterOptions(is_case_sensitive=False, version=2)


async def match(source: str, _flags: str, text: str) -> bool:
    return re.search(source, text) is not None


def condition(kind, operation, left=None, right=None, **more):
    operator = {"type": kind, "operation": operation, **more}
    return Parameters({"leftValue": left, "rightValue": right, "operator": operator})


@pytest.mark.parametrize(
    ("options", "given", "expected"),
    [
        (STRICT, condition("string", "equals", "a", "a"), True),
        (STRICT, condition("string", "equals", "a", "A"), False),
        (ANY_CASE, condition("string", "equals", "a", "A"), True),
        (STRICT, condition("string", "notContains", "abc", "z"), True),
        (STRICT, condition("string", "regex", "ab12", r"\d+"), True),
        (STRICT, condition("string", "notRegex", "ab12", r"/^\d/"), True),
        (STRICT, condition("string", "empty", ""), True),
        (STRICT, condition("string", "exists", None), False),
        (STRICT, condition("number", "gt", 2, 1), True),
        (LOOSE, condition("number", "lte", "2", "2"), True),
        (STRICT, condition("number", "lt", None, 5), True),
        (STRICT, condition("boolean", "true", True), True),
        (LOOSE, condition("boolean", "true", "yes"), True),
        (LOOSE, condition("boolean", "false", "0"), True),
        (STRICT, condition("array", "contains", [1, "a"], "a", rightType="any"), True),
        (STRICT, condition("array", "contains", [True], 1, rightType="any"), False),
        (STRICT, condition("array", "lengthGt", [1, 2], 1, rightType="number"), True),
        (STRICT, condition("object", "notEmpty", {"a": 1}), True),
        (STRICT, condition("dateTime", "after", "2026-03-02", "2026-03-01T23:00:00Z"), True),
        (STRICT, condition("dateTime", "before", None, "2026-03-01"), False),
    ],
)
async def test_a_condition_holds_or_not(options, given, expected):
    assert await passes_condition(given, options, match) is expected


async def test_undefined_is_neither_more_nor_less():
    given = Parameters({"rightValue": 5, "operator": {"type": "number", "operation": "lt"}})
    assert not await passes_condition(given, STRICT, match)


@pytest.mark.parametrize(
    ("options", "given", "reason"),
    [
        (STRICT, condition("number", "gt", "2", 1), "expects number but got string '2'"),
        (STRICT, condition("string", "equals", 5, "5"), "expects string but got number '5'"),
        (LOOSE, condition("number", "gt", "two", 1), "cannot convert string 'two' to number"),
        (LOOSE, condition("dateTime", "after", "soon", "2026-01-01"), "to dateTime"),
        (STRICT, condition("string", "sounds", "a", "b"), "string:sounds is not known"),
        (STRICT, condition("blob", "equals", "a", "b"), "blob"),
        (STRICT, condition("string", "contains", "a", 1, rightType="number"), "cannot compare"),
        (STRICT, Parameters({"operator": "x"}), "'operator' must be a group of settings"),
    ],
)
async def test_a_wrong_type_is_said(options, given, reason):
    with pytest.raises(Rejected, match=reason):
        await passes_condition(given, options, match)


async def test_conditions_combine_with_and_or():
    yes, no = (condition("number", "equals", 1, other).as_object() for other in (1, 2))

    async def passes(*conditions, **more):
        return await passes_filter(
            Parameters({"conditions": list(conditions), **more}), STRICT, match
        )

    assert await passes(yes, yes)
    assert not await passes(yes, no)
    assert await passes(no, yes, combinator="or")
    assert not await passes(no, no, combinator="or")
    assert await passes()


def test_the_filters_options_win_over_the_nodes_own():
    stated = Parameters(
        {"options": {"caseSensitive": True, "typeValidation": "strict", "version": 3}}
    )
    plain = read_options(stated, Parameters({}), time_zone="UTC")
    assert (plain.is_case_sensitive, plain.is_strict, plain.version) == (True, True, 3)
    for given in (
        {"options": {"looseTypeValidation": True, "ignoreCase": True}},
        {"options": {"ignoreCase": True}, "looseTypeValidation": True},
    ):
        own = read_options(stated, Parameters(given), time_zone="UTC")
        assert (own.is_case_sensitive, own.is_strict) == (True, True)
        alone = read_options(Parameters({}), Parameters(given), time_zone="UTC")
        assert (alone.is_case_sensitive, alone.is_strict) == (False, False)
