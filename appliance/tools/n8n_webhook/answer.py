"""A webhook's answer as a tool result, or as a sentence on why there is none.

Owns what content types mean and what the operator is told of a failure; when to ask again is
decided by ``egress.retries``. A sentence never holds what the other side wrote.
"""

from __future__ import annotations

from email.message import Message

import msgspec

from appliance.domain.json_types import BROKEN_JSON, MAX_NESTING, JsonValue, is_deeper
from appliance.domain.tool_failures import FailureKind
from appliance.domain.whole_characters import join_halves
from appliance.ports.outbound_http import OutboundResponse
from appliance.tools.call_form import read_error_status, unwrap_items

TEST_PATH = "/webhook-test/"
PAGE_STARTS = ("<!doctype html", "<html")
NO_TEXT = (
    "The tool answered with bytes that are no text. "
    "The operator should let its workflow answer with JSON or text."
)
TOO_DEEP = (
    f"The tool answered with JSON that is nested more than {MAX_NESTING} levels deep. "
    "The operator should let its workflow answer with less."
)


class UnusableAnswer(ValueError):
    """The tool gave no result; the text is the sentence for the operator.

    ``said`` is what the shop's system tells people about it.
    """

    def __init__(
        self, sentence: str, failure: FailureKind = "unknown", said: str | None = None
    ) -> None:
        super().__init__(sentence)
        self.failure = failure
        self.said = said


def read_result(response: OutboundResponse, *, url: str) -> JsonValue:
    """Return the result in a successful answer: JSON, or text; ``None`` for an empty body.

    Raises:
        UnusableAnswer: It failed, or is neither.
    """
    if not 200 <= response.status < 300:
        failure, said = read_error_status(response.status, _read_json(response.body))
        sentence = (
            f"The tool declined ({response.status}) and told the visitor why."
            if said
            else describe_failure(response.status, url=url)
        )
        raise UnusableAnswer(sentence, failure, said)
    kind, charset = read_content_type(response.headers.get("content-type", ""))
    if not response.body.strip():
        return None
    if kind == "application/json" or kind.endswith("+json"):
        try:
            return _unwrap(msgspec.json.decode(response.body))
        except RecursionError as exc:
            raise UnusableAnswer(TOO_DEEP) from exc
        except BROKEN_JSON as exc:
            raise UnusableAnswer(
                "The tool answered with broken JSON. The operator should check its workflow."
            ) from exc
    if kind and not kind.startswith("text/"):
        raise UnusableAnswer(
            f"The tool answered with a file ({kind}), which cannot be shown. "
            "The operator should let its workflow answer with JSON or text."
        )
    return _read_text(response.body, charset)


def _read_json(body: bytes) -> JsonValue:
    """Return what an answer with an error status holds, whatever it calls itself."""
    try:
        value: JsonValue = msgspec.json.decode(body)
    except BROKEN_JSON:
        return None
    return value


def _read_text(body: bytes, charset: str) -> JsonValue:
    try:
        text = join_halves(body.decode(charset).strip())
    except (UnicodeDecodeError, LookupError) as exc:
        raise UnusableAnswer(NO_TEXT) from exc
    if "\0" in text:
        raise UnusableAnswer(NO_TEXT)
    if text.lower().startswith(PAGE_STARTS):
        raise UnusableAnswer(
            "The tool's address answered with a web page. The operator should check the address."
        )
    if text.startswith(("{", "[")):
        try:
            return _unwrap(msgspec.json.decode(text))
        except msgspec.DecodeError:
            return text
        except RecursionError as exc:
            raise UnusableAnswer(TOO_DEEP) from exc
    return text


def _unwrap(value: JsonValue) -> JsonValue:
    if is_deeper(value, MAX_NESTING):
        raise UnusableAnswer(TOO_DEEP)
    return unwrap_items(value)


def read_content_type(header: str) -> tuple[str, str]:
    """Return the media type in lower case, empty if absent, and the charset."""
    if not header.strip():
        return "", "utf-8"
    message = Message()
    message["content-type"] = header
    return message.get_content_type(), message.get_content_charset() or "utf-8"


def describe_failure(status: int, *, url: str) -> str:
    """Return who should do what about an answer with this status."""
    if status == 404 and TEST_PATH in url:
        return (
            "Nothing listens at the tool's test address (404). The operator should use the "
            "workflow's production address; the test address works only while n8n's editor waits."
        )
    if status == 404:
        return (
            "No workflow listens at the tool's address (404). "
            "The operator should publish (activate) the workflow in n8n, or correct the address."
        )
    if status in (401, 403):
        return (
            f"The tool refused the call ({status}). "
            "The operator should check the webhook's authentication."
        )
    if status in (400, 405, 422):
        return (
            f"The tool did not accept the call ({status}). The operator should compare the "
            "workflow's webhook (method POST, expected fields) with the tool's parameters."
        )
    if 300 <= status < 400:
        return (
            f"The tool's address redirects elsewhere ({status}). "
            "The operator should enter the final address."
        )
    if status in (429, 502, 503, 504):
        return f"The tool is overloaded or down ({status}). It may work later."
    if status >= 500:
        return (
            f"The tool failed while running ({status}). "
            "The operator finds the reason in n8n under Executions."
        )
    return f"The tool answered with the unexpected status {status}."
