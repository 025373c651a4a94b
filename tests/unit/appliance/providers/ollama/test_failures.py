from __future__ import annotations

import pytest

from appliance.errors import (
    ApplianceError,
    AuthFailed,
    ContextWindowExceeded,
    Rejected,
    Unavailable,
)
from appliance.providers.ollama.failures import (
    cannot_hold_format,
    cannot_think,
    lacks_native_tools,
    translate_error,
)
from appliance.providers.ollama.http import OllamaError

UPSTREAM = "secret words of the upstream"


@pytest.mark.parametrize(
    ("status", "text", "kind", "code"),
    [
        (404, "model 'm' not found", Rejected, "model_not_found"),
        (400, "the input length exceeds the context length", ContextWindowExceeded, None),
        (500, "prompt exceeds the available context size", ContextWindowExceeded, None),
        (503, "server busy, please try again", Unavailable, "overloaded"),
        (429, "", Unavailable, "rate_limited"),
        (500, "llama runner process has terminated", Unavailable, "model_failed"),
        (502, "", Unavailable, "model_failed"),
        (401, "", AuthFailed, None),
        (403, "", AuthFailed, None),
        (400, "invalid options", Rejected, "upstream_rejected"),
    ],
)
def test_an_error_says_who_can_act(
    status: int, text: str, kind: type[ApplianceError], code: str | None
) -> None:
    error = translate_error(
        OllamaError(status, f"{text} {UPSTREAM}"), model="m", base_url="http://127.0.0.1:11434"
    )
    assert type(error) is kind
    assert code in (None, error.code)
    assert UPSTREAM not in error.message


def test_a_missing_model_comes_with_its_remedy() -> None:
    error = translate_error(
        OllamaError(404, "model 'qwen3' not found"), model="qwen3", base_url="u"
    )
    assert "`ollama pull qwen3`" in error.message


def test_a_busy_server_says_when_to_come_back() -> None:
    error = translate_error(OllamaError(503, "", retry_after_s=7.0), model="m", base_url="u")
    assert isinstance(error, Unavailable)
    assert error.retry_after_s == 7.0


def test_what_a_model_lacks_is_told_apart() -> None:
    tools = OllamaError(400, "registry.ollama.ai/library/m does not support tools")
    thinking = OllamaError(400, '"m" does not support thinking')
    assert (lacks_native_tools(tools), cannot_think(tools)) == (True, False)
    assert (lacks_native_tools(thinking), cannot_think(thinking)) == (False, True)
    assert not lacks_native_tools(OllamaError(500, "does not support tools"))


@pytest.mark.parametrize(
    ("status", "text", "refuses"),
    [
        (400, "json: cannot unmarshal object into Go struct field ChatRequest.format", True),
        (400, "invalid JSON schema in format", True),
        (500, "failed to load model vocabulary required for format", True),
        (500, "failed to parse grammar", True),
        (500, "llama runner process has terminated", False),
        (404, "model 'format' not found", False),
    ],
)
def test_a_refused_schema_is_recognised(status: int, text: str, refuses: bool) -> None:
    assert cannot_hold_format(OllamaError(status, text)) is refuses
