from __future__ import annotations

import pytest

from appliance.errors import InvalidInput
from tests.workflows.workflow_runs import code, export_of, webhook


async def test_its_item_is_the_request(bench):
    export = export_of([webhook(path="orders"), code("Show", "return [$json]")])
    (item,) = (await bench.run(export, {"a": 1}, query={"q": "x"})).output
    assert item["body"] == {"a": 1}
    assert item["query"] == {"q": "x"}
    assert item["headers"]["content-type"] == "application/json"
    assert item["webhookUrl"].endswith("/webhook/orders")
    assert item["executionMode"] == "production"


@pytest.mark.parametrize(
    "parameters", [{"responseMode": "streaming"}, {"responseData": "firstEntryBinary"}]
)
def test_answers_that_cannot_be_given_are_refused(bench, parameters):
    with pytest.raises(InvalidInput) as caught:
        bench.runner.load(export_of([webhook() | {"parameters": parameters}]))
    assert caught.value.code == "unsupported_node"
