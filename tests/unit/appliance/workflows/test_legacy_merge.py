from __future__ import annotations

import pytest

from appliance.errors import Rejected
from appliance.workflows.items import Item, Origin
from appliance.workflows.legacy_merge import merge
from appliance.workflows.parameters import Parameters


def items(*rows, number=0):
    return [Item(json=row, origins=(Origin(index, number),)) for index, row in enumerate(rows)]


LEFT = items({"k": 1, "a": 1}, {"k": 2, "a": ""})
RIGHT = items({"k": "1", "b": 1, "a": 5}, {"k": 3}, number=1)
KEYS = {"propertyName1": "k", "propertyName2": "k"}


def run(**parameters):
    return [item.json for item in merge(LEFT, RIGHT, Parameters(parameters))]


@pytest.mark.parametrize(
    ("parameters", "merged"),
    [
        ({}, [*(i.json for i in LEFT), *(i.json for i in RIGHT)]),
        ({"mode": "mergeByKey", **KEYS}, [{"k": 1, "a": 5, "b": 1}, {"k": 2, "a": ""}]),
        (
            {"mode": "mergeByKey", "overwrite": "blank", **KEYS},
            [{"k": 1, "a": 1, "b": 1}, {"k": 2, "a": ""}],
        ),
        ({"mode": "keepKeyMatches", **KEYS}, [{"k": 1, "a": 1}]),
        ({"mode": "removeKeyMatches", **KEYS}, [{"k": 2, "a": ""}]),
        ({"mode": "passThrough", "output": "input2"}, [i.json for i in RIGHT]),
        ({"mode": "wait"}, [{}]),
    ],
)
def test_merges_as_its_mode_says(parameters, merged):
    assert run(**parameters) == merged


def test_origins_lead_to_both_inputs():
    made = merge(LEFT, RIGHT, Parameters({"mode": "mergeByIndex"}))
    assert made[0].origins == (Origin(0), Origin(0, 1))


def test_keys_must_be_named():
    with pytest.raises(Rejected, match="no fields"):
        run(mode="mergeByKey")
