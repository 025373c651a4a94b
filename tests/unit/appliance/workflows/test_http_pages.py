from __future__ import annotations

import json

import pytest

from appliance.errors import InvalidInput, Rejected
from appliance.ports.outbound_http import OutboundRequest, OutboundResponse
from tests.workflows.workflow_runs import node, open_bench

BY_NUMBER = {"parameters": [{"type": "qs", "name": "page", "value": "={{ $pageCount + 1 }}"}]}


class PagedHttp:
    """Answers with a page of one row until there are no more."""

    def __init__(self, pages: int = 3) -> None:
        self.pages = pages
        self.requests: list[OutboundRequest] = []

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        self.requests.append(request)
        number = len(self.requests)
        body = [{"k": number}] if number <= self.pages else []
        headers = {"content-type": "application/json"}
        return OutboundResponse(status=200, headers=headers, body=json.dumps(body).encode())


async def ask(http, **pagination):
    given = {
        "url": "https://example.com/rows",
        "options": {"pagination": {"pagination": pagination}},
    }
    with open_bench(http=http) as bench:
        output = await bench.run_nodes(node("Call", "httpRequest", 4.2, given), items=[{"n": 1}])
        return output, bench.slept_s


async def test_asks_until_a_page_is_empty_and_rests_between():
    http = PagedHttp()
    output, slept_s = await ask(http, parameters=BY_NUMBER, requestInterval=200)
    assert output == [{"k": 1}, {"k": 2}, {"k": 3}]
    assert [request.url.partition("?")[2] for request in http.requests] == [
        f"page={n}" for n in (1, 2, 3, 4)
    ]
    assert slept_s == [0.2, 0.2, 0.2]


async def test_pages_that_never_end_are_stopped():
    http = PagedHttp(pages=10**6)
    with pytest.raises(Rejected, match="pages do not end"):
        await ask(http, paginationCompleteWhen="other", completeExpression="={{ false }}")
    assert len(http.requests) == 1_000


async def test_no_expression_sees_the_credential_and_every_page_is_signed():
    http = PagedHttp()
    pagination = {
        "parameters": {
            "parameters": [
                {"type": "qs", "name": "seen", "value": "={{ JSON.stringify($request) }}"}
            ]
        },
        "limitPagesFetched": True,
        "maxRequests": 2,
    }
    given = {
        "url": "https://example.com/rows",
        "authentication": "genericCredentialType",
        "genericAuthType": "httpHeaderAuth",
        "options": {"pagination": {"pagination": pagination}},
    }
    with open_bench(http=http) as bench:
        named = bench.keep("httpHeaderAuth", "shop", "example.com", name="X-Key", value="sesame-1")
        await bench.run_nodes(node("Call", "httpRequest", 4.2, given, credentials=named))
    assert [request.headers["x-key"] for request in http.requests] == ["sesame-1", "sesame-1"]
    assert all("seen=" in request.url for request in http.requests)
    assert all("sesame" not in request.url for request in http.requests)


@pytest.mark.parametrize(
    ("pagination", "reason"),
    [
        ({"paginationMode": "responseContainsNextURL", "nextURL": "={{ 5 }}"}, "next page is none"),
        ({"parameters": {"parameters": [{"type": "cookie", "name": "a", "value": 1}]}}, "'cookie'"),
        ({"paginationCompleteWhen": "sometimes"}, "paginationCompleteWhen"),
        ({"paginationMode": "guess"}, "paginationMode"),
        ({"parameters": {"parameters": [{"name": "a", "value": "={{ nope() }}"}]}}, "nope"),
    ],
)
async def test_what_is_wrong_with_the_pages_is_named(pagination, reason):
    with pytest.raises((Rejected, InvalidInput)) as caught:
        await ask(PagedHttp(), **pagination)
    assert reason in caught.value.message
