from __future__ import annotations

import pytest

from appliance.errors import Rejected
from tests.workflows.workflow_runs import code, export_of, node, set_fields, webhook

TWO = code("Two", "return [{ a: { b: 1 } }, { a: 2 }]")


@pytest.mark.parametrize(
    ("parameters", "output"),
    [
        ({"responseData": "allEntries"}, [{"a": {"b": 1}}, {"a": 2}]),
        ({"responseData": "firstEntryJson"}, {"a": {"b": 1}}),
        ({"responseData": "noData"}, None),
        (
            {"responseData": "firstEntryJson", "options": {"responsePropertyName": "a.b"}},
            1,
        ),
    ],
)
async def test_the_last_nodes_items_are_the_answer(bench, parameters, output):
    run = await bench.run(export_of([webhook(**parameters), TWO]))
    assert run.output == output


async def test_an_immediate_answer_does_not_wait_for_the_end(bench):
    run = await bench.run(export_of([webhook("onReceived"), TWO]))
    assert run.output == {"message": "Workflow was started"}
    run = await bench.run(
        export_of([webhook("onReceived", options={"responseData": "Thanks"}), TWO])
    )
    assert run.output == "Thanks"


async def test_status_codes_are_kept(bench):
    older = export_of([webhook("onReceived", responseCode=201), TWO])
    assert (await bench.run(older)).status_code == 201
    newer = {"responseCode": {"values": {"responseCode": "customCode", "customCode": 299}}}
    assert (await bench.run(export_of([webhook(options=newer), TWO]))).status_code == 299


async def test_no_answer_is_a_failure(bench):
    with pytest.raises(Rejected, match="without reaching a Respond to Webhook"):
        await bench.run(export_of([webhook("responseNode"), TWO]))
    nothing = export_of(
        [webhook(responseData="firstEntryJson"), node("Drop", "limit", 1, {"maxItems": 0})]
    )
    with pytest.raises(Rejected, match="'Drop', put out no item"):
        await bench.run(nothing)


async def test_a_manual_start_answers_with_the_last_nodes_items(bench):
    start = node("Start", "manualTrigger", 1)
    one = export_of([start, set_fields("Set", a="={{ $json.x }}")])
    assert (await bench.run(one, {"x": "given"})).output == {"a": "given"}
    assert (await bench.run(export_of([start, TWO]))).output == [{"a": {"b": 1}}, {"a": 2}]
