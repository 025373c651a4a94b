"""Which pages may use a shop's assistant, and what a browser is told."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import pytest

from tests.http.clients import Operator, Visitor, check_problem
from tests.http.running_server import RunningServer

OWN_SHOP = "https://corner.example"
FOREIGN = (
    "https://evil.example",
    "http://corner.example",
    "https://corner.example:8443",
    "https://corner.example.evil.example",
    "https://CORNER.example",
    "https://sub.corner.example",
    "null",
    "file://",
    "https://corner.example/",
)
VISITOR_CALLS = (
    ("POST", "/chat/message", {"message": "hello"}),
    ("GET", "/chat/history/vs_x", None),
    ("GET", "/chat/events/vs_x", None),
    ("POST", "/chat/end", {"session_id": "vs_x"}),
    ("GET", "/api/config", None),
)


def check_readable(answer: httpx.Response, origin: str) -> None:
    assert answer.headers.get_list("access-control-allow-origin") == [origin]
    assert "origin" in answer.headers["vary"].lower()
    exposed = {name.strip() for name in answer.headers["access-control-expose-headers"].split(",")}
    assert {"Retry-After", "X-Request-ID", "ETag"} <= exposed
    assert "access-control-allow-credentials" not in answer.headers


def check_unreadable(answer: httpx.Response) -> None:
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_page_of_another_origin_is_refused(shopper, origin):
    answer = shopper.http.get("/api/config", headers={"Origin": origin})
    check_problem(answer, 403, "origin_not_allowed")
    check_unreadable(answer)


@pytest.mark.parametrize(("method", "path", "body"), VISITOR_CALLS)
def test_every_route_refuses_a_page_of_another_origin(shopper, method, path, body):
    answer = shopper.http.request(method, path, json=body, headers={"Origin": FOREIGN[0]})
    check_problem(answer, 403, "origin_not_allowed")
    check_unreadable(answer)


def test_a_page_of_an_allowed_origin_reads_the_answer(shopper):
    answer = shopper.http.post(
        "/chat/message", json={"message": "hello"}, headers={"Origin": OWN_SHOP}
    )
    assert answer.status_code == 200
    check_readable(answer, OWN_SHOP)


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("POST", "/chat/message", b'{"message": ""}', 400),
        ("POST", "/chat/message", b'{"message": "' + b"x" * 70_000 + b'"}', 413),
        ("GET", "/chat/history/vs_unknown", None, 404),
        ("GET", "/chat/nowhere", None, 404),
        ("PUT", "/chat/message", b"{}", 405),
    ],
)
def test_a_page_of_an_allowed_origin_reads_errors_too(shopper, method, path, content, status):
    headers = {"Origin": OWN_SHOP, "Content-Type": "application/json"}
    answer = shopper.http.request(method, path, content=content, headers=headers)
    assert answer.status_code == status
    check_readable(answer, OWN_SHOP)


def test_a_page_of_an_allowed_origin_reads_the_stream(shopper):
    shopper.http.headers["Origin"] = OWN_SHOP
    with shopper.http.stream(
        "POST",
        "/chat/message",
        json={"message": "hello"},
        headers={"Accept": "text/event-stream"},
    ) as answer:
        check_readable(answer, OWN_SHOP)
        assert answer.read()


def test_one_shops_origin_does_not_open_another(shopper, visitor):
    answer = visitor.http.get("/api/config", headers={"Origin": OWN_SHOP})
    check_problem(answer, 403, "origin_not_allowed")
    check_unreadable(answer)


def test_any_origin_must_be_chosen(operator: Operator, demo_server):
    shop = operator.make_shop(allowed_origins=["*"])
    visitor = Visitor(demo_server, shop.api_key)
    answer = visitor.http.get("/api/config", headers={"Origin": FOREIGN[0]})
    assert answer.status_code == 200
    check_readable(answer, FOREIGN[0])
    operator.call("DELETE", f"/tenants/{shop.id}")
    visitor.http.close()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]"])
def test_the_appliances_own_pages_are_allowed(visitor, name):
    origin = f"http://{name}:{urlsplit(str(visitor.http.base_url)).port}"
    answer = visitor.http.get("/api/config", headers={"Origin": origin})
    assert answer.status_code == 200
    check_readable(answer, origin)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://rebound.example:{port}", "rebound.example:{port}"),
        ("http://127.0.0.1.nip.example:{port}", "127.0.0.1.nip.example:{port}"),
        ("http://192.0.2.7:{port}", "192.0.2.7:{port}"),
        ("https://127.0.0.1:{port}", "127.0.0.1:{port}"),
        ("http://127.0.0.1:1", "127.0.0.1:1"),
    ],
)
def test_a_name_rebound_to_this_machine_is_no_page_of_ours(visitor, origin, host):
    port = urlsplit(str(visitor.http.base_url)).port
    headers = {"Origin": origin.format(port=port), "Host": host.format(port=port)}
    answer = visitor.http.get("/api/config", headers=headers)
    check_problem(answer, 403, "origin_not_allowed")
    check_unreadable(answer)


@pytest.mark.parametrize(("method", "path", "body"), VISITOR_CALLS)
def test_a_preflight_of_an_allowed_origin_is_answered(shopper, method, path, body):
    answer = preflight(shopper, path, OWN_SHOP, method)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == OWN_SHOP
    assert method in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].lower()
    for name in ("content-type", "x-api-key", "last-event-id", "accept"):
        assert name in allowed
    assert int(answer.headers["access-control-max-age"]) > 0
    assert "origin" in answer.headers["vary"].lower()


@pytest.mark.parametrize("origin", [FOREIGN[0], "null", None])
def test_a_preflight_of_another_origin_is_refused(shopper, origin):
    answer = preflight(shopper, "/chat/message", origin, "POST")
    assert answer.status_code == 403
    check_unreadable(answer)


def preflight(visitor: Visitor, path: str, origin: str | None, method: str) -> httpx.Response:
    """Ask as a browser does before a request from another origin: without a key."""
    headers = {
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type,x-api-key",
        **({"Origin": origin} if origin else {}),
    }
    key = visitor.http.headers.pop("X-API-Key")
    answer = visitor.http.options(path, headers=headers)
    visitor.http.headers["X-API-Key"] = key
    return answer


def test_an_origin_taken_back_is_refused_at_once(operator, shop, shopper):
    headers = {"Origin": OWN_SHOP}
    assert shopper.http.get("/api/config", headers=headers).status_code == 200
    operator.call("PATCH", f"/tenants/{shop.id}", {"allowed_origins": []})
    check_problem(shopper.http.get("/api/config", headers=headers), 403, "origin_not_allowed")
    assert preflight(shopper, "/api/config", OWN_SHOP, "GET").status_code == 403


def test_the_admin_listener_answers_no_page_of_another_origin(operator):
    headers = {"Origin": FOREIGN[0], "Access-Control-Request-Method": "POST"}
    check_unreadable(operator.http.options("/login", headers=headers))
    check_unreadable(operator.http.get("/tenants", headers=headers))


def test_behind_a_proxy_the_public_address_is_an_own_page(tmp_path):
    settings = {"CSAI_PUBLIC_URL": "https://chat.example.com/"}
    with RunningServer(tmp_path, settings=settings) as server:
        server.expect("origin_refused")
        operator = Operator(server)
        shop = operator.make_shop()
        visitor = Visitor(server, shop.api_key)
        own = visitor.http.get("/api/config", headers={"Origin": "https://chat.example.com"})
        other = visitor.http.get("/api/config", headers={"Origin": "http://chat.example.com"})
        assert (own.status_code, other.status_code) == (200, 403)
        embed = operator.call("GET", f"/tenants/{shop.id}/embed?api_key={shop.api_key}")
        assert 'src="https://chat.example.com/widget.js"' in embed["snippet"]
        visitor.http.close()
        operator.http.close()
