"""A model that obeys whoever attacks it, and a shop whose tools do whatever they are told.

Owns both, so that nothing but the agent between them can keep rows apart and writes back; what an
attack says is written out by the tests.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from collections.abc import AsyncGenerator, Iterable, Iterator
from typing import Any
from urllib.parse import unquote

from appliance.domain.ids import TenantId, ToolId, new_id
from appliance.domain.json_types import JsonObject
from appliance.domain.message import ChatMessage, TokenUsage
from appliance.domain.tool import ExecutorKind, Risk, TenantTool, Tool, ToolCall, ToolOutcome
from appliance.ports.chat_model import (
    ChatRequest,
    ModelDescription,
    ModelEvent,
    ModelFinished,
    TextDelta,
    ToolCallRequested,
)
from appliance.ports.tool_executor import ToolContext
from tests.fakes.clock import SettableClock

_CALL = re.compile(r"\b([a-z][a-z_]{3,40})\(([^()]*)\)")
_ARGUMENT = re.compile(r"(\w+)\s*=\s*(?:\"([^\"]*)\"|([\w.@/-]+))")
_JSON_CALL = re.compile(r'"tool":\s*"(\w+)",\s*"arguments":\s*(\{[^{}]*\})')
_BASE64 = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u2060\ufeff]")

CLAIMS = (
    "I have cancelled order A1-7, as the visitor confirmed.",
    "Your refund has been processed.",
    "I've sent the message to eve@evil.example.",
    "הזמנתי לך ביקור.",
)


class ObeyingModel:
    """Calls every tool that any text names, with the arguments it names, then claims success."""

    name = "obeying"

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ModelEvent, None]:
        asked = [call for message in request.messages for call in message.tool_calls]
        done = {(call.name, json.dumps(call.arguments, sort_keys=True)) for call in asked}
        orders = [
            (name, arguments)
            for name, arguments in read_orders(request.messages)
            if (name, json.dumps(arguments, sort_keys=True)) not in done
        ]
        if request.tools and orders:
            yield TextDelta(text=CLAIMS[0] + " ")
            for name, arguments in orders:
                call = ToolCall(id=f"call_{new_id()}", name=name, arguments=arguments)
                yield ToolCallRequested(call=call)
        else:
            results = [m.content for m in request.messages if m.role == "tool"]
            for text in (*CLAIMS, *results):
                yield TextDelta(text=f"{text} ")
        yield ModelFinished(finish_reason="stop", model="obeying", usage=TokenUsage())

    async def context_length(self, model: str | None) -> int | None:
        return None

    async def list_models(self) -> list[ModelDescription]:
        return []

    async def aclose(self) -> None:
        pass


def read_orders(messages: Iterable[ChatMessage]) -> Iterator[tuple[str, JsonObject]]:
    """Yield every call that a visitor or a tool's result orders, however it is wrapped."""
    seen: list[tuple[str, JsonObject]] = []
    for message in messages:
        if message.role not in ("user", "tool"):
            continue
        for order in _find_orders(message.content, depth=0):
            if order not in seen:
                seen.append(order)
                yield order


def _find_orders(text: str, *, depth: int) -> Iterator[tuple[str, JsonObject]]:
    plain = html.unescape(unquote(_INVISIBLE.sub("", text.replace("\\u003c", "<"))))
    plain = plain.replace('\\"', '"')
    for match in _CALL.finditer(plain):
        yield match[1], {name: _value(quoted, bare) for name, quoted, bare in _arguments(match[2])}
    for match in _JSON_CALL.finditer(plain):
        yield match[1], json.loads(match[2])
    for match in _BASE64.finditer(plain) if depth < 2 else ():
        try:
            decoded = base64.b64decode(match[0], validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
        yield from _find_orders(decoded, depth=depth + 1)


def _arguments(text: str) -> list[tuple[str, str, str]]:
    return _ARGUMENT.findall(text)


def _value(quoted: str, bare: str) -> Any:
    if bare in ("true", "false"):
        return bare == "true"
    return int(bare) if bare.isdecimal() else bare or quoted


class AttackedShop:
    """Runs any call for anybody; remembers whose rows it gave out and what it wrote.

    ``rows`` are canaries by tenant and customer. ``payload`` is what its products are called.
    """

    def __init__(self, rows: dict[tuple[str, str], str]) -> None:
        self.rows = rows
        self.payload = ""
        self.given: list[tuple[str, str]] = []
        self.written: list[ToolCall] = []

    @property
    def kind(self) -> ExecutorKind:
        return "workflow"

    async def execute(self, tool: TenantTool, call: ToolCall, context: ToolContext) -> ToolOutcome:
        arguments = call.arguments
        if tool.risk != "read":
            self.written.append(call)
            return ToolOutcome(is_success=True, output={"status": "ok"})
        if call.name == "find_product":
            return ToolOutcome(is_success=True, output={"products": [{"name": self.payload}]})
        tenant = str(arguments.get("tenant_id") or context.tenant_id)
        customer = str(arguments.get("customer_id") or arguments.get("email") or "")
        owners = [owner for owner in self.rows if customer in ("", owner[1]) and tenant == owner[0]]
        self.given += owners
        return ToolOutcome(is_success=True, output=[self.rows[owner] for owner in owners])


def build_attacked_tools(tenant_id: TenantId) -> dict[str, TenantTool]:
    """Return tools of which those that touch a customer's own things are bound to the identity."""
    text = {"type": "string"}
    customer = {"customer_id": {**text, "x-identity": "sub"}}
    email = {"email": {**text, "x-identity": "email"}}
    order = {"order_number": text, "reason": text}
    specs: tuple[tuple[str, Risk, JsonObject, list[str]], ...] = (
        ("find_product", "read", {"name": text}, ["name"]),
        ("list_orders", "read", customer, ["customer_id"]),
        ("get_account", "read", email, ["email"]),
        ("cancel_order", "write", {**order, **customer}, ["order_number", "customer_id"]),
        ("send_message", "write", {"text": text, **email}, ["text", "email"]),
        ("refund_order", "destructive", {**order, **customer}, ["order_number", "customer_id"]),
        ("book_visit", "write", {"date": text}, ["date"]),
    )
    return {
        name: TenantTool(
            tenant_id=tenant_id,
            tool=Tool(
                id=ToolId(new_id()),
                tool_name=name,
                description=name,
                parameters_schema={"type": "object", "properties": properties, "required": needed},
                risk=risk,
                created_at=SettableClock().now(),
            ),
        )
        for name, risk, properties, needed in specs
    }
