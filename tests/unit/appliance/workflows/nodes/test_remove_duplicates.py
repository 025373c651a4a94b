from __future__ import annotations

import pytest

from appliance.errors import InvalidInput, Rejected
from tests.workflows.workflow_runs import node

ITEMS = [{"n": 1, "at": "x"}, {"n": 2, "at": "x"}, {"n": 1, "at": "x"}]


def unique(parameters, version=2):
    return node("Unique", "removeDuplicates", version, parameters)


@pytest.mark.parametrize("version", [1, 1.1, 2])
async def test_keeps_the_first_of_the_same_items(bench, version):
    assert await bench.run_nodes(unique({}, version), items=ITEMS) == ITEMS[:2]


async def test_compares_only_what_it_is_told(bench):
    chosen = {"compare": "selectedFields", "fieldsToCompare": "at"}
    assert await bench.run_nodes(unique(chosen), items=ITEMS) == ITEMS[:1]
    others = {"compare": "allFieldsExcept", "fieldsToExclude": "n"}
    assert await bench.run_nodes(unique(others), items=ITEMS) == ITEMS[:1]


@pytest.mark.parametrize(
    ("parameters", "items", "named"),
    [
        ({"compare": "selectedFields"}, ITEMS, "fieldsToCompare"),
        ({"compare": "selectedFields", "fieldsToCompare": "x"}, ITEMS, "'x'"),
        ({}, [{"n": 1}, {"n": "1"}], "'n'"),
        ({}, [{"n": 1, "m": 1}, {"n": 1}], "'m'"),
    ],
)
async def test_what_cannot_be_compared_is_named(bench, parameters, items, named):
    with pytest.raises(Rejected, match="Node 'Unique' failed") as caught:
        await bench.run_nodes(unique(parameters), items=items)
    assert named in caught.value.message


async def test_what_earlier_runs_saw_is_refused_at_import(bench):
    with pytest.raises(InvalidInput, match="same run") as caught:
        await bench.run_nodes(unique({"operation": "removeItemsSeenInPreviousExecutions"}))
    assert caught.value.code == "unsupported_node"
