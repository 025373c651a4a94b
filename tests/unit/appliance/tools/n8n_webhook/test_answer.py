from __future__ import annotations

from typing import Any

import pytest

from appliance.ports.outbound_http import OutboundResponse
from appliance.tools.n8n_webhook.answer import UnusableAnswer, describe_failure, read_result

URL = "https://n8n.example/webhook/order"
JSON = "application/json; charset=utf-8"


def build(body: bytes, content_type: str = JSON, status: int = 200) -> OutboundResponse:
    headers = {"content-type": content_type} if content_type else {}
    return OutboundResponse(status=status, headers=headers, body=body)


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b'{"status": "shipped"}', JSON, {"status": "shipped"}),
        (b'[{"status": "shipped"}]', JSON, {"status": "shipped"}),
        (b"[]", JSON, []),
        (b"[1, 2]", JSON, [1, 2]),
        (b"[[1]]", JSON, [1]),
        (b'[{"json": {"a": 1}}, {"json": {"a": 2}}]', JSON, [{"a": 1}, {"a": 2}]),
        (b'"text"', JSON, "text"),
        (b"null", JSON, None),
        (b"0", JSON, 0),
        (b'{"a": 1}', "application/problem+json", {"a": 1}),
        (b"", JSON, None),
        (b"  \n", "text/plain", None),
        (b"", "", None),
        (b"It is on its way.\n", "text/plain", "It is on its way."),
        ("בדרך".encode(), "text/html; charset=utf-8", "בדרך"),
        ("é".encode("latin-1"), "text/plain; charset=iso-8859-1", "é"),
        (b'[{"a": 1}]', "text/plain", {"a": 1}),
        (b"[not json", "text/plain", "[not json"),
        (b'{"a": 1}', "", {"a": 1}),
        (b"<b>ready</b>", "text/html", "<b>ready</b>"),
        (b'{"a": "+2Dw-"}', "text/plain; charset=utf-7", {"a": "\ufffd"}),
    ],
)
def test_json_and_text_are_results(body: bytes, content_type: str, expected: Any) -> None:
    assert read_result(build(body, content_type), url=URL) == expected


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        (b"{broken", JSON, "broken JSON"),
        (b'{"a": NaN}', JSON, "broken JSON"),
        (b'{"a": 1e999}', JSON, "broken JSON"),
        (b'{"a": "\\ud800"}', JSON, "broken JSON"),
        ('{"x": "שלום"}'.encode("cp1255"), "application/json; charset=windows-1255", "broken JSON"),
        (b"[" * 5_000, JSON, "nested more than"),
        (b"[" * 5_000 + b"]" * 5_000, "text/plain", "nested more than"),
        (b"[[" * 51 + b"]]" * 51, JSON, "nested more than"),
        (b'{"a":' * 102 + b"1" + b"}" * 102, "", "nested more than"),
        (b"%PDF-1.7", "application/pdf", "file (application/pdf)"),
        (b"\x89PNG", "image/png", "file (image/png)"),
        (b"\x00\x01", "application/octet-stream", "file"),
        (b"\xff\xfe\xfa", "text/plain", "no text"),
        (b"x", "text/plain; charset=unheard-of", "no text"),
        (b"\xff\xd8", "", "no text"),
        (b"a\x00b", "text/plain", "no text"),
        (b"<!DOCTYPE html><html>Sign in</html>", "text/html", "web page"),
        (b"\n<HTML>Sign in", "text/html", "web page"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(body: bytes, content_type: str, words: str) -> None:
    with pytest.raises(UnusableAnswer) as caught:
        read_result(build(body, content_type), url=URL)
    assert words in str(caught.value)
    assert "operator" in str(caught.value)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (302, "redirects"),
        (400, "did not accept"),
        (401, "authentication"),
        (403, "authentication"),
        (404, "publish (activate)"),
        (405, "method POST"),
        (409, "409"),
        (422, "expected fields"),
        (429, "later"),
        (500, "Executions"),
        (503, "later"),
    ],
)
def test_a_failed_status_says_who_should_do_what(status: int, words: str) -> None:
    with pytest.raises(UnusableAnswer) as caught:
        read_result(build(b'{"message": "upstream words"}', status=status), url=URL)
    assert words in str(caught.value)
    assert "upstream words" not in str(caught.value)


def test_a_test_address_is_named_as_what_it_is() -> None:
    sentence = describe_failure(404, url="https://n8n.example/webhook-test/order")
    assert "production address" in sentence


def test_an_error_in_bytes_that_are_no_text_is_an_error_like_any_other() -> None:
    body = '{"success": false, "message": "אזל"}'.encode("cp1255")
    with pytest.raises(UnusableAnswer) as caught:
        read_result(build(body, status=409), url=URL)
    assert (caught.value.failure, caught.value.said) == ("refused", None)
