"""What anybody with the publishable key may read of a shop: an exact list, and no secret."""

from __future__ import annotations

from tests.http.clients import Operator, Visitor

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
