from __future__ import annotations

import json
from typing import Any

import pytest

from appliance.errors import AuthFailed, Rejected
from appliance.integrations.http_system import Answer, HttpFailure
from appliance.integrations.shopify.answers import (
    describe_failure,
    read_data,
    read_other_version,
)
from appliance.ports.outbound_http import OutboundResponse

THEIRS = "their own words about hunter2"


def answer(value: Any, **headers: str) -> Answer:
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    response = OutboundResponse(status=200, headers=names, body=json.dumps(value).encode())
    return Answer(value=value, response=response, attempts=2)


def error(code: Any = None, **more: Any) -> dict[str, Any]:
    told = {"message": THEIRS, **more, **({"extensions": {"code": code}} if code else {})}
    return {"data": None, "errors": [told]}


def test_the_data_is_the_value() -> None:
    assert read_data(answer({"data": {"shop": 1}, "extensions": {}})).value == {"shop": 1}


@pytest.mark.parametrize(
    ("value", "failure", "said"),
    [
        (error("ACCESS_DENIED"), "not_available", "the scope that the endpoint needs"),
        (error("SHOP_INACTIVE"), "not_available", "not active"),
        (error("MAX_COST_EXCEEDED"), "not_available", "costs more"),
        (error("INVALID_VARIABLE"), "refused", "a value of the query's variables"),
        (error("INTERNAL_SERVER_ERROR"), "unknown", "failed while answering"),
        (error("TIMEOUT"), "unknown", "took too long"),
        (error("undefinedField", locations=[{"line": 3, "column": 5}]), "not_available",
         "does not understand the endpoint's query (undefinedField) at line 3, column 5"),
        (error("<b>x"), "not_available", "the endpoint's query. The operator"),
        (error(7), "not_available", "the endpoint's query. The operator"),
        (error(), "not_available", "the endpoint's query. The operator"),
        ({"data": {"orders": 1}, "errors": error("ACCESS_DENIED")["errors"]}, "not_available",
         "scope"),
        ({"errors": THEIRS}, "unknown", "not GraphQL"),
        ({"data": None}, "unknown", "not GraphQL"),
        ([THEIRS], "unknown", "not GraphQL"),
        (None, "unknown", "not GraphQL"),
    ],
)  # fmt: skip
def test_errors_under_200_are_failures(value: Any, failure: str, said: str) -> None:
    with pytest.raises(HttpFailure) as caught:
        read_data(answer(value))
    failed = caught.value
    assert (failed.failure, failed.status, failed.attempts) == (failure, 200, 2)
    assert said in failed.error.message
    assert "hunter2" not in failed.error.message


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ([{"field": ["input", "lineItems", "0", "variantId"], "message": THEIRS}],
         "did not accept input.lineItems.0.variantId."),
        ([{"field": None, "message": THEIRS}], "did not accept what it was given."),
        ([{"field": ["<script>"], "message": THEIRS}], "did not accept what it was given."),
        ([THEIRS], "did not accept what it was given."),
    ],
)  # fmt: skip
def test_refused_input_is_told_by_its_field(errors: Any, said: str) -> None:
    for name in ("userErrors", "customerUserErrors"):
        with pytest.raises(HttpFailure, match="What was asked") as caught:
            read_data(answer({"data": {"draftOrderCreate": {name: errors}}}))
        assert caught.value.failure == "refused"
        assert said in caught.value.error.message
        assert "hunter2" not in caught.value.error.message


def test_no_refused_input_is_success() -> None:
    data = {"draftOrderCreate": {"userErrors": [], "draftOrder": {}}, "other": None, "n": 1}
    assert read_data(answer({"data": data})).value == data


@pytest.mark.parametrize(
    ("status", "failure", "said"),
    [
        (401, "not_available", "has expired or was revoked"),
        (402, "not_available", "frozen"),
        (403, "not_available", "scopes"),
        (404, "not_available", "no such shop"),
        (423, "not_available", "locked"),
        (429, "unreachable", "no more queries"),
    ],
)
def test_a_status_has_shopifys_meaning(status: int, failure: str, said: str) -> None:
    response = OutboundResponse(status=status, headers={}, body=b"")
    general = HttpFailure(Rejected("General."), failure="not_found", response=response, attempts=3)
    told = describe_failure(general)
    assert (told.failure, told.status, told.attempts) == (failure, status, 3)
    assert said in told.error.message
    assert isinstance(told.error, AuthFailed) == (status in (401, 403))
    begun = HttpFailure(Rejected("General."), failure="unknown", response=response)
    assert describe_failure(begun).failure == "unknown"


def test_every_other_failure_stays() -> None:
    for response in (None, OutboundResponse(status=500, headers={}, body=b"")):
        general = HttpFailure(Rejected("General."), failure="unknown", response=response)
        assert describe_failure(general) is general


@pytest.mark.parametrize(
    ("header", "other"),
    [("2026-10", None), ("2027-04", "2027-04"), ("<b>", None), ("unstable", "unstable")],
)
def test_another_version_is_noticed(header: str, other: str | None) -> None:
    told = answer({}, x_shopify_api_version=header)
    assert read_other_version(told, "2026-10") == other
    assert read_other_version(answer({}), "2026-10") is None
