"""A body that cannot be read is the caller's mistake, however it is broken."""

from __future__ import annotations

from typing import Any

import pytest
from litestar import Litestar, post
from litestar.params import JSONBody
from litestar.testing import TestClient

from appliance.web.json_request import JsonRequest
from appliance.web.problems import respond_with_problem
from tests.fakes.asgi import build_scope


@post("/", status_code=200)
async def echo(data: JSONBody[dict[str, Any]]) -> dict[str, Any]:
    return data


def build_app() -> Litestar:
    return Litestar(
        [echo],
        request_class=JsonRequest,
        exception_handlers={Exception: respond_with_problem},
        logging_config=None,
        openapi_config=None,
    )


@pytest.fixture(scope="module")
def client():
    with TestClient(build_app(), raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize(
    "content", [b"{", b'{"a": "\xff"}', b'{"a": ' + b"[" * 20_000, b"\xef\xbb\xbf{", b"{'a': 1}"]
)
def test_an_unreadable_body_is_malformed_json(client, content):
    answer = client.post("/", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")


def test_a_readable_body_arrives(client):
    assert client.post("/", json={"a": "שלום"}).json() == {"a": "שלום"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"a": "x\0"}, "a"),
        ({"a": [1, {"b": "\0"}]}, "a.1.b"),
        ({"a": {"\0": 1}}, "a"),
        ({"\0": 1}, "body"),
    ],
)
def test_the_character_nul_is_refused_wherever_it_stands(client, body, field):
    problem = client.post("/", json=body)
    assert (problem.status_code, problem.json()["code"]) == (400, "validation_failed")
    assert [error["field"] for error in problem.json()["errors"]] == [field]


def test_text_that_writes_nul_as_code_does_arrives(client):
    body = {"jsCode": r"x.replace(/\u0000/g, '')"}
    assert client.post("/", json=body).json() == body


async def test_half_a_body_is_the_callers_mistake():
    incoming = [{"type": "http.request", "body": b'{"a": 1', "more_body": True}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return incoming.pop() if incoming else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = build_scope("POST", "/", headers=[("Content-Type", "application/json")])
    await build_app()(scope, receive, send)
    assert sent[0]["status"] == 400
    assert b"The connection ended before the body." in sent[1]["body"]
