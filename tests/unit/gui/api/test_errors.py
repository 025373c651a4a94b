import json

import pytest

from gui.api.errors import (
    Busy,
    Missing,
    NotPermitted,
    Refused,
    ServerFault,
    SignedOut,
    build_error,
)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused),
        (401, SignedOut),
        (403, NotPermitted),
        (404, Missing),
        (409, Refused),
        (429, Busy),
        (500, ServerFault),
        (502, ServerFault),
        (503, Busy),
    ],
)
def test_each_status_becomes_what_the_operator_can_act_on(status, kind):
    body = json.dumps({"title": "T", "detail": "Say why.", "code": "c"}).encode()
    error = build_error(status, body, request_id="r1")
    assert type(error) is kind
    assert (error.message, error.code, error.request_id) == ("Say why.", "c", "r1")


def test_fields_of_a_refusal_are_named():
    errors = [{"field": "name", "message": "Too long."}, {"field": "", "message": "?"}]
    error = build_error(400, json.dumps({"title": "Bad", "errors": errors}).encode())
    assert isinstance(error, Refused)
    assert (error.message, error.fields) == ("Bad", {"name": "Too long."})


@pytest.mark.parametrize("body", [b"", b"<h1>Traceback</h1>", b'{"detail": 3}', b"\xff\xfe"])
def test_a_body_that_is_no_problem_document_is_not_shown(body):
    message = build_error(500, body).message
    assert message.endswith("Its log says why.")


def test_only_passing_failures_offer_to_try_again():
    retryable = {status for status in range(400, 600) if build_error(status, b"").can_retry}
    assert retryable == {429, *range(500, 600)}


def test_the_wait_a_busy_server_asks_for_is_kept():
    error = build_error(429, b"{}", retry_after_s=7)
    assert isinstance(error, Busy)
    assert error.retry_after_s == 7
