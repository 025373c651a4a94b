from __future__ import annotations

import json

import pytest

from appliance.errors import AuthFailed, InvalidInput, Rejected, Unavailable
from appliance.ports.outbound_http import OutboundRequest, OutboundResponse
from tests.workflows.workflow_runs import node, open_bench

HEBREW = '{"x": "שלום"}'.encode("cp1255")


class RecordingHttp:
    """Answers always the same and keeps what it was asked."""

    def __init__(self, body: bytes = b"{}", status: int = 200, kind: str = "application/json"):
        self.answer = OutboundResponse(status=status, headers={"content-type": kind}, body=body)
        self.requests: list[OutboundRequest] = []

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        self.requests.append(request)
        return self.answer


async def call(http, /, *, items=None, **parameters):
    given = {"url": "https://example.com/api", **parameters}
    with open_bench(http=http) as bench:
        return await bench.run_nodes(node("Call", "httpRequest", 4.2, given), items=items)


def pairs(**values):
    return {"parameters": [{"name": name, "value": value} for name, value in values.items()]}


async def test_sends_method_query_and_headers():
    http = RecordingHttp()
    await call(
        http,
        url="=https://example.com/{{ $json.id }}?x=1",
        method="DELETE",
        sendQuery=True,
        queryParameters=pairs(q="a b&c"),
        sendHeaders=True,
        headerParameters=pairs(Authorization="=Bearer {{ $json.key }}"),
        items=[{"id": 7, "key": "k"}],
    )
    (request,) = http.requests
    assert request.method == "DELETE"
    assert request.url == "https://example.com/7?x=1&q=a%20b%26c"
    assert request.headers == {"authorization": "Bearer k"}
    assert request.body is None


@pytest.mark.parametrize(
    ("parameters", "body", "kind"),
    [
        ({"bodyParameters": pairs(a="={{ 1 }}")}, b'{"a":1}', "application/json"),
        ({"specifyBody": "json", "jsonBody": '={"a": {{ 1 }}}'}, b'{"a":1}', "application/json"),
        ({"specifyBody": "json", "jsonBody": "={{ {a: 1} }}"}, b'{"a":1}', "application/json"),
        (
            {"contentType": "form-urlencoded", "bodyParameters": pairs(a="x y")},
            b"a=x%20y",
            "application/x-www-form-urlencoded",
        ),
        (
            {"contentType": "raw", "rawContentType": "text/csv", "body": "a,b"},
            b"a,b",
            "text/csv",
        ),
    ],
)
async def test_sends_a_body(parameters, body, kind):
    http = RecordingHttp()
    await call(http, method="POST", sendBody=True, **parameters)
    assert http.requests[0].body == body
    assert http.requests[0].headers["content-type"] == kind


@pytest.mark.parametrize(
    ("http", "options", "output"),
    [
        (RecordingHttp(b'{"a": 1}'), {}, [{"a": 1}]),
        (RecordingHttp(b'[{"a": 1}, {"a": 2}]'), {}, [{"a": 1}, {"a": 2}]),
        (RecordingHttp(b"hello", kind="text/plain"), {}, [{"data": "hello"}]),
        (RecordingHttp(b'{"a": 1}', kind="text/plain"), {"responseFormat": "json"}, [{"a": 1}]),
        (RecordingHttp(b"{}", status=404), {"neverError": True}, [{}]),
        (RecordingHttp(HEBREW, kind="application/json; charset=Windows-1255"), {}, [{"x": "שלום"}]),
        (
            RecordingHttp(HEBREW, kind='text/plain; charset="iso-8859-8"'),
            {"outputPropertyName": "t"},
            [{"t": '{"x": "שלום"}'}],
        ),
        (
            RecordingHttp(HEBREW, kind="application/json; charset=windows-1255"),
            {"responseFormat": "json"},
            [{"x": "\ufffd" * 4}],
        ),
        (
            RecordingHttp(b'{"a": 1}', status=201),
            {"fullResponse": True},
            [
                {
                    "body": {"a": 1},
                    "headers": {"content-type": "application/json"},
                    "statusCode": 201,
                    "statusMessage": "Created",
                }
            ],
        ),
    ],
)
async def test_reads_the_answer(http, options, output):
    assert await call(http, options={"response": {"response": options}}) == output


@pytest.mark.parametrize("charset", ["unheard-of", "hex", "x" * 5_000, "\0", "Punycode"])
async def test_a_charset_that_is_not_known_is_an_error(charset):
    http = RecordingHttp(HEBREW, kind=f"application/json; charset={charset}")
    with pytest.raises(Rejected, match="which is not known"):
        await call(http)


