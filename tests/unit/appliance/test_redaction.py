"""Secrets, wherever they stand."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from appliance.redaction import MASK, MAX_LEVELS, TOO_DEEP, redact

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLWNhbmFyeQ"

BY_NAME: list[tuple[str, Any]] = [
    ("password", "canary"),
    ("admin_password", "canary"),
    ("Passphrase", "canary"),
    ("signing_secret", "canary"),
    ("client-secret", "canary"),
    ("Authorization", "Basic canary"),
    ("cookie", "canary"),
    ("set-cookie", "canary"),
    ("credentials", {"user": "canary"}),
    ("private_key", "canary"),
    ("privateKey", "canary"),
    ("api_key", "canary"),
    ("apiKey", "canary"),
    ("X-API-Key", "canary"),
    ("x-api-key", ["canary"]),
    ("access_token", "canary"),
    ("refreshToken", "canary"),
    ("identity_token", "canary"),
    ("id_token", "canary"),
    ("auth_token", "canary"),
    ("X-Shopify-Access-Token", "canary"),
    ("token", "canary"),
    ("session_id", "canary"),
    ("sessionId", "canary"),
]

BY_LOOK = [
    "sk-ant-api03-canary0123456789",
    "sk-proj-canary0123456789",
    "sk_live_canary0123456789",
    "pk_canary0123456789",
    "vs_canary0123456789",
    "whsec_canary0123456789",
    "rt_01890a5d-ac96-774b-bcce-b302099a8057.canary0123456789",
    JWT,
    "shpat_canary0123456789",
    "Bearer canary0123456789",
    "bearer  canary0123456789==",
    "https://user:canary@shop.example/api",
    "redis://:canary@cache.example:6379/0",
    "postgresql+asyncpg://csai:canary@db.example/csai",
    "https://shop.example/api?page=2&api_key=canary&x=1",
    "GET /x?access_token=canary HTTP/1.1",
]

HARMLESS: list[Any] = [
    {"input_tokens": 12, "max_output_tokens": 2048},
    {"tokens_total": 5, "tool": "get_order_status", "keyboard": "qwerty"},
    {"tenant_id": "01890a5d-ac96-774b-bcce-b302099a8057", "duration_ms": 1.5},
    {"conversation_id": "01890a5d-ac96-774b-bcce-b302099a8057"},
    {"password": "", "api_key": None, "secret": False},
    ["Where is my order 12345?", "איפה ההזמנה?", "https://shop.example:8443/path?page=2"],
    None,
    True,
    3.5,
    "basic information about ask-me-anything and desk-top",
]


@pytest.mark.parametrize(("name", "value"), BY_NAME)
def test_a_field_of_a_telling_name_is_masked(name: str, value: Any) -> None:
    assert redact({name: value}) == {name: MASK}
    nested = {"a": [{"b": {name: value}}]}
    assert redact(nested) == {"a": [{"b": {name: MASK}}]}


@pytest.mark.parametrize("secret", BY_LOOK)
def test_a_secret_is_known_by_its_look(secret: str) -> None:
    for text in (secret, f"failed with {secret}, giving up", f'{{"note":"{secret}"}}'):
        masked = redact({"event": text, "more": [text, (text,)]})
        assert "canary" not in json.dumps(masked)
        assert MASK in masked["event"]
        assert "c2lnbmF0dXJl" not in json.dumps(masked)


@pytest.mark.parametrize("value", HARMLESS)
def test_the_rest_is_left_alone(value: Any) -> None:
    assert redact(value) == value


@pytest.mark.parametrize("secret", BY_LOOK)
def test_a_secret_within_any_object_is_masked(secret: str) -> None:
    class Held(msgspec.Struct):
        text: str

    for value in (ValueError(secret), Held(secret), {secret}, secret.encode()):
        assert "canary" not in str(redact({"value": value}))


def test_what_is_nested_too_deeply_is_left_out_instead_of_breaking_the_view() -> None:
    deep: Any = "Bearer abcdefghijklmnop"
    for _ in range(900):
        deep = {"a": [deep]}
    masked = redact(deep)
    depth = 0
    while isinstance(masked, dict | list):
        masked = masked["a"] if isinstance(masked, dict) else masked[0]
        depth += 1
    assert (masked, depth) == (TOO_DEEP, MAX_LEVELS)


HELD: dict[str, Any] = {
    "api_key": "canary",
    "password": 'canary "quoted" \\',
    "token": ["canary", {"a": "}canary"}],
    "credentials": {"user": "canary", "more": ["]"]},
    "session_id": 12345,
    "name": "Lea",
}
MASKED = {**dict.fromkeys(HELD, MASK), "name": "Lea"}


@pytest.mark.parametrize("indent", [None, 2])
def test_a_field_in_json_text_is_masked_as_one_outside(indent: int | None) -> None:
    assert redact(HELD) == MASKED
    masked = redact({"content": json.dumps(HELD, indent=indent)})
    assert json.loads(masked["content"]) == MASKED


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_field_in_json_text_within_json_text_is_masked(times: int) -> None:
    text: Any = HELD
    for _ in range(times):
        text = {"note": 'a "token"', "output": json.dumps(text), "after": "\\"}
    masked = json.loads(redact(json.dumps(text)))
    for _ in range(times):
        assert (masked["note"], masked["after"]) == ('a "token"', "\\")
        masked = json.loads(masked["output"])
    assert masked == MASKED


def test_a_field_in_json_between_words_is_masked() -> None:
    text = 'A 5" screen: {"token": "canary", "n": 1} [cut]'
    assert redact(text) == f'A 5" screen: {{"token": "{MASK}", "n": 1}} [cut]'


def test_nothing_is_told_of_a_secret_that_is_cut_off() -> None:
    text = json.dumps({"token": {"a": ["canary"]}, "password": "canary"})
    inner = json.dumps({"output": text})
    for whole in (text, inner):
        for end in range(len(whole)):
            assert "can" not in redact(whole[:end] + "\n[cut]")


@pytest.mark.parametrize(
    "text",
    [
        '{"password": "", "api_key": null, "secret": false, "token": 0, "cookie": [], "a": 1}',
        '{"note": "the token is", "input_tokens": 5}',
        'say "password" or "token"',
        '{"a": "{\\"token\\": \\"\\"}"}',
    ],
)
def test_text_without_a_secret_is_left_alone(text: str) -> None:
    assert redact(text) == text
