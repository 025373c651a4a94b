from __future__ import annotations

import pytest

from appliance.errors import Rejected
from tests.workflows.workflow_runs import code, export_of, node, split_items, webhook

ITEMS = [{"n": 1, "s": "a"}, {"n": 2, "s": "b"}]


async def respond(bench, parameters):
    export = export_of(
        [
            webhook("responseNode"),
            split_items(),
            node("Respond", "respondToWebhook", 1.4, parameters),
            code("After", "return [{ late: true }]"),
        ]
    )
    return await bench.run(export, {"items": ITEMS})


@pytest.mark.parametrize(
    ("parameters", "output"),
    [
        ({}, ITEMS[0]),
        ({"respondWith": "allIncomingItems"}, ITEMS),
        ({"respondWith": "allIncomingItems", "options": {"responseKey": "rows"}}, {"rows": ITEMS}),
        ({"respondWith": "json", "responseBody": '={"n": {{ $json.n }}}'}, {"n": 1}),
        ({"respondWith": "json", "responseBody": "={{ [$json.n] }}"}, [1]),
        ({"respondWith": "text", "responseBody": "=n is {{ $json.n }}"}, "n is 1"),
        ({"respondWith": "noData"}, None),
    ],
)
async def test_answers_and_goes_on(bench, parameters, output):
    run = await respond(bench, parameters)
    assert run.output == output
    assert run.status_code == 200
    assert run.nodes[-1].name == "After"


async def test_status_and_headers(bench):
    options = {
        "responseCode": 418,
        "responseHeaders": {"entries": [{"name": "X-Test", "value": "={{ $json.s }}"}]},
    }
    run = await respond(bench, {"options": options})
    assert run.status_code == 418
    assert run.headers == {"x-test": "a"}


async def test_a_redirect(bench):
    run = await respond(bench, {"respondWith": "redirect", "redirectURL": "https://example.com/"})
    assert (run.status_code, run.headers["location"]) == (307, "https://example.com/")


async def test_a_body_that_is_no_json_is_a_failure(bench):
    with pytest.raises(
        Rejected, match="Node 'Respond' failed: the response body is not valid JSON"
    ):
        await respond(bench, {"respondWith": "json", "responseBody": "{nope"})
