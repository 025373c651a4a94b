"""What Anthropic's API refuses, as its documentation and its error messages state it.

Owns the checks of a request's body; serving and what is said are left to ``anthropic_server``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

CHARS_PER_TOKEN = 4
MAX_BREAKPOINTS = 4
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
CALL_ID = re.compile(r"[a-zA-Z0-9_-]+")
PROPERTY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")


@dataclass(frozen=True)
class FakeModel:
    """A model of the account."""

    name: str = "claude-haiku-5-5"
    context_length: int = 1_000_000
    max_tokens: int = 128_000
    knows_effort: bool = True


class Refused(Exception):
    """The request is refused; ``status`` and ``kind`` as the vendor gives them."""

    def __init__(self, text: str, *, status: int = 400, kind: str = "invalid_request_error"):
        super().__init__(text)
        self.status = status
        self.kind = kind


class _Strict(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Extra inputs are not permitted."""


class _CacheControl(_Strict, tag_field="type", tag="ephemeral"):
    ttl: str = "5m"


class _Text(_Strict, tag_field="type", tag="text"):
    text: str
    cache_control: _CacheControl | None = None


class _ToolUse(_Strict, tag_field="type", tag="tool_use"):
    id: str
    name: str
    input: dict[str, Any]
    cache_control: _CacheControl | None = None


class _ToolResult(_Strict, tag_field="type", tag="tool_result"):
    tool_use_id: str
    content: str | list[_Text] = ""
    is_error: bool = False
    cache_control: _CacheControl | None = None


class _Thinking(_Strict, tag_field="type", tag="thinking"):
    thinking: str
    signature: str


class _Redacted(_Strict, tag_field="type", tag="redacted_thinking"):
    data: str


_Block = _Text | _ToolUse | _ToolResult | _Thinking | _Redacted


class _Message(_Strict):
    role: str
    content: str | list[_Block]

    @property
    def blocks(self) -> list[_Block]:
        return [_Text(text=self.content)] if isinstance(self.content, str) else self.content

    def ids(self, kind: type[_ToolUse] | type[_ToolResult]) -> list[str]:
        found = (block for block in self.blocks if isinstance(block, kind))
        return [b.id if isinstance(b, _ToolUse) else b.tool_use_id for b in found]


class _Tool(_Strict):
    name: str
    input_schema: dict[str, Any]
    description: str = ""
    cache_control: _CacheControl | None = None


class _ToolChoice(_Strict):
    type: str
    disable_parallel_tool_use: bool = False


class _OutputConfig(_Strict):
    effort: str | None = None


class _Thinks(_Strict):
    type: str
    display: str | None = None


class Body(_Strict):
    """The fields of a request that these models take; sampling is not among them."""

    model: str
    max_tokens: int
    messages: list[_Message]
    system: str | list[_Text] = ""
    tools: list[_Tool] = []
    tool_choice: _ToolChoice | None = None
    output_config: _OutputConfig | None = None
    thinking: _Thinks | None = None
    stream: bool = False


@dataclass
class Rules:
    """Checks requests to ``models``; remembers the thinking it signed."""

    models: Sequence[FakeModel]
    _signed: dict[str, str] = field(default_factory=dict)

    def check(self, content: bytes) -> Body:
        """Return the request.

        Raises:
            Refused: The API would not take it.
        """
        try:
            body = msgspec.json.decode(content, type=Body)
        except msgspec.DecodeError as exc:
            raise Refused(str(exc)) from exc
        model = next((model for model in self.models if model.name == body.model), None)
        if model is None:
            raise Refused(f"model: {body.model}", status=404, kind="not_found_error")
        _check_options(body, model)
        _check_tools(body.tools)
        _check_texts(body)
        _check_turns(body.messages)
        self._check_thinking(body)
        tokens = len(content) // CHARS_PER_TOKEN
        if tokens > model.context_length:
            raise Refused(f"prompt is too long: {tokens} tokens > {model.context_length} maximum")
        return body

    def sign(self, body: Body, thinking: str) -> str:
        """Return the signature of what ``body``'s model thinks behind the request's last turn."""
        signature = _seal(body, body.messages)
        self._signed[signature] = thinking
        return signature

    def _check_thinking(self, body: Body) -> None:
        for position, message in enumerate(body.messages):
            for block in message.blocks:
                if not isinstance(block, _Thinking):
                    continue
                where = f"messages.{position}.content.0"
                if self._signed.get(block.signature) != block.thinking:
                    raise Refused(f"{where}: Invalid `signature` in `thinking` block")
                if block.signature != _seal(body, body.messages[:position]):
                    raise Refused(f"{where}: what precedes this `thinking` block has changed")


