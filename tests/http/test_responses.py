"""What holds for answers whatever they are about: ids, HEAD, caching, the widget's files."""

from __future__ import annotations

import hashlib
import re

import httpx
import pytest

from appliance import __version__
from appliance.paths import widget_bundle
from tests.http.clients import check_problem
from tests.loopback import DIRECT

PUBLIC = ("/health", "/demo", "/widget.js", "/api/config", "/nowhere", "/chat/history/vs_x")
ADMIN = ("/health", "/schema/openapi.json", "/api/admin/tenants", "/api/admin/me", "/nowhere")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.mark.parametrize("path", PUBLIC)
def test_every_public_answer_has_a_request_id(visitor, path):
    answer = visitor.http.get(path)
    assert UUID.fullmatch(answer.headers["x-request-id"])
    given = visitor.http.get(path, headers={"X-Request-ID": "from-the-proxy.1"})
    assert given.headers.get_list("x-request-id") == ["from-the-proxy.1"]


@pytest.mark.parametrize("path", ADMIN)
def test_every_admin_answer_has_a_request_id(demo_server, path):
    answer = httpx.get(f"{demo_server.admin_url}{path}", **DIRECT)
    assert UUID.fullmatch(answer.headers["x-request-id"])


@pytest.mark.parametrize("given", ["x" * 65, "a b", "<script>", ""])
def test_a_request_id_that_could_harm_the_log_is_replaced(visitor, given):
    answer = visitor.http.get("/health", headers={"X-Request-ID": given})
    assert UUID.fullmatch(answer.headers["x-request-id"])


def test_the_request_id_is_in_the_log(demo_server, shopper):
    headers = {"X-Request-ID": "trace-me-7", "Origin": "https://evil.example"}
    assert shopper.http.get("/api/config", headers=headers).status_code == 403
    log = (demo_server.data_dir / "logs" / "csai.log").read_text(encoding="utf-8")
    assert '"request_id": "trace-me-7"' in log or '"request_id":"trace-me-7"' in log


@pytest.mark.parametrize("path", PUBLIC)
def test_head_answers_as_get_without_a_body(visitor, path):
    by_get, by_head = visitor.http.get(path), visitor.http.head(path)
    assert by_head.status_code == by_get.status_code
    assert by_head.content == b""
    volatile = {"x-request-id", "date", "content-length"}
    assert {k: v for k, v in by_head.headers.items() if k not in volatile} == {
        k: v for k, v in by_get.headers.items() if k not in volatile
    }


@pytest.mark.parametrize("base", ["base_url", "admin_url"])
def test_both_listeners_tell_of_their_health(demo_server, base):
    answer = httpx.get(f"{getattr(demo_server, base)}/health", **DIRECT)
    state = answer.json()
    assert (answer.status_code, state["status"], state["version"]) == (200, "ok", __version__)
    assert {name: part["status"] for name, part in state["components"].items()} == {
        "database": "ok",
        "cache": "ok",
        "notices": "ok",
        "llm": "ok",
        "workflows": "ok",
    }
    assert answer.headers["cache-control"] == "no-store"


def test_the_public_health_tells_nothing_of_the_machine(demo_server, visitor):
    text = visitor.http.get("/health").text
    assert str(demo_server.data_dir) not in text
    assert str(demo_server.ports[1]) not in text


@pytest.mark.parametrize("path", ["/widget.js", "/api/config"])
def test_what_is_known_already_is_not_sent_again(visitor, path):
    first = visitor.http.get(path)
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        again = visitor.http.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == first.headers["cache-control"]
    changed = visitor.http.get(path, headers={"If-None-Match": '"other"'})
    assert (changed.status_code, changed.content) == (200, first.content)


def test_changed_settings_have_another_tag(operator, shop, shopper):
    before = shopper.http.get("/api/config").headers["etag"]
    operator.call("PATCH", f"/tenants/{shop.id}", {"widget_config": {"title": "New title"}})
    answer = shopper.http.get("/api/config", headers={"If-None-Match": before})
    assert (answer.status_code, answer.json()["title"]) == (200, "New title")


def test_the_widget_is_the_built_bundle_for_every_page(visitor):
    script = widget_bundle().read_bytes()
    answer = visitor.http.get("/widget.js")
    assert answer.content == script
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "immutable" not in answer.headers["cache-control"]


def test_the_widget_under_its_hash_never_changes(visitor):
    script = widget_bundle().read_bytes()
    path = f"/widget.{hashlib.sha256(script).hexdigest()[:16]}.js"
    answer = visitor.http.get(path)
    assert answer.content == script
    assert "immutable" in answer.headers["cache-control"]
    assert "max-age=31536000" in answer.headers["cache-control"]


def test_the_demo_page_loads_nothing_from_elsewhere(visitor):
    answer = visitor.http.get("/demo")
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-eval" not in policy
    assert "default-src 'self'" in policy
    loaded = re.findall(r'(?:src|href)="((?:https?:)?//[^"]*)"', answer.text)
    assert loaded == []
    assert "{{" not in answer.text


def test_a_head_of_an_unknown_address_has_no_body(visitor):
    answer = visitor.http.head("/nowhere")
    assert (answer.status_code, answer.content) == (404, b"")
    check_problem(visitor.http.get("/nowhere"), 404, "not_found")
