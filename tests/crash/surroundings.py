"""What stands around the server that is killed: its shops, a model, a webhook.

Owns making them; the model and the webhook outlive every server.
"""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass, field
from typing import Any

from tests.crash.journal import Journal
from tests.fakes.loopback_http import Exchange, SeenRequest
from tests.fakes.obedient_model import ObedientModel
from tests.fakes.ollama_server import FakeOllama, Say, Step
from tests.fakes.webhook_server import Reply, reply_json
from tests.http.clients import Operator, read_demo_key
from tests.http.running_server import RunningServer

DEMO_SHOP = "Bob's Pizza Shop"
MINDFUL_SHOP = "Model Webhook Shop"
"""Its webhook is said to do the work of one key once, so it may be called again."""
SLOWLY, VERY_SLOWLY = "slowly", "very slowly"
SLOW_S = 1.5
VERY_SLOW_S = 11.5
"""Longer than a running turn waits before it renews its lease."""

BOOKING_RULES = {
    "capacity_counts": "bookings",
    "capacity_per_slot": 1_000_000,
    "slot_minutes": 15,
    "max_days_ahead": 60,
    "opening_hours": dict.fromkeys(
        ("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "00:00-23:59"
    ),
}


@dataclass(frozen=True)
class Shop:
    """A tenant as its visitors need it."""

    name: str
    api_key: str
    has_model: bool = False


def open_shops(server: RunningServer, webhook_url: str) -> list[Shop]:
    """Make one shop for each way to answer and to book."""
    operator = Operator(server)
    demo_id = operator.find_tenant_id(DEMO_SHOP)
    in_workflow = {"workflow": "book_appointment", "custom_config": BOOKING_RULES}
    operator.use_tool(demo_id, "book_appointment", **in_workflow)
    by_webhook = {"executor": "n8n_webhook", "webhook_url": webhook_url}
    shops = [Shop(DEMO_SHOP, read_demo_key(server))]
    for name, has_model, booking in (
        ("Model Shop", True, in_workflow),
        ("Webhook Shop", False, by_webhook),
        (MINDFUL_SHOP, True, {**by_webhook, "custom_config": {"idempotent": True}}),
    ):
        made = operator.make_shop(name, llm={"provider": "ollama"} if has_model else {})
        operator.use_tool(made.id, "book_appointment", **booking)
        operator.use_tool(made.id, "get_order_status", workflow="get_order_status")
        shops.append(Shop(name, made.api_key, has_model))
    operator.http.close()
    return shops


def answer_obediently(body: dict[str, Any]) -> Step:
    """Do the obvious, for a number of tokens that depends on what was said."""
    text, calls = ObedientModel().answer(body["messages"], body.get("tools") or [])
    seed = zlib.crc32(body["messages"][-1]["content"].encode())
    return Say(text=text, calls=calls, input_tokens=1 + seed % 97, output_tokens=1 + seed % 31)


@dataclass
class UnhurriedModel(FakeOllama):
    """An Ollama that takes its time when it is asked to, once for each message."""

    _seen: set[str] = field(default_factory=set)

    async def _perform(self, exchange: Exchange, body: Any, step: Step) -> None:
        asked = next((m.content for m in reversed(body.messages) if m.role == "user"), "")
        is_answer = isinstance(step, Say) and not step.calls
        if SLOWLY in asked and is_answer and asked not in self._seen:
            self._seen.add(asked)
            await asyncio.sleep(VERY_SLOW_S if VERY_SLOWLY in asked else SLOW_S)
        self.chats.clear()
        self.requests.clear()
        await super()._perform(exchange, body, step)


def book_by_webhook(journal: Journal, request: SeenRequest) -> Reply:
    """Book once for each key, and note the call."""
    call = request.json()
    journal.webhook_calls.setdefault(call["name"], []).append(request.headers["idempotency-key"])
    reference = f"H-{zlib.crc32(request.headers['idempotency-key'].encode()):08X}"
    return reply_json({"success": True, "message": "Booked.", "reference": reference})
