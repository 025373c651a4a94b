"""Errors as an HTTP caller sees them, through the real framework."""

from __future__ import annotations

import inspect
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
import pytest
import structlog
from litestar import Litestar, get, post
from litestar.params import JSONBody, QueryParameter

from appliance import errors
from appliance.errors import (
    ApplianceError,
    AuthFailed,
    Cancelled,
    ConfigurationError,
    Conflict,
    ContextWindowExceeded,
    FieldError,
    InvalidInput,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    RateLimited,
    Rejected,
    ServerStopping,
    StorageError,
    TurnError,
    Unavailable,
    UnsupportedMediaType,
)
from appliance.web.json_request import JsonRequest
from appliance.web.problems import MEDIA_TYPE, build_problem, respond_with_problem
from tests.fakes.asgi import AsgiResponse, request

CANARY = "canary-secret"


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    size: int
    name: str = "x"


class Body(msgspec.Struct, forbid_unknown_fields=True):
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=5)]
    inner: Inner | None = None
    items: list[Inner] = []


class Named(msgspec.Struct):
    since: int


@post("/body", status_code=200)
async def take(data: JSONBody[Body]) -> None: ...


@get("/query")
async def query(
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
    since: Annotated[int, QueryParameter(name="from")] = 0,
) -> None: ...


@post("/named")
async def take_named(
    data: JSONBody[Named], since: Annotated[int, QueryParameter(name="from")] = 0
) -> None: ...


@get("/bug")
async def bug() -> None:
    raise KeyError(CANARY)


@get("/upstream")
async def upstream() -> None:
    raise Unavailable("The model does not answer.")


@get("/left")
async def left() -> None:
    raise Cancelled("The visitor left.")


APP = Litestar(
    route_handlers=[take, query, take_named, bug, upstream, left],
    exception_handlers={Exception: respond_with_problem},
    request_class=JsonRequest,
    request_max_body_size=1_000,
    logging_config=None,
    openapi_config=None,
)


async def send(method: str, path: str, body: Any = b"") -> AsgiResponse:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(raw)))]
    return await request(APP, method, path, headers=headers if raw else [], body=raw)


def fields_of(response: AsgiResponse) -> dict[str, str]:
    return {error["field"]: error["message"] for error in response.json().get("errors", [])}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidInput("x"), 400),
        (NotAuthenticated("x"), 401),
        (PermissionDenied("x"), 403),
        (NotFound("x"), 404),
        (Conflict("x"), 409),
        (UnsupportedMediaType("x"), 415),
        (RateLimited("x", retry_after_s=7), 429),
        (Unavailable("x"), 502),
        (AuthFailed("x"), 502),
        (Rejected("x"), 502),
        (ConfigurationError("x"), 503),
        (TurnError("x"), 503),
        (ContextWindowExceeded("x"), 503),
        (ServerStopping("x"), 503),
        (StorageError("x"), 503),
        (StorageError("x", code="storage_full"), 507),
        (KeyError("x"), 500),
    ],
)
def test_each_kind_of_error_has_its_status(error: Exception, status: int) -> None:
    problem, _ = build_problem(error)
    assert problem.status == status
    assert problem.title == HTTPStatus(status).phrase
    assert problem.type == "about:blank"
    assert problem.code
    assert problem.detail


def test_every_error_of_the_tree_has_a_problem() -> None:
    kinds = [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, ApplianceError)
    ]
    assert len(kinds) > 20
    for kind in kinds:
        extra = {"retry_after_s": 1} if kind is RateLimited else {}
        problem, _ = build_problem(kind("The sentence.", **extra))
        assert 400 <= problem.status < 600
        assert (problem.detail, problem.code) == ("The sentence.", kind.default_code)


def test_a_code_of_its_own_is_kept() -> None:
    problem, _ = build_problem(NotFound("x", code="session_not_found"))
    assert problem.code == "session_not_found"


def test_refused_fields_are_listed() -> None:
    error = InvalidInput("Two fields.", errors=[FieldError("a.b", "No."), FieldError("c", "Nor.")])
    encoded = msgspec.to_builtins(build_problem(error)[0])
    assert encoded["errors"] == [
        {"field": "a.b", "message": "No."},
        {"field": "c", "message": "Nor."},
    ]
    assert "errors" not in msgspec.to_builtins(build_problem(NotFound("x"))[0])


@pytest.mark.parametrize(
    ("error", "retry_after"),
    [
        (RateLimited("x", retry_after_s=42), "42"),
        (ServerStopping("x"), "5"),
        (StorageError("x"), "5"),
        (StorageError("x", code="storage_full"), "5"),
        (TurnError("x"), "5"),
        (Conflict("x", retry_after_s=2), "2"),
        (Conflict("x"), None),
        (NotFound("x"), None),
        (KeyError("x"), None),
    ],
)
def test_who_may_come_back_is_told_when(error: Exception, retry_after: str | None) -> None:
    assert build_problem(error)[1].get("Retry-After") == retry_after


