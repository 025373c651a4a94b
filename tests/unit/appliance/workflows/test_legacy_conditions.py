from __future__ import annotations

from appliance.workflows.legacy_conditions import as_condition, as_filter


def test_conditions_by_type_become_one_filter():
    values = {
        "conditions": {
            "number": [{"value1": 5, "operation": "largerEqual", "value2": 3}],
            "string": [{"value1": "a", "operation": "isEmpty"}],
        },
        "combineOperation": "any",
    }
    filter_value, options = as_filter(values, time_zone="UTC")
    assert filter_value["combinator"] == "or"
    operators = [condition["operator"] for condition in filter_value["conditions"]]
    assert [(o["type"], o["operation"]) for o in operators] == [
        ("string", "empty"),
        ("number", "gte"),
    ]
    assert options.is_strict is False


def test_an_operation_left_out_is_the_types_default():
    assert as_condition("number", {"value1": 1, "value2": 2})["operator"]["operation"] == "lt"
    assert as_condition("string", {"value1": 1, "value2": 2})["operator"]["operation"] == "equals"