@pytest.mark.parametrize(
    ("status", "kind"), [(400, Rejected), (401, AuthFailed), (429, Unavailable), (503, Unavailable)]
)
async def test_an_error_status_says_who_can_act_without_the_answers_text(status, kind):
    http = RecordingHttp(b'{"secret": "sk-123"}', status=status)
    with pytest.raises(kind, match=str(status)) as caught:
        await call(http)
    assert "sk-123" not in caught.value.message


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"url": "file:///etc/passwd"}, "does not start with http"),
        ({"url": ""}, "does not start with http"),
        ({"sendBody": True, "specifyBody": "json", "jsonBody": "{"}, "not valid JSON"),
        ({"sendHeaders": True, "specifyHeaders": "json", "jsonHeaders": "[]"}, "JSON object"),
    ],
)
async def test_a_wrong_request_is_never_sent(parameters, reason):
    http = RecordingHttp()
    with pytest.raises(Rejected, match=reason):
        await call(http, **parameters)
    assert http.requests == []


async def test_timeouts_and_redirects_are_bounded():
    http = RecordingHttp()
    await call(http, options={"timeout": 10**9, "redirect": {"redirect": {"maxRedirects": 99}}})
    await call(http, options={"redirect": {"redirect": {"followRedirects": False}}})
    assert [request.timeout_s for request in http.requests] == [120, 30]
    assert [request.max_redirects for request in http.requests] == [10, 0]


@pytest.mark.parametrize(
    ("kind", "values", "sent"),
    [
        ("httpBasicAuth", {"user": "u", "password": "p"}, {"authorization": "Basic dTpw"}),
        ("httpHeaderAuth", {"name": "X-Key", "value": "k"}, {"x-key": "k"}),
        ("httpBearerAuth", {"token": "t"}, {"authorization": "Bearer t"}),
        ("httpCustomAuth", {"json": '{"headers": {"X-Key": "k"}}'}, {"x-key": "k"}),
    ],
)
@pytest.mark.parametrize("version", [2, 4.2])
async def test_signs_in_with_the_tenants_credential(kind, values, sent, version):
    http = RecordingHttp()
    given = {
        "url": "https://example.com/api",
        "authentication": "genericCredentialType",
        "genericAuthType": kind,
    }
    with open_bench(http=http) as bench:
        named = bench.keep(kind, "shop", "example.com", **values)
        await bench.run_nodes(node("Call", "httpRequest", version, given, credentials=named))
    (request,) = http.requests
    assert sent.items() <= request.headers.items()
    assert request.credential_hosts == ("example.com",)


async def test_a_server_that_repeats_the_key_shows_it_to_nobody():
    http = RecordingHttp(b'{"you_sent": {"x-key": "sesame-1"}}')
    given = {
        "url": "https://example.com/api",
        "authentication": "genericCredentialType",
        "genericAuthType": "httpHeaderAuth",
    }
    with open_bench(http=http) as bench:
        named = bench.keep("httpHeaderAuth", "shop", "example.com", name="X-Key", value="sesame-1")
        output = await bench.run_nodes(
            node("Call", "httpRequest", 4.2, given, credentials=named), items=[{"n": 1}]
        )
    assert output == [{"you_sent": {"x-key": "[redacted]"}}]


async def test_a_credential_that_is_not_there_is_named_and_nothing_sent():
    http = RecordingHttp()
    given = {"url": "https://example.com/api", "authentication": "headerAuth"}
    named = {"httpHeaderAuth": {"id": "1", "name": "Shop key"}}
    with open_bench(http=http) as bench, pytest.raises(Rejected, match="'Shop key'"):
        await bench.run_nodes(node("Call", "httpRequest", 1, given, credentials=named))
    assert http.requests == []


@pytest.mark.parametrize(
    "parameters",
    [
        {"authentication": "genericCredentialType", "genericAuthType": "oAuth2Api"},
        {"authentication": "genericCredentialType", "genericAuthType": "httpBasicAuth"},
        {"authentication": "predefinedCredentialType", "nodeCredentialType": "slackApi"},
    ],
)
async def test_a_credential_that_cannot_be_used_is_refused_at_import(parameters):
    with pytest.raises(InvalidInput, match="credential"):
        await call(RecordingHttp(), **parameters)


async def test_rests_between_batches():
    http = RecordingHttp()
    batching = {"batching": {"batch": {"batchSize": 2, "batchInterval": 300}}}
    given = {"url": "https://example.com/api", "options": batching}
    with open_bench(http=http) as bench:
        items = [{"n": n} for n in range(5)]
        await bench.run_nodes(node("Call", "httpRequest", 4.2, given), items=items)
        assert bench.slept_s == [0.3, 0.3]


async def test_what_is_received_is_data_not_code():
    http = RecordingHttp(json.dumps({"x": "={{ $env.PATH }}"}).encode())
    assert await call(http) == [{"x": "={{ $env.PATH }}"}]