def test_a_missing_credential_names_the_scheme() -> None:
    assert build_problem(NotAuthenticated("x"))[1]["WWW-Authenticate"] == "Bearer"


BODIES: list[tuple[Any, dict[str, str]]] = [
    ({}, {"text": "This field is required."}),
    ({"text": "x", "more": 1}, {"more": "Unknown field."}),
    ({"text": 5}, {"text": "Expected `str`, got `int`."}),
    ({"text": None}, {"text": "Expected `str`, got `null`."}),
    ({"text": ""}, {"text": "Expected `str` of length >= 1."}),
    ({"text": "123456"}, {"text": "Expected `str` of length <= 5."}),
    ({"text": "x", "inner": {"size": "big"}}, {"inner.size": "Expected `int`, got `str`."}),
    ({"text": "x", "inner": {}}, {"inner.size": "This field is required."}),
    ({"text": "x", "inner": {"size": 1, "b": 1}}, {"inner.b": "Unknown field."}),
    ({"text": "x", "inner": []}, {"inner": "Expected `object | null`, got `array`."}),
]


@pytest.mark.parametrize(("body", "fields"), BODIES)
async def test_a_body_that_does_not_fit_names_the_field(body: Any, fields: dict[str, str]) -> None:
    response = await send("POST", "/body", body)
    assert (response.status, response.json()["code"]) == (400, "validation_failed")
    assert fields_of(response) == fields


async def test_an_item_of_a_list_is_named_by_its_place() -> None:
    body = {"text": "x", "items": [{"size": 1}, {"size": "two"}]}
    (field,) = fields_of(await send("POST", "/body", body))
    assert field.startswith("items")
    assert field.endswith("size")
    assert "[" not in field


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"null"])
async def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    response = await send("POST", "/body", body)
    assert response.status == 400
    assert list(fields_of(response)) == ["body"]


@pytest.mark.parametrize(
    "body", [b"{", b'{"text": }', b"\xff\xfe", b'{"text":"\xff"}', b"[" * 900, b'{"text":"x"} x']
)
async def test_a_body_that_is_no_json_is_refused(body: bytes) -> None:
    response = await send("POST", "/body", body)
    assert (response.status, response.json()["code"]) == (400, "malformed_json")
    assert response.header("content-type") == MEDIA_TYPE


async def test_a_missing_body_is_refused() -> None:
    response = await send("POST", "/body")
    assert response.status == 400
    assert list(fields_of(response)) == ["body"]


async def test_a_body_that_is_too_large_is_refused() -> None:
    response = await send("POST", "/body", {"text": "x" * 2_000})
    assert (response.status, response.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(("name", "value"), [("limit", "0"), ("limit", "x"), ("from", "x")])
async def test_a_query_that_does_not_fit_is_refused_by_its_public_name(
    name: str, value: str
) -> None:
    async def with_query(scope: Any, receive: Any, send_: Any) -> None:
        await APP({**scope, "query_string": f"{name}={value}".encode()}, receive, send_)

    response = await request(with_query, "GET", "/query")
    assert response.status == 400
    assert list(fields_of(response)) == [name]


async def test_a_field_of_the_body_keeps_its_name() -> None:
    response = await send("POST", "/named", {"since": "x"})
    assert list(fields_of(response)) == ["since"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/body", 405, "method_not_allowed"),
        ("GET", "/upstream", 502, "upstream_unavailable"),
    ],
)
async def test_the_framework_answers_in_the_same_form(
    method: str, path: str, status: int, code: str
) -> None:
    response = await send(method, path)
    assert (response.status, response.json()["code"]) == (status, code)
    assert response.header("content-type") == MEDIA_TYPE
    assert set(response.json()) == {"type", "title", "status", "detail", "code"}


async def test_a_bug_tells_nothing_of_itself_and_is_logged_whole() -> None:
    with structlog.testing.capture_logs() as logs:
        response = await send("GET", "/bug")
    assert (response.status, response.json()["code"]) == (500, "internal_error")
    assert CANARY not in response.body.decode()
    assert "KeyError" not in response.body.decode()
    (entry,) = logs
    assert (entry["event"], entry["path"]) == ("request_failed", "/bug")
    assert isinstance(entry["exc_info"], KeyError)


async def test_a_known_failure_is_logged_in_a_sentence() -> None:
    with structlog.testing.capture_logs() as logs:
        await send("GET", "/upstream")
    (entry,) = logs
    assert entry["error"] == "The model does not answer."
    assert entry["exc_info"] is None


@pytest.mark.parametrize("path", ["/nothing", "/left"])
async def test_what_no_operator_can_mend_is_no_error_in_the_log(path: str) -> None:
    with structlog.testing.capture_logs() as logs:
        await send("GET", path)
    assert [entry for entry in logs if entry["log_level"] == "error"] == []
