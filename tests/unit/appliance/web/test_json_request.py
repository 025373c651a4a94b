"""A body that cannot be read is the caller's mistake, however it is broken."""

from __future__ import annotations

from typing import Any

import pytest
from litestar import Litestar, post
from litestar.params import JSONBody
from litestar.testing import TestClient

from appliance.web.json_request import JsonRequest
from appliance.web.problems import respond_with_problem


@post("/", status_code=200)
async def echo(data: JSONBody[dict[str, Any]]) -> dict[str, Any]:
    return data


@pytest.fixture(scope="module")
def client():
    app = Litestar(
        [echo],
        request_class=JsonRequest,
        exception_handlers={Exception: respond_with_problem},
        logging_config=None,
        openapi_config=None,
    )
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(
    "content", [b"{", b'{"a": "\xff"}', b'{"a": ' + b"[" * 20_000, b"\xef\xbb\xbf{", b"{'a': 1}"]
)
def test_an_unreadable_body_is_malformed_json(client, content):
    answer = client.post("/", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")


def test_a_readable_body_arrives(client):
    assert client.post("/", json={"a": "שלום"}).json() == {"a": "שלום"}
