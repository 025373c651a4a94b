from __future__ import annotations

import pytest

from appliance.errors import Rejected
from appliance.ports.outbound_http import OutboundResponse
from appliance.workflows.legacy_http_request import read_answer, read_call
from appliance.workflows.parameters import Parameters


def answer(body: bytes, kind: str = "application/json") -> OutboundResponse:
    return OutboundResponse(status=200, headers={"content-type": kind}, body=body)


@pytest.mark.parametrize(
    ("parameters", "body", "content_type"),
    [
        (
            {"bodyParametersUi": {"parameter": [{"name": "a", "value": "x y"}]}},
            b'{"a":"x y"}',
            "application/json",
        ),
        (
            {
                "bodyParametersUi": {"parameter": [{"name": "a", "value": "x y"}]},
                "options": {"bodyContentType": "form-urlencoded"},
            },
            b"a=x%20y",
            "application/x-www-form-urlencoded",
        ),
        (
            {
                "jsonParameters": True,
                "bodyParametersJson": "a;b",
                "options": {"bodyContentType": "raw", "bodyContentCustomMimeType": "text/csv"},
            },
            b"a;b",
            "text/csv",
        ),
        ({}, None, None),
    ],
)
def test_reads_a_body(parameters, body, content_type):
    call = read_call(
        Parameters({"requestMethod": "POST", "url": "https://a.example", **parameters})
    )
    assert call.body == body
    assert call.headers.get("content-type") == content_type


@pytest.mark.parametrize(
    ("parameters", "redirects"),
    [
        ({}, 10),
        ({"options": {"followRedirect": False}}, 0),
        ({"requestMethod": "POST"}, 0),
        ({"requestMethod": "POST", "options": {"followAllRedirects": True}}, 10),
    ],
)
def test_only_reading_follows_redirects_by_itself(parameters, redirects):
    assert read_call(Parameters(parameters)).max_redirects == redirects


def test_a_list_must_be_wanted():
    with pytest.raises(Rejected, match="Split Into Items"):
        read_answer(answer(b"[1]"), Parameters({}))
    split = read_answer(answer(b'[{"a":1}]'), Parameters({"options": {"splitIntoItems": True}}))
    assert [item.json for item in split] == [{"a": 1}]


def test_a_text_stands_under_its_name():
    values = Parameters({"responseFormat": "string", "dataPropertyName": "t"})
    assert read_answer(answer(b"hello", "text/plain"), values)[0].json == {"t": "hello"}
