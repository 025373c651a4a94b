"""What anybody with the publishable key may read of a shop: an exact list, and no secret."""

from __future__ import annotations

from tests.http.clients import Operator, Visitor, check_problem

NOT_CHOSEN = dict.fromkeys(
    (
        *("avatar_url", "launcher_text", "hide_launcher", "proactive", "allow_images", "sound"),
        *("pre_chat", "rating", "transcript", "disclosure"),
    )
)
CANARIES = {
    "about": "canary-about",
    "instructions": "canary-instructions",
    "contact": {"phone": "canary-phone"},
}


def test_the_demo_shops_settings(visitor):
    assert visitor.http.get("/api/config").json() == {
        "name": "Bob's Pizza Shop",
        "language": "en",
        "direction": "ltr",
        "theme": "auto",
        "position": "bottom-right",
        "primary_color": "#b3261e",
        "title": "Bob's Pizza Shop",
        "greeting": "Hi! Ask me about your order, our pizzas, a table or our opening hours.",
        "texts": {},
        "quick_replies": [
            "Where is my order 12345?",
            "Do you have pepperoni pizza?",
            "Book a table for tomorrow at 19:00",
            "When are you open?",
        ],
        "features": {"streaming": True},
        **NOT_CHOSEN,
    }


def test_nothing_else_of_a_shop_is_shown(operator: Operator, demo_server):
    shop = operator.make_shop(
        "Canary Shop",
        domain="canary-domain.example",
        plan="canary-plan",
        allowed_origins=["https://canary-origin.example"],
        business_info=CANARIES,
        widget_config={"title": "Shown", "internal_note": "canary-note"},
        llm={"provider": "builtin", "model": "canary-model"},
        agent={"tone": "canary-tone"},
    )
    visitor = Visitor(demo_server, shop.api_key)
    answer = visitor.http.get("/api/config")
    assert answer.json() == {
        "name": "Canary Shop",
        "language": "en",
        "direction": "ltr",
        "theme": "auto",
        "position": "bottom-right",
        "primary_color": None,
        "title": "Shown",
        "greeting": None,
        "texts": {},
        "quick_replies": [],
        "features": {"streaming": True},
        **NOT_CHOSEN,
    }
    everything = answer.text + str(answer.headers)
    for secret in ("canary-", shop.signing_secret, shop.api_key, shop.id):
        assert secret not in everything
    operator.call("DELETE", f"/tenants/{shop.id}")
    visitor.http.close()


def test_a_hebrew_shop_is_written_from_right_to_left(operator: Operator, demo_server):
    shop = operator.make_shop("מאפיית דן", language="he", time_zone="Asia/Jerusalem")
    visitor = Visitor(demo_server, shop.api_key)
    settings = visitor.http.get("/api/config").json()
    assert (settings["language"], settings["direction"]) == ("he", "rtl")
    assert settings["title"] == "מאפיית דן"
    operator.call("DELETE", f"/tenants/{shop.id}")
    visitor.http.close()


def test_what_an_operator_chose_is_shown_and_what_does_not_fit_is_named(
    operator: Operator, demo_server
):
    shop = operator.make_shop()
    chosen = {
        "avatar_url": "https://cdn.example/shop.png",
        "proactive": {"text": "May I help?", "delay_s": 3.0},
        "pre_chat": {"text": "", "fields": [{"name": "name", "required": True}]},
        "sound": True,
    }
    operator.call("PATCH", f"/tenants/{shop.id}", {"widget_config": chosen})
    visitor = Visitor(demo_server, shop.api_key)
    settings = visitor.http.get("/api/config").json()
    assert {name: settings[name] for name in chosen} == chosen
    assert operator.call("GET", f"/tenants/{shop.id}")["widget_config"] == chosen
    wrong = {"widget_config": {"avatar_url": "http://cdn.example/x", "pre_chat": {"fields": [{}]}}}
    answer = operator.http.patch(f"/tenants/{shop.id}", json=wrong)
    problem = check_problem(answer, 400, "validation_failed")
    fields = ["widget_config.avatar_url", "widget_config.pre_chat.fields.0.name"]
    assert [error["field"] for error in problem["errors"]] == fields
    assert visitor.http.get("/api/config").json() == settings
    operator.call("DELETE", f"/tenants/{shop.id}")
    visitor.http.close()
