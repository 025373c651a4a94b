from __future__ import annotations

from typing import Any

import msgspec
import pytest

from appliance.domain.json_types import JsonObject
from appliance.domain.tenant import BusinessInfo, LlmSettings
from appliance.services.widget_settings import (
    build_public_settings,
    find_widget_config_problems,
)
from tests.fakes.shops import build_tenant


def public(**fields: Any) -> JsonObject:
    settings: JsonObject = msgspec.to_builtins(build_public_settings(build_tenant(**fields)))
    return settings


def test_exactly_these_fields_are_public() -> None:
    assert public() == {
        "name": "Bob's Pizza Shop",
        "language": "en",
        "direction": "ltr",
        "theme": "auto",
        "position": "bottom-right",
        "primary_color": None,
        "title": "Bob's Pizza Shop",
        "greeting": None,
        "texts": {},
        "quick_replies": [],
        "avatar_url": None,
        "launcher_text": None,
        "hide_launcher": None,
        "proactive": None,
        "allow_images": None,
        "sound": None,
        "pre_chat": None,
        "rating": None,
        "transcript": None,
        "disclosure": None,
        "features": {"streaming": True},
    }


def test_nothing_else_of_a_tenant_gets_out() -> None:
    secret = {"canary_key": "canary", "webhook": "https://canary.example", "api_key": "canary"}
    told = public(
        domain="canary.example",
        plan="canary",
        allowed_origins=["https://canary.example"],
        business_info=BusinessInfo(about="canary", instructions="canary"),
        llm=LlmSettings(provider="canary", model="canary"),
        widget_config=secret,
    )
    assert "canary" not in msgspec.json.encode(told).decode()


def test_what_the_tenant_set_is_shown() -> None:
    config = {
        "theme": "dark",
        "position": "top-left",
        "primary_color": "#B91C1C",
        "title": "Ask Bob",
        "greeting": "Hungry?",
        "texts": {"send": "Go"},
        "quick_replies": ["Menu", "Hours"],
        "avatar_url": "https://cdn.example/bob.png",
        "launcher_text": "Need help?",
        "hide_launcher": False,
        "proactive": {"text": "Hungry?", "delay_s": 2.5},
        "allow_images": True,
        "sound": True,
        "pre_chat": {"text": "Who are you?", "fields": [{"name": "email", "required": True}]},
        "rating": False,
        "transcript": False,
        "disclosure": "You talk to a machine.",
    }
    told = public(widget_config=config)
    assert {name: told[name] for name in config} == config


def test_what_was_stored_before_it_had_a_meaning_is_not_shown() -> None:
    told = public(widget_config={"avatar_url": 5, "sound": "loud", "rating": False})
    assert (told["avatar_url"], told["sound"], told["rating"]) == (None, None, False)


@pytest.mark.parametrize(
    ("language", "direction"),
    [
        ("en", "ltr"),
        ("he", "rtl"),
        ("he-IL", "rtl"),
        ("iw", "rtl"),
        ("ar-EG", "rtl"),
        ("ru", "ltr"),
    ],
)
def test_the_direction_follows_the_language(language: str, direction: str) -> None:
    assert public(language=language)["direction"] == direction


@pytest.mark.parametrize(
    ("config", "fields"),
    [
        ({}, []),
        ({"anything_else": object}, []),
        ({"primary_color": "#fff", "theme": "light"}, []),
        ({"primary_color": "red"}, ["primary_color"]),
        ({"primary_color": "#fff;background:url(//evil)"}, ["primary_color"]),
        ({"primary_color": "#fff\n"}, ["primary_color"]),
        ({"theme": "pink", "position": "middle"}, ["theme", "position"]),
        ({"theme": None}, ["theme"]),
        ({"title": "x" * 301}, ["title"]),
        ({"greeting": "x" * 1_001}, ["greeting"]),
        ({"texts": {"send": 1}}, ["texts"]),
        ({"texts": "send"}, ["texts"]),
        ({"quick_replies": ["x"] * 7}, ["quick_replies"]),
        ({"quick_replies": "x"}, ["quick_replies"]),
        ({"avatar_url": None, "proactive": None, "pre_chat": None, "sound": None}, []),
        ({"avatar_url": "http://cdn.example/bob.png"}, ["avatar_url"]),
        ({"avatar_url": "data:image/png;base64,AAAA"}, ["avatar_url"]),
        ({"avatar_url": "https://"}, ["avatar_url"]),
        ({"launcher_text": "x" * 61}, ["launcher_text"]),
        ({"hide_launcher": "yes", "sound": 1}, ["hide_launcher", "sound"]),
        ({"proactive": {"delay_s": 1}}, ["proactive.text"]),
        ({"proactive": {"text": "Hi", "delay_s": -1}}, ["proactive.delay_s"]),
        ({"proactive": {"text": "Hi", "delay": 1}}, ["proactive.delay"]),
        ({"pre_chat": {"text": "Hi"}}, ["pre_chat.fields"]),
        ({"pre_chat": {"fields": []}}, ["pre_chat.fields"]),
        ({"pre_chat": {"fields": [{"name": "age"}]}}, ["pre_chat.fields.0.name"]),
        (
            {"pre_chat": {"fields": [{"name": "email"}, {"name": "email"}]}},
            ["pre_chat.fields.1.name"],
        ),
        ({"disclosure": "x" * 1_001}, ["disclosure"]),
    ],
)
def test_what_does_not_fit_is_named_by_field(config: dict[str, Any], fields: list[str]) -> None:
    problems = find_widget_config_problems(config)
    assert {problem.field for problem in problems} == {f"widget_config.{name}" for name in fields}
    assert all(problem.message.endswith(".") for problem in problems)
    assert not any(" at `$" in problem.message for problem in problems)
