from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from appliance.errors import (
    ApplianceError,
    AuthFailed,
    ContextWindowExceeded,
    Rejected,
    Unavailable,
)
from appliance.providers.openai_compatible.failures import translate_error
from appliance.providers.openai_compatible.server import Server, ServerError

UPSTREAM = "secret words of the upstream"


def translate(
    status: int, text: str, *, api_key: str | None = "sk-12345678", **fields: Any
) -> ApplianceError:
    server = Server("http://127.0.0.1:8000/v1", api_key, connect_timeout_s=1)
    return translate_error(ServerError(status, text, **fields), model="m", server=server)


@pytest.mark.parametrize(
    ("status", "text", "kind", "code"),
    [
        (401, "", AuthFailed, None),
        (403, "", AuthFailed, None),
        (402, "Insufficient Balance", Rejected, "spend_limit_reached"),
        (429, "You exceeded your current quota", Rejected, "spend_limit_reached"),
        (429, "Rate limit reached", Unavailable, "rate_limited"),
        (404, "The model `m` does not exist", Rejected, "model_not_found"),
        (404, "model 'm' not found", Rejected, "model_not_found"),
        (400, "No models loaded. Please load a model", Rejected, "model_not_found"),
        (404, "Not Found", Rejected, "address_not_found"),
        (405, "Method Not Allowed", Rejected, "address_not_found"),
        (308, "", Rejected, "address_not_found"),
        (400, "This model's maximum context length is 4096 tokens", ContextWindowExceeded, None),
        (400, "the request exceeds the available context size", ContextWindowExceeded, None),
        (500, "the request exceeds the available context size", ContextWindowExceeded, None),
        (413, "Request too large", ContextWindowExceeded, None),
        (408, "", Unavailable, "overloaded"),
        (503, "Loading model", Unavailable, "overloaded"),
        (500, "CUDA error", Unavailable, "model_failed"),
        (502, "", Unavailable, "model_failed"),
        (529, "overloaded", Unavailable, "model_failed"),
        (400, "invalid sampling", Rejected, "upstream_rejected"),
        (422, "invalid sampling", Rejected, "upstream_rejected"),
    ],
)
def test_an_error_says_who_can_act(
    status: int, text: str, kind: type[ApplianceError], code: str | None
) -> None:
    error = translate(status, f"{text} {UPSTREAM}")
    assert type(error) is kind
    assert code in (None, error.code)
    assert UPSTREAM not in error.message


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "context_length_exceeded", ContextWindowExceeded),
        (400, "400 exceed_context_size_error", ContextWindowExceeded),
        (429, "insufficient_quota", Rejected),
        (404, "model_not_found", Rejected),
    ],
)
def test_a_code_counts_like_words(status: int, code: str, expected: type[ApplianceError]) -> None:
    assert isinstance(translate(status, "", code=code), expected)


def test_a_server_that_asks_for_a_key_is_told_from_one_that_refused_it() -> None:
    assert "refused the key" in translate(401, "").message
    assert "asks for a key" in translate(401, "", api_key=None).message


@pytest.mark.parametrize("status", [429, 500, 503])
def test_when_to_come_back_is_kept(status: int) -> None:
    error = translate(status, "", retry_after_s=7.0)
    assert isinstance(error, Unavailable)
    assert error.retry_after_s == 7.0


def test_the_server_s_own_words_are_for_the_log() -> None:
    with capture_logs() as logs:
        translate(400, UPSTREAM)
    assert [entry["text"] for entry in logs] == [UPSTREAM]
