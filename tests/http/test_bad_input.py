"""What the visitor's side refuses, and how it says so."""

from __future__ import annotations

import json

import pytest

from tests.http.clients import EVENT_STREAM, check_problem

pytestmark = pytest.mark.stored

LONGEST = 4_000
MAX_BODY_BYTES = 64 * 1024


@pytest.mark.parametrize("key", [None, "", "pk_unknown", "pk_" + "x" * 5_000, "שלום"])
def test_an_unknown_key_is_refused(visitor, key):
    headers = {} if key is None else {"X-API-Key": key.encode()}
    del visitor.http.headers["X-API-Key"]
    answer = visitor.http.post("/chat/message", json={"message": "hello"}, headers=headers)
    check_problem(answer, 401, "unknown_key")
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/chat/message", {"message": "hello"}),
        ("GET", "/chat/history/vs_x", None),
        ("GET", "/chat/events/vs_x", None),
        ("POST", "/chat/end", {"session_id": "vs_x"}),
        ("GET", "/api/config", None),
    ],
)
def test_every_visitor_route_needs_a_key(visitor, method, path, body):
    del visitor.http.headers["X-API-Key"]
    check_problem(visitor.http.request(method, path, json=body), 401, "unknown_key")


@pytest.mark.parametrize("message", ["", "   ", "\n\t  \r\n", "\u2003\u00a0"])
def test_an_empty_message_names_the_field(visitor, message):
    problem = check_problem(visitor.post(message), 400, "validation_failed")
    assert [error["field"] for error in problem["errors"]] == ["message"]


@pytest.mark.parametrize("letter", ["a", "ש", "🍕"])
def test_4000_characters_are_accepted_and_one_more_is_refused(visitor, letter):
    problem = check_problem(visitor.post(letter * (LONGEST + 1)), 400, "validation_failed")
    assert [error["field"] for error in problem["errors"]] == ["message"]
    assert "4001" in problem["errors"][0]["message"]
    visitor.ask("  " + letter * LONGEST + "\n")
    assert visitor.lines()[0] == ("user", letter * LONGEST)


@pytest.mark.parametrize("letter", ["ש", "🍕"])
def test_the_longest_message_fits_when_every_character_is_escaped(visitor, letter):
    body = json.dumps({"message": letter * LONGEST}, ensure_ascii=True).encode()
    assert len(body) < MAX_BODY_BYTES
    headers = {"Content-Type": "application/json"}
    assert visitor.http.post("/chat/message", content=body, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "message"),
        ({"message": None}, "message"),
        ({"message": 5}, "message"),
        ({"message": ["hello"]}, "message"),
        ({"message": "hello", "session_id": 7}, "session_id"),
        ({"message": "hello", "message_id": ""}, "message_id"),
        ({"message": "hello", "message_id": "x" * 129}, "message_id"),
        ({"message": "hello", "locale": "x" * 36}, "locale"),
        ({"message": "hello", "page_url": "x" * 2_001}, "page_url"),
        ({"message": "hello", "tenant_id": "other"}, "tenant_id"),
        ([], "body"),
        ("hello", "body"),
        (None, "body"),
    ],
)
def test_a_field_that_does_not_fit_is_named(visitor, body, field):
    answer = visitor.http.post(
        "/chat/message",
        content=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    problem = check_problem(answer, 400, "validation_failed")
    assert [error["field"] for error in problem["errors"]] == [field]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"message": "hello"', b"\xff\xfe", b'{"message": "\xff"}', b"[" * 20_000],
)
def test_a_body_that_is_not_json_is_refused(visitor, content):
    headers = {"Content-Type": "application/json"}
    answer = visitor.http.post("/chat/message", content=content, headers=headers)
    assert answer.json()["code"] in {"malformed_json", "validation_failed"}
    check_problem(answer, 400, answer.json()["code"])


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None],
)
def test_another_content_type_is_refused(visitor, content_type):
    headers = {"Content-Type": content_type} if content_type else {}
    answer = visitor.http.post("/chat/message", content=b'{"message": "hello"}', headers=headers)
    check_problem(answer, 415, "unsupported_media_type")


