from __future__ import annotations

import pytest

from appliance.workflows.merging import ClashRules, is_loosely_same, merge_fields, read_clash_rules
from appliance.workflows.parameters import Parameters

LEFT = {"a": {"x": 1, "y": None}, "b": "l", "c": [1, 2]}
RIGHT = {"a": {"y": 2}, "b": "", "c": [3], "d": None}


@pytest.mark.parametrize(
    ("rules", "merged"),
    [
        (ClashRules(), {"a": {"x": 1, "y": 2}, "b": "", "c": [3, 2], "d": None}),
        (ClashRules(is_deep=False), {"a": {"y": 2}, "b": "", "c": [3], "d": None}),
        (
            ClashRules(first_wins=True),
            {"a": {"y": None, "x": 1}, "b": "l", "c": [1, 2], "d": None},
        ),
        (
            ClashRules(keeps_filled=True),
            {"a": {"x": 1, "y": 2}, "b": "l", "c": [3, 2], "d": None},
        ),
    ],
)
def test_fields_clash_by_the_rules_and_what_was_given_stays(rules, merged):
    left, right = {**LEFT, "a": dict(LEFT["a"])}, {**RIGHT, "a": dict(RIGHT["a"])}
    assert merge_fields([left, right], rules) == merged
    assert (left, right) == (LEFT, RIGHT)


def test_rules_are_those_of_the_node():
    given = {"resolveClash": "addSuffix", "mergeMode": "shallowMerge", "overrideEmpty": True}
    values = Parameters({"options": {"clashHandling": {"values": given}}})
    rules = read_clash_rules(values)
    assert rules == ClashRules(is_deep=False, keeps_filled=True, has_suffixes=True)
    assert read_clash_rules(Parameters({}), first_wins=True) == ClashRules(first_wins=True)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("1", 1, True),
        (1, True, True),
        ("TRUE", True, True),
        (None, [], True),
        ("", None, True),
        ("[1]", [1], True),
        ({}, "{}", True),
        ({}, None, False),
        ("x", " x ", False),
        (2, True, False),
        ("", 0, False),
        ("a", 1, False),
    ],
)
def test_types_may_differ(one, other, is_same):
    assert is_loosely_same(one, other) is is_same
    assert is_loosely_same(other, one) is is_same