def _seal(body: Body, messages: Sequence[_Message]) -> str:
    before = msgspec.json.encode([body.model, body.system, body.tools, messages])
    return hashlib.sha256(before).hexdigest()


def _check_options(body: Body, model: FakeModel) -> None:
    if not 0 < body.max_tokens <= model.max_tokens:
        raise Refused(f"max_tokens: {body.max_tokens} > {model.max_tokens}")
    if body.tool_choice is not None:
        if not body.tools:
            raise Refused("tool_choice may only be specified while providing tools")
        if body.tool_choice.type not in ("auto", "none"):
            raise Refused("tool_choice: forced tool use is not supported on this model")
    if body.thinking is not None and body.thinking.type != "adaptive":
        raise Refused(f"thinking.type: {body.thinking.type!r} is not supported on this model")
    effort = body.output_config.effort if body.output_config else None
    if effort is not None:
        if not model.knows_effort:
            raise Refused("This model does not support the effort parameter.")
        if effort not in ("low", "medium", "high", "xhigh", "max"):
            raise Refused("output_config.effort: Input should be 'low', 'medium' or 'high'")


def _check_tools(tools: Sequence[_Tool]) -> None:
    names = [tool.name for tool in tools]
    if len(set(names)) < len(names):
        raise Refused("tools: Tool names must be unique.")
    for position, tool in enumerate(tools):
        where = f"tools.{position}.custom"
        if not TOOL_NAME.fullmatch(tool.name):
            raise Refused(f"{where}.name: String should match pattern")
        schema = tool.input_schema
        if schema.get("type") != "object":
            raise Refused(f"{where}.input_schema.type: Input should be 'object'")
        if schema.keys() & {"oneOf", "allOf", "anyOf"}:
            raise Refused(f"{where}.input_schema: no oneOf, allOf, or anyOf at the top level")
        if not all(PROPERTY.fullmatch(name) for name in schema.get("properties", {})):
            raise Refused(f"{where}.input_schema.properties: keys should match pattern")


def _check_texts(body: Body) -> None:
    system = body.system if isinstance(body.system, list) else []
    texts = [block for block in _all_blocks(body) if isinstance(block, _Text)]
    for block in [*system, *texts]:
        if not block.text:
            raise Refused("text content blocks must be non-empty")
        if not block.text.strip():
            raise Refused("text content blocks must contain non-whitespace text")
    marked = [*body.tools, *system, *_all_blocks(body)]
    breakpoints = sum(getattr(block, "cache_control", None) is not None for block in marked)
    if breakpoints > MAX_BREAKPOINTS:
        raise Refused("A maximum of 4 blocks with cache_control may be provided.")


def _all_blocks(body: Body) -> Iterator[_Block]:
    for message in body.messages:
        yield from message.blocks


def _check_turns(messages: Sequence[_Message]) -> None:
    if not messages:
        raise Refused("messages: at least one message is required")
    if messages[0].role != "user":
        raise Refused("messages: first message must use the user role")
    if messages[-1].role == "assistant":
        raise Refused("This model does not support assistant message prefill.")
    seen: set[str] = set()
    asked: list[str] = []
    for position, message in enumerate(messages):
        where = f"messages.{position}"
        if message.role not in ("user", "assistant"):
            raise Refused(f"{where}.role: Input should be 'user' or 'assistant'")
        if not message.blocks:
            raise Refused(f"{where}: all messages must have non-empty content")
        _check_results(message, asked, where)
        asked = message.ids(_ToolUse)
        for call_id in asked:
            if message.role != "assistant" or not CALL_ID.fullmatch(call_id):
                raise Refused(f"{where}: `tool_use` is not possible here")
            if call_id in seen:
                raise Refused(f"{where}: `tool_use` ids must be unique")
            seen.add(call_id)


def _check_results(message: _Message, asked: Sequence[str], where: str) -> None:
    answered = message.ids(_ToolResult)
    if answered and message.role != "user":
        raise Refused(f"{where}: `tool_result` blocks can only be in `user` messages")
    if unknown := set(answered) - set(asked):
        raise Refused(
            f"{where}: unexpected `tool_use_id` found in `tool_result` blocks: {sorted(unknown)}"
        )
    if missing := set(asked) - set(answered):
        raise Refused(
            f"{where}: `tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{sorted(missing)}"
        )
    if len(set(answered)) < len(answered):
        raise Refused(f"{where}: each tool_use must have a single result")
    first = [isinstance(block, _ToolResult) for block in message.blocks[: len(answered)]]
    if not all(first):
        raise Refused(f"{where}: `tool_result` blocks must come first")


def dump(value: Any) -> str:
    """Return ``value`` as the API writes JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
