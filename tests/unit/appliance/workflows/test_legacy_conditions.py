from __future__ import annotations

from appliance.workflows.legacy_conditions import as_condition, as_filter
from appliance.workflows.parameters import Parameters


def test_conditions_by_type_become_one_filter():
    values = {
        "conditions": {
            "number": [{"value1": 5, "operation": "largerEqual", "value2": 3}],
            "string": [{"value1": "a", "operation": "isEmpty"}],
        },
        "combineOperation": "any",
    }
    filter_value, options = as_filter(Parameters(values), time_zone="UTC")
    assert filter_value.text("combinator") == "or"
    operators = [condition.group("operator") for condition in filter_value.groups("conditions")]
    assert [(o.text("type"), o.text("operation")) for o in operators] == [
        ("string", "empty"),
        ("number", "gte"),
    ]
    assert options.is_strict is False


def test_an_operation_left_out_is_the_types_default():
    given = Parameters({"value1": 1, "value2": 2})
    assert as_condition("number", given)["operator"]["operation"] == "lt"
    assert as_condition("string", given)["operator"]["operation"] == "equals"


def test_a_value_beside_the_conditions_stands_for_a_missing_first_one():
    assert as_condition("number", Parameters({"value2": 2}), 7)["leftValue"] == 7
