from __future__ import annotations

import pytest

from appliance.errors import Rejected
from appliance.workflows.http_messages import HttpCall
from appliance.workflows.node_credentials import sign_in
from tests.workflows.workflow_runs import open_bench


def signed(kind, *, body=None, **values):
    with open_bench() as bench:
        bench.keep(kind, "shop", "example.com", **values)
        call = HttpCall(method="POST", url="https://example.com", body=body)
        sign_in(call, bench.credentials[(kind, "shop")])
    return call


def test_a_key_may_go_into_the_query():
    call = signed("httpQueryAuth", name="key", value="k")
    assert call.query == {"key": "k"}
    assert call.credential_hosts == ("example.com",)


def test_parts_of_a_request_may_be_a_credential():
    parts = '{"headers": {"X-Key": "k"}, "qs": {"q": 1}, "body": {"secret": "s"}}'
    call = signed("httpCustomAuth", body=b'{"a":1}', json=parts)
    assert (call.headers["x-key"], call.query, call.body) == (
        "k",
        {"q": 1},
        b'{"a":1,"secret":"s"}',
    )


@pytest.mark.parametrize(
    ("kind", "values"),
    [("httpHeaderAuth", {}), ("httpQueryAuth", {}), ("httpCustomAuth", {"json": "{"})],
)
def test_an_unusable_credential_is_named_without_its_values(kind, values):
    with pytest.raises(Rejected, match="'shop'") as caught:
        signed(kind, **values, value="very-secret")
    assert "very-secret" not in caught.value.message
