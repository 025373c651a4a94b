from __future__ import annotations

import pytest

from appliance.errors import InvalidInput, Rejected
from tests.workflows.workflow_runs import node


@pytest.mark.parametrize(
    ("version", "parameters", "waited_s"),
    [
        (1.1, {}, 5),
        (1.1, {"amount": 0.2}, 0.2),
        (1, {"amount": 3, "unit": "seconds"}, 3),
        (1.1, {"resume": "specificTime", "dateTime": "2026-03-02T09:30:07"}, 7),
        (1.1, {"resume": "specificTime", "dateTime": "2026-03-02T11:30:07+02:00"}, 7),
        (1.1, {"resume": "specificTime", "dateTime": "2020-01-01T00:00:00Z"}, 0),
    ],
)
async def test_hands_its_items_on_after_the_time(bench, version, parameters, waited_s):
    output = await bench.run_nodes(node("Wait", "wait", version, parameters), items=[{"n": 1}])
    assert output == [{"n": 1}]
    assert bench.slept_s == [waited_s]


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"amount": 2, "unit": "hours"}, "longer than the 30 s"),
        ({"resume": "specificTime", "dateTime": "soon"}, "dateTime"),
        ({"amount": "long"}, "amount"),
    ],
)
async def test_what_cannot_be_waited_for_fails_at_once(bench, parameters, reason):
    with pytest.raises(Rejected, match=reason):
        await bench.run_nodes(node("Wait", "wait", 1.1, parameters), items=[{"n": 1}])
    assert bench.slept_s == []


@pytest.mark.parametrize("resume", ["webhook", "form"])
async def test_waiting_for_a_call_is_refused_at_import(bench, resume):
    with pytest.raises(InvalidInput, match="within the run"):
        await bench.run_nodes(node("Wait", "wait", 1.1, {"resume": resume}))
