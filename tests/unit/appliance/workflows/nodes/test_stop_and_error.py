from __future__ import annotations

import pytest

from appliance.errors import Rejected
from tests.workflows.workflow_runs import node


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"errorMessage": "=We are {{ 'closed' }}"}, "We are closed"),
        ({}, "An error occurred"),
        ({"errorType": "errorObject", "errorObject": '{"message": "No stock"}'}, "No stock"),
        ({"errorType": "errorObject", "errorObject": '{"code": 5}'}, '{"code":5}'),
        ({"errorType": "errorObject", "errorObject": "plain"}, "plain"),
    ],
)
async def test_ends_the_run_with_the_authors_message(bench, parameters, message):
    with pytest.raises(Rejected) as caught:
        await bench.run_nodes(node("Stop", "stopAndError", 1, parameters))
    assert caught.value.message.startswith(f"Node 'Stop' failed: {message}")
    assert caught.value.code == "workflow_failed"
