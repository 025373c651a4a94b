from __future__ import annotations

import asyncio

import pytest
import structlog
from msgspec import structs

from appliance.errors import AuthFailed, Rejected, Unavailable
from appliance.ports.outbound_http import OutboundRequest, OutboundResponse
from appliance.workflows.engine import EngineLimits
from appliance.workflows.sandbox import MEBIBYTE
from tests.workflows.workflow_runs import (
    code,
    export_of,
    node,
    open_bench,
    set_fields,
    split_items,
    webhook,
)

FAILS = "throw new Error('no luck')"


class FlakyHttp:
    """Fails with each of ``errors`` in turn, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.count = 0

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        self.count += 1
        if self.errors:
            raise self.errors.pop(0)
        return OutboundResponse(
            status=200, headers={"content-type": "application/json"}, body=b'{"ok": true}'
        )


class SilentHttp:
    """Never answers."""

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        return await asyncio.Future()


CALL = {"url": "https://example.com/"}


async def test_a_failure_names_the_node_and_ends_the_run(bench):
    export = export_of([webhook(), code("Breaks", FAILS), set_fields("After", a=1)])
    with pytest.raises(Rejected, match=r"Node 'Breaks' failed: .*no luck") as caught:
        await bench.run(export)
    assert caught.value.code == "workflow_failed"


async def test_a_failed_run_still_tells_what_ran(bench):
    export = export_of([webhook(), code("Breaks", FAILS), set_fields("After", a=1)])
    run = await bench.runner.run_traced(export, {}, tenant_id="t", time_zone="UTC")
    assert [trace.name for trace in run.nodes] == ["Webhook", "Breaks"]
    assert run.nodes[1].error == "the code failed: no luck (line 1)"
    assert run.output is None


async def test_a_failure_can_go_on_by_the_regular_output(bench):
    export = export_of(
        [webhook(), split_items(), code("Breaks", FAILS, onError="continueRegularOutput")]
    )
    run = await bench.run(export, {"items": [{"a": 1}, {"a": 2}]})
    assert run.output == [{"error": "the code failed: no luck (line 1)"}]


async def test_a_failed_item_leaves_by_the_error_output_with_its_fields(bench):
    check = set_fields("Check", n="={{ $json.n }}") | {"onError": "continueErrorOutput"}
    check["parameters"]["assignments"]["assignments"][0]["type"] = "number"
    export = export_of(
        [
            webhook(),
            split_items(),
            check,
            set_fields("Good", kind="good"),
            code("Bad", "return items"),
        ],
        [("Webhook", "Items"), ("Items", "Check"), ("Check", "Good", 0), ("Check", "Bad", 1)],
    )
    run = await bench.run(export, {"items": [{"n": 1}, {"n": "x", "id": 7}]}, debug=True)
    (bad,) = next(trace for trace in run.nodes if trace.name == "Bad").output[0]
    assert bad["json"]["id"] == 7
    assert "expects number" in bad["json"]["error"]
    assert next(trace for trace in run.nodes if trace.name == "Good").items == 1


@pytest.mark.parametrize(
    ("settings", "tries", "slept_s"),
    [
        ({"retryOnFail": True}, 3, [1.0, 1.0]),
        ({"retryOnFail": True, "maxTries": 2, "waitBetweenTries": 250}, 2, [0.25]),
        ({"retryOnFail": True, "maxTries": 99, "waitBetweenTries": 99_999}, 5, [5.0] * 4),
        ({}, 1, []),
    ],
)
async def test_a_node_is_tried_as_often_as_it_says(settings, tries, slept_s):
    http = FlakyHttp(*(Unavailable("no answer") for _ in range(10)))
    with open_bench(http=http) as bench:
        call = node("Call", "httpRequest", 4.2, CALL, **settings)
        with pytest.raises(Unavailable, match="Node 'Call' failed"):
            await bench.run(export_of([webhook(), call]))
        assert (http.count, bench.slept_s) == (tries, slept_s)


async def test_a_retry_that_works_is_a_success():
    with open_bench(http=FlakyHttp(Unavailable("no answer"))) as bench:
        call = node("Call", "httpRequest", 4.2, CALL, retryOnFail=True)
        assert await bench.run_nodes(call) == [{"ok": True}]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Unavailable("later", retry_after_s=3.0), Unavailable),
        (AuthFailed("key"), AuthFailed),
        (Rejected("no"), Rejected),
    ],
)
async def test_the_error_says_who_can_act(error, kind):
    with open_bench(http=FlakyHttp(error)) as bench:
        with pytest.raises(kind, match="Node 'Call' failed") as caught:
            await bench.run_nodes(node("Call", "httpRequest", 4.2, CALL))
        assert getattr(caught.value, "retry_after_s", None) == getattr(error, "retry_after_s", None)


async def test_a_loop_is_stopped_after_the_most_steps():
    with open_bench(limits=EngineLimits(steps=50)) as bench:
        export = export_of(
            [webhook(), node("A", "noOp", 1), node("B", "noOp", 1)],
            [("Webhook", "A"), ("A", "B"), ("B", "A")],
        )
        with pytest.raises(Rejected, match="after 50 steps") as caught:
            await bench.run(export)
        assert caught.value.code == "workflow_step_limit"


async def test_a_run_that_takes_too_long_is_stopped():
    with open_bench(http=SilentHttp(), limits=EngineLimits(deadline_s=0.02)) as bench:
        with pytest.raises(Unavailable, match="at node 'Call'") as caught:
            await bench.run_nodes(node("Call", "httpRequest", 4.2, CALL))
        assert caught.value.code == "workflow_timed_out"


async def test_a_cancelled_run_stays_cancelled():
    with open_bench(http=SilentHttp()) as bench:
        run = asyncio.ensure_future(bench.run_nodes(node("Call", "httpRequest", 4.2, CALL)))
        await asyncio.sleep(0)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run


async def test_too_many_items_are_refused():
    with open_bench(limits=EngineLimits(items=10)) as bench:
        many = code("Many", "return Array.from({ length: 11 }, (_, i) => ({ i }))")
        with pytest.raises(Rejected, match="put out 11 items"):
            await bench.run_nodes(many)


@pytest.mark.parametrize("policy", ["stopWorkflow", "continueRegularOutput"])
async def test_a_run_that_grows_too_large_is_stopped_whatever_its_nodes_do(policy):
    with open_bench(limits=EngineLimits(bytes=4 * MEBIBYTE)) as bench:
        grow = code("Grow", "return [{ json: { text: 'x'.repeat(2 ** 20) } }]")
        export = export_of(
            [webhook(), grow | {"onError": policy}], [("Webhook", "Grow"), ("Grow", "Grow")]
        )
        with pytest.raises(Rejected, match=r"Node 'Grow' failed: .* more than 4 MB"):
            await bench.run(export)


async def test_what_a_node_fetches_is_weighed_item_by_item():
    class LargeHttp(FlakyHttp):
        async def send(self, request: OutboundRequest) -> OutboundResponse:
            answer = await super().send(request)
            return structs.replace(answer, body=b'{"x": "' + b"x" * MEBIBYTE + b'"}')

    http = LargeHttp()
    limits = EngineLimits(bytes=4 * MEBIBYTE)
    too_large = pytest.raises(Rejected, match=r"'Call' failed: .* more than 4 MB")
    with open_bench(http=http, limits=limits) as bench, too_large:
        await bench.run_nodes(node("Call", "httpRequest", 4.2, CALL), items=[{}] * 100)
    assert http.count == 4


async def test_what_is_only_handed_on_weighs_once():
    with open_bench(limits=EngineLimits(bytes=4 * MEBIBYTE)) as bench:
        large = code("Large", "return [{ json: { text: 'x'.repeat(2 ** 20) } }]")
        onwards = [node(f"On {number}", "noOp", 1) for number in range(20)]
        [row] = await bench.run_nodes(large, *onwards)
        assert len(row["text"]) == MEBIBYTE


async def test_the_topmost_branch_runs_to_its_end_first(bench):
    export = export_of(
        [
            webhook(),
            node("Low", "noOp", 1) | {"position": [200, 300]},
            node("High", "noOp", 1) | {"position": [200, -300]},
            node("AfterHigh", "noOp", 1) | {"position": [400, 900]},
            node("Left", "noOp", 1) | {"position": [100, 300]},
        ],
        [("Webhook", "Low"), ("Webhook", "High"), ("Webhook", "Left"), ("High", "AfterHigh")],
    )
    run = await bench.run(export)
    assert [trace.name for trace in run.nodes] == ["Webhook", "High", "AfterHigh", "Left", "Low"]


async def test_a_node_waits_for_all_its_inputs_but_not_for_ever(bench):
    export = export_of(
        [
            webhook(),
            node("A", "noOp", 1) | {"position": [0, -100]},
            node("Never", "limit", 1, {"maxItems": 0}) | {"position": [0, 100]},
            node("Join", "merge", 3, {"mode": "append"}),
            code("Count", "return [{ count: $input.all().length }]"),
        ],
        [("Webhook", "A"), ("Webhook", "Never"), ("A", "Join"), ("Never", "Join", 0, 1),
         ("Join", "Count")],
    )  # fmt: skip
    assert (await bench.run(export)).output == [{"count": 1}]


async def test_debug_keeps_what_each_node_put_out(bench):
    export = export_of([webhook(), set_fields("Set", a=1)])
    run = await bench.run(export, debug=True)
    assert run.nodes[1].output == [[{"json": {"a": 1}, "pairedItem": [{"item": 0, "input": 0}]}]]
    assert (await bench.run(export)).nodes[1].output is None


async def test_an_unexpected_exception_is_the_nodes_error():
    with open_bench(http=FlakyHttp(KeyError("internals"))) as bench:
        call = node("Call", "httpRequest", 4.2, CALL)
        with structlog.testing.capture_logs() as logs, pytest.raises(Rejected) as caught:
            await bench.run_nodes(call)
    assert "Node 'Call' failed: it met something unexpected (KeyError)" in caught.value.message
    assert "internals" not in caught.value.message
    assert [(log["event"], log["node"]) for log in logs] == [("workflow_node_broken", "Call")]


async def test_an_unexpected_exception_is_tried_again_and_leaves_by_the_error_output():
    flaky = FlakyHttp(KeyError("internals"), TypeError("more"))
    with open_bench(http=flaky) as bench:
        call = node("Call", "httpRequest", 4.2, CALL, retryOnFail=True, maxTries=2)
        export = export_of([webhook(), call | {"onError": "continueErrorOutput"}])
        export["connections"]["Call"] = {"main": [[], []]}
        run = await bench.run(export, debug=True)
        assert flaky.count == 2
        regular, errors = run.nodes[1].output
        assert regular == []
        assert "TypeError" in errors[0]["json"]["error"]


@pytest.mark.parametrize(
    ("kind", "version", "given", "parameter"),
    [
        ("limit", 1, {"maxItems": "={{ $json.body.n }}"}, "maxItems"),
        ("filter", 2.2, {"conditions": "x"}, "conditions"),
        ("httpRequest", 4.2, CALL | {"options": "x"}, "options"),
        ("httpRequest", 4.2, CALL | {"options": {"timeout": "abc"}}, "options.timeout"),
        (
            "httpRequest",
            4.2,
            CALL | {"options": {"redirect": {"redirect": {"maxRedirects": "x"}}}},
            "options.redirect.redirect.maxRedirects",
        ),
        ("respondToWebhook", 1.4, {"options": {"responseCode": "abc"}}, "options.responseCode"),
    ],
)
async def test_a_wrong_value_names_node_and_parameter(bench, kind, version, given, parameter):
    export = export_of([webhook(), node("Tried", kind, version, given)])
    with pytest.raises(Rejected, match=f"Node 'Tried' failed: parameter '{parameter}' must be"):
        await bench.run(export, {"n": "abc"})


async def test_an_answer_nested_too_deeply_is_the_nodes_error():
    class DeepHttp:
        async def send(self, request: OutboundRequest) -> OutboundResponse:
            headers = {"content-type": "application/json"}
            return OutboundResponse(status=200, headers=headers, body=b"[" * 5_000)

    message = "Node 'Call' failed: the answer is nested too deeply"
    with open_bench(http=DeepHttp()) as bench, pytest.raises(Rejected, match=message):
        await bench.run_nodes(node("Call", "httpRequest", 4.2, CALL))


async def test_pairs_are_counted_before_they_are_made():
    with open_bench(limits=EngineLimits(items=100)) as bench:
        export = export_of(
            [
                webhook(),
                split_items(),
                node("All", "merge", 3, {"mode": "combine", "combineBy": "combineAll"}),
            ],
            [("Webhook", "Items"), ("Items", "All"), ("Items", "All", 0, 1)],
        )
        with pytest.raises(Rejected, match="'All' failed: it would put out 121 items, over 100"):
            await bench.run(export, {"items": [{}] * 11})
