"""Tenants and their keys, as an operator manages them."""

from __future__ import annotations

import pytest

from tests.http.clients import Operator, Visitor, check_problem
from tests.http.running_server import RunningServer, run_csai

pytestmark = pytest.mark.stored

EVERYTHING = {
    "name": "Full Shop",
    "domain": "full.example",
    "allowed_origins": ["https://full.example", "http://localhost:3000"],
    "plan": "pro",
    "language": "he",
    "time_zone": "Asia/Jerusalem",
    "business_info": {
        "about": "We bake.",
        "contact": {"phone": "03-555"},
        "hours": {"Sunday": "08:00–18:00"},
        "policies": {"refunds": "Yes"},
        "faqs": [{"question": "Vegan?", "answer": "Yes"}],
        "instructions": "Be kind.",
    },
    "widget_config": {"primary_color": "#123456", "anything": {"else": 1}},
    "llm": {
        "provider": "builtin",
        "model": "x",
        "temperature": 0.7,
        "max_output_tokens": 512,
        "fallbacks": [{"provider": "ollama", "model": "y"}],
        "daily_budget_micro_usd": 5_000_000,
        "daily_budget_tokens": 1_000_000,
    },
    "agent": {
        "max_tool_rounds": 5,
        "tone": "Warm",
        "window_messages": 12,
        "max_input_tokens": 8_000,
    },
    "retention": {"message_days": 7, "tool_execution_days": 14},
}


def test_a_tenant_has_all_its_fields(operator):
    made = operator.call("POST", "/tenants", EVERYTHING, status=201)
    assert {name: made[name] for name in EVERYTHING} == EVERYTHING
    assert made["api_key"].startswith("pk_")
    assert made["signing_secret"].startswith("whsec_")
    assert made["status"] == "active"
    read = operator.call("GET", f"/tenants/{made['id']}")
    assert read == {k: v for k, v in made.items() if k not in ("api_key", "signing_secret")}
    operator.call("DELETE", f"/tenants/{made['id']}")


def test_only_the_name_is_needed(operator):
    made = operator.call("POST", "/tenants", {"name": "  Small Shop "}, status=201)
    assert made["name"] == "Small Shop"
    assert made["allowed_origins"] == []
    operator.call("DELETE", f"/tenants/{made['id']}")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": 5}, "name"),
        ({"allowed_origins": ["shop.example"]}, "allowed_origins"),
        ({"allowed_origins": ["https://shop.example/path"]}, "allowed_origins"),
        ({"language": "english please"}, "language"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"llm": {"provider": "oracle"}}, "llm.provider"),
        ({"llm": {"fallbacks": [{"provider": "oracle"}]}}, "llm.fallbacks.0.provider"),
        ({"llm": {"fallbacks": [{"provider": "builtin"}] * 9}}, "llm.fallbacks"),
        ({"widget_config": {"primary_color": "red; }"}}, "widget_config.primary_color"),
        ({"agent": {"max_tool_rounds": 11}}, "agent.max_tool_rounds"),
        ({"api_key": "pk_mine"}, "api_key"),
    ],
)
def test_a_field_that_does_not_fit_is_named(operator, shop, fields, field):
    made = operator.http.post("/tenants", json={"name": "Shop", **fields})
    problem = check_problem(made, 400, "validation_failed")
    assert field in [error["field"] for error in problem["errors"]]
    changed = operator.http.patch(f"/tenants/{shop.id}", json=fields)
    problem = check_problem(changed, 400, "validation_failed")
    assert field in [error["field"] for error in problem["errors"]]


