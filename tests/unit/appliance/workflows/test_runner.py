from __future__ import annotations

import pytest

from appliance.errors import InvalidInput, Rejected
from tests.workflows.workflow_runs import code, export_of, node, set_fields, webhook

ECHO = export_of([webhook(responseData="firstEntryJson"), code("Echo", "return [$json]")])


async def test_the_webhook_item_holds_the_request(bench):
    run = await bench.run(ECHO, {"a": 1}, headers={"x-test": "1"}, query={"q": "2"})
    assert run.output["body"] == {"a": 1}
    assert run.output["headers"]["x-test"] == "1"
    assert run.output["query"] == {"q": "2"}
    assert run.output["params"] == {}


async def test_configuration_reaches_the_workflow_beside_the_parameters(bench):
    run = await bench.run(ECHO, {"a": 1}, config={"limit": 5})
    assert run.output["body"] == {"a": 1, "_config": {"limit": 5}}


async def test_what_a_run_is_called_with_stays_as_it_was(bench):
    body = {"a": {"b": [1]}}
    spoil = code("Spoil", "$json.body.a.b.push(2); return [$json.body]")
    assert (await bench.run(export_of([webhook(), spoil]), body)).output == [{"a": {"b": [1, 2]}}]
    assert body == {"a": {"b": [1]}}


async def test_durations_come_from_the_clock(bench):
    run = await bench.run(ECHO)
    assert run.duration_ms == 0
    assert [trace.duration_ms for trace in run.nodes] == [0, 0]


def test_a_definition_is_read_once(bench):
    assert bench.runner.load(ECHO) is bench.runner.load(dict(ECHO))
    assert bench.runner.load(ECHO) is not bench.runner.load(ECHO | {"name": "other"})


def test_summarises_an_export(bench):
    summary = bench.runner.summarise(export_of([webhook(path="p"), set_fields("Set", a=1)]))
    assert summary.webhook_path == "p"
    assert summary.nodes == [
        {"name": "Webhook", "type": "n8n-nodes-base.webhook"},
        {"name": "Set", "type": "n8n-nodes-base.set"},
    ]


async def test_an_export_that_cannot_run_is_no_run(bench):
    with pytest.raises(InvalidInput):
        await bench.runner.run_traced(
            export_of([webhook(), node("X", "gmail", 1)]), {}, tenant_id="t", time_zone="UTC"
        )


@pytest.mark.parametrize("status", ["abc", 1_000, -1])
async def test_a_wrong_status_of_the_webhook_is_the_workflows_error(bench, status):
    start = webhook("lastNode", responseCode=status)
    with pytest.raises(Rejected, match="parameter 'responseCode' must be"):
        await bench.run(export_of([start, set_fields("Set", a=1)]))


async def test_the_webhooks_own_headers_are_answered(bench):
    entries = {"entries": [{"name": "X-Shop", "value": "7"}]}
    export = export_of([webhook("lastNode", options={"responseHeaders": entries})])
    assert (await bench.run(export)).headers == {"x-shop": "7"}


def test_an_export_nested_too_deeply_is_refused(bench):
    deep: list = []
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(InvalidInput, match="nested too deeply"):
        bench.runner.load(export_of([webhook(), node("X", "noOp", 1, {"a": deep})]))


async def test_an_unexpected_exception_never_leaves_the_runner(bench, monkeypatch):
    def broken(*_given):
        raise KeyError("internals")

    monkeypatch.setattr("appliance.workflows.runner.build_response", broken)
    with pytest.raises(Rejected, match="The workflow met something unexpected") as caught:
        await bench.run(ECHO)
    assert caught.value.code == "workflow_failed"