def test_json_with_a_charset_is_accepted(visitor):
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    answer = visitor.http.post("/chat/message", content=b'{"message": "hello"}', headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize("is_streamed", [False, True], ids=["content-length", "chunked"])
def test_a_body_over_64_kb_is_refused(visitor, is_streamed):
    body = json.dumps({"message": "x" * MAX_BODY_BYTES}).encode()
    content = iter([body[:1_000], body[1_000:]]) if is_streamed else body
    headers = {"Content-Type": "application/json"}
    answer = visitor.http.post("/chat/message", content=content, headers=headers)
    check_problem(answer, 413, "body_too_large")
    assert visitor.say("hello")


@pytest.mark.parametrize("session_id", ["vs_" + "A" * 32, "1", "../../etc/passwd", "' OR 1=1 --"])
def test_a_session_the_server_never_issued_is_not_adopted(visitor, session_id):
    visitor.session_id = session_id
    reply = visitor.ask("hello")
    assert reply["session_id"] != session_id
    assert reply["session_id"].startswith("vs_")
    assert len(visitor.lines()) == 2


def test_a_session_of_another_shop_is_not_adopted(visitor, shopper):
    visitor.ask("hello")
    before = visitor.lines()
    shopper.session_id = visitor.session_id
    shopper.ask("hello from elsewhere")
    assert shopper.session_id != visitor.session_id
    assert visitor.lines() == before


def test_an_ended_session_is_not_used_again(visitor):
    visitor.ask("hello")
    ended = visitor.session_id
    visitor.http.post("/chat/end", json={"session_id": ended})
    visitor.ask("hello again")
    assert visitor.session_id != ended


def test_session_ids_have_at_least_128_random_bits(visitor):
    def new_session() -> str:
        visitor.session_id = None
        return visitor.ask("hello")["session_id"].removeprefix("vs_")

    issued = [new_session() for _ in range(8)]
    assert len(set(issued)) == 8
    assert {len(token) * 6 // 128 for token in issued} == {1}


@pytest.mark.parametrize("limit", ["0", "201", "-1", "many"])
def test_a_limit_out_of_range_is_refused(visitor, limit):
    visitor.ask("hello")
    answer = visitor.http.get(f"/chat/history/{visitor.session_id}?limit={limit}")
    check_problem(answer, 400, "validation_failed")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/chat/nowhere", 404, "not_found"),
        ("GET", "/api/admin/tenants", 404, "not_found"),
        ("GET", "/schema/openapi.json", 404, "not_found"),
        ("GET", "/chat/message", 405, "method_not_allowed"),
        ("DELETE", "/api/config", 405, "method_not_allowed"),
        ("GET", "/widget.0000000000000000.js", 404, "not_found"),
        ("GET", "/../../etc/passwd", 404, "not_found"),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", 404, "not_found"),
    ],
)
def test_an_address_that_is_not_there(visitor, method, path, status, code):
    check_problem(visitor.http.request(method, path), status, code)


def test_a_refusal_of_a_stream_is_a_problem_too(visitor):
    headers = {"Accept": EVENT_STREAM}
    answer = visitor.http.post("/chat/message", json={"message": ""}, headers=headers)
    check_problem(answer, 400, "validation_failed")


@pytest.mark.parametrize(
    ("page_url", "stored"),
    [
        ("https://corner.example/pizza?size=2", "https://corner.example/pizza?size=2"),
        ("javascript:alert(1)", None),
        ("data:text/html,hello", None),
        ("file:///etc/passwd", None),
        ("about:blank", None),
        ("https://corner.example/\r\nX: y", None),
        ("", None),
    ],
)
def test_only_an_address_of_the_web_is_kept_of_a_page(shopper, shop, operator, page_url, stored):
    shopper.ask("hello", locale="../../x", page_url=page_url)
    exported = operator.call("GET", f"/conversations/export?tenant_id={shop.id}")
    assert [conversation["page_url"] for conversation in exported] == [stored]
