from __future__ import annotations

import json
from typing import Any

import pytest

from appliance.errors import AuthFailed, Rejected
from appliance.integrations.http_system import HttpFailure, find_status_failure, read_json
from appliance.integrations.woocommerce.answers import describe_failure
from appliance.ports.outbound_http import OutboundResponse

AUTH = "woocommerce_rest_authentication_error"


def fail(status: int, body: Any) -> HttpFailure:
    """Return the failure that ``HttpSystems`` makes of an answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = OutboundResponse(status=status, headers={}, body=raw)
    with pytest.raises((AuthFailed, Rejected)) as caught:
        read_json(response)
    return HttpFailure(
        caught.value, failure=find_status_failure(status), response=response, attempts=2
    )


def told(code: str, message: str = "hunter2", data: Any = None) -> dict[str, Any]:
    return {"code": code, "message": message, "data": data}


READS = "The API key provided does not have read permissions."
PAGE = b"<!doctype html><p>hunter2"


@pytest.mark.parametrize(
    ("status", "body", "is_writing", "failure", "said"),
    [
        (401, told(AUTH, "Consumer key is invalid."), False, "not_available",
         "wrong or was revoked. The"),
        (401, told(AUTH, "מפתח hunter2"), True, "not_available", "revoked, or may not write."),
        (401, told(AUTH, READS), False, "not_available", "may not read (401)"),
        (401, told(AUTH, READS), True, "not_available", "permission Read/Write"),
        (401, told("woocommerce_rest_cannot_view"), False, "not_available", "did not arrive"),
        (403, told("woocommerce_rest_cannot_create"), True, "not_available", "shop manager"),
        (403, told("other_plugin"), False, "not_available", "revoked, or may not read."),
        (404, PAGE, False, "not_available", "any permalinks but plain"),
        (404, b'{"code": "\xf9"}', False, "not_available", "any permalinks but plain"),
        (404, told("rest_no_route"), False, "not_available", "WooCommerce is active"),
        (200, PAGE, False, "unknown", "a web page in place of data"),
        (201, PAGE, True, "unknown", "a web page in place of data"),
        (400, told("rest_invalid_param", data={"params": {"page": "hunter2"}}), False, "refused",
         "did not accept page (400)"),
        (400, told("rest_missing_callback_param", data={"params": ["line_items", "<b>"]}), True,
         "refused", "did not accept line_items (400)"),
    ],
)  # fmt: skip
def test_a_failure_has_its_meaning(
    status: int, body: Any, is_writing: bool, failure: str, said: str
) -> None:
    described = describe_failure(fail(status, body), is_writing=is_writing)
    assert (described.failure, described.status, described.attempts) == (failure, status, 2)
    assert said in described.error.message
    assert "hunter2" not in described.error.message
    assert isinstance(described.error, AuthFailed) == (status in (401, 403))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, PAGE),
        (403, b"[" * 5_000),
        (404, told("woocommerce_rest_shop_order_invalid_id")),
        (400, told("woocommerce_rest_invalid_product_id", data={"status": 400})),
        (400, told("x", data={"params": {"<b>": 1}})),
        (400, told("x", data={"params": 7})),
        (400, told("x", data="text")),
        (302, PAGE),
    ],
)
def test_every_other_failure_stays(status: int, body: Any) -> None:
    failure = fail(status, body)
    assert describe_failure(failure, is_writing=False) is failure


def test_no_answer_stays_and_what_was_begun_stays_unknown() -> None:
    silent = HttpFailure(Rejected("No answer."), failure="unknown")
    assert describe_failure(silent, is_writing=True) is silent
    response = OutboundResponse(status=404, headers={}, body=PAGE)
    begun = HttpFailure(Rejected("General."), failure="unknown", response=response)
    assert describe_failure(begun, is_writing=True).failure == "unknown"