def test_a_change_keeps_what_it_does_not_name(operator, shop):
    before = operator.call("GET", f"/tenants/{shop.id}")
    after = operator.call("PATCH", f"/tenants/{shop.id}", {"domain": "new.example"})
    assert after["domain"] == "new.example"
    same = set(before) - {"domain", "updated_at"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert after["updated_at"] > before["updated_at"]
    emptied = operator.call("PATCH", f"/tenants/{shop.id}", {"domain": None})
    assert emptied["domain"] is None


def test_tenants_are_listed_in_pages(operator):
    made = [operator.make_shop(f"Page Shop {number}").id for number in range(3)]
    listed: list[str] = []
    cursor = ""
    while True:
        page = operator.call("GET", f"/tenants?limit=2{cursor}")
        assert 0 < len(page["items"]) <= 2
        listed += [tenant["id"] for tenant in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(set(listed)) == len(listed)
    assert [tenant for tenant in listed if tenant in made] == made
    for tenant_id in made:
        operator.call("DELETE", f"/tenants/{tenant_id}")


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=%00", "cursor=!!"])
def test_a_page_that_cannot_be_is_refused(operator, query):
    check_problem(operator.http.get(f"/tenants?{query}"), 400, "validation_failed")


def test_a_tenant_switched_off_answers_nobody_and_comes_back(operator, shop, shopper):
    shopper.ask("hello")
    gone = operator.call("DELETE", f"/tenants/{shop.id}")
    assert gone["status"] == "inactive"
    check_problem(shopper.post("hello"), 401, "unknown_key")
    operator.call("PATCH", f"/tenants/{shop.id}", {"status": "active"})
    assert len(shopper.history()) == 2


def test_a_new_key_works_beside_the_old_one(operator, shop, shopper, demo_server):
    made = operator.call("POST", f"/tenants/{shop.id}/keys", {"overlap_hours": 1}, status=201)
    assert made["api_key"].startswith(made["prefix"])
    newcomer = Visitor(demo_server, made["api_key"])
    assert newcomer.ask("hello")
    assert shopper.ask("hello")
    keys = operator.call("GET", f"/tenants/{shop.id}/keys")["items"]
    assert len(keys) == 2
    assert all("api_key" not in key for key in keys)
    assert sorted(key["expires_at"] is None for key in keys) == [False, True]
    newcomer.http.close()


def test_a_new_key_without_overlap_replaces_the_old_one(operator, shop, shopper):
    shopper.ask("hello")
    operator.call("POST", f"/tenants/{shop.id}/keys", {"overlap_hours": 0}, status=201)
    check_problem(shopper.post("hello"), 401, "unknown_key")


def test_a_removed_key_is_refused_at_once(operator, shop, shopper):
    shopper.ask("hello")
    key = operator.call("GET", f"/tenants/{shop.id}/keys")["items"][0]
    path = f"/tenants/{shop.id}/keys/{key['id']}"
    operator.call("DELETE", path, status=204)
    check_problem(shopper.post("hello"), 401, "unknown_key")
    check_problem(operator.http.delete(path), 404, "key_not_found")


def test_a_signing_secret_is_renewed_and_shown_once(operator, shop):
    made = operator.call("POST", f"/tenants/{shop.id}/signing-secret", status=201)
    assert made["signing_secret"].startswith("whsec_")
    assert made["signing_secret"] != shop.signing_secret
    assert "signing_secret" not in operator.call("GET", f"/tenants/{shop.id}")
    assert operator.http.post("/tenants/nobody/signing-secret").status_code == 404


def test_the_snippet_for_a_page(operator, shop, demo_server):
    path = f"/tenants/{shop.id}/embed"
    snippet = operator.call("GET", f"{path}?api_key={shop.api_key}")["snippet"]
    assert snippet.startswith(f'<script src="{demo_server.base_url}/widget.js"')
    assert f'data-api-key="{shop.api_key}"' in snippet
    assert "YOUR_PUBLISHABLE_KEY" in operator.call("GET", path)["snippet"]
    hostile = operator.call("GET", f"{path}?api_key=%22%3E%3Cscript%3E")["snippet"]
    assert hostile.count("<script") == 1


def test_days_of_retention_are_checked_and_kept(operator, shop):
    path = f"/tenants/{shop.id}"
    default = {"message_days": None, "tool_execution_days": None}
    assert operator.call("GET", path)["retention"] == default
    for days in (0, 3651, -1, 1.5, "many"):
        answer = operator.http.patch(path, json={"retention": {"message_days": days}})
        problem = check_problem(answer, 400, "validation_failed")
        assert problem["errors"][0]["field"] == "retention.message_days"
    answer = operator.http.patch(path, json={"retention": {"days": 3}})
    check_problem(answer, 400, "validation_failed")
    changed = operator.call("PATCH", path, {"retention": {"message_days": 3650}})
    assert changed["retention"] == {"message_days": 3650, "tool_execution_days": None}
    changed = operator.call("PATCH", path, {"retention": {"tool_execution_days": 9}})
    assert changed["retention"] == {"message_days": 3650, "tool_execution_days": 9}
    assert operator.call("GET", path)["retention"] == changed["retention"]
    operator.call("PATCH", path, {"retention": {"message_days": None, "tool_execution_days": None}})
    assert operator.call("GET", path)["retention"] == default


def test_a_shop_that_a_command_erased_is_unknown_at_once(tmp_path):
    with RunningServer(tmp_path) as server:
        operator = Operator(server)
        shop = operator.make_shop("Short-lived Shop")
        visitor = Visitor(server, shop.api_key)
        visitor.ask("When are you open?")
        erased = run_csai(
            "erase", "--tenant", shop.id, "--yes", "--data-dir", str(server.data_dir),
            home=tmp_path, settings=server.settings,
        )  # fmt: skip
        assert erased.returncode == 0, erased.stderr
        for _ in range(2):
            check_problem(visitor.post("Are you there?"), 401, "unknown_key")
        visitor.http.close()
        operator.http.close()
