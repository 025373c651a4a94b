"""Shops for the measurements, made over the appliance's own HTTP contract.

Owns signing in, the demo shop's key and building tenants with many answers and tools.
"""

from __future__ import annotations

import http.client
import itertools
import re
from typing import Any

import msgspec

from tests.bench.load_jobs import Question
from tests.bench.processes import ADMIN_PASSWORD, ApplianceChild, BenchFailure

DEMO_KEY = re.compile(rb'data-api-key="(pk_[^"]+)"')
TIMEOUT_S = 30.0
QUALITIES = (
    "amber", "antique", "blue", "bronze", "carved", "ceramic", "cherry", "copper", "cotton",
    "crystal", "folding", "frosted", "gilded", "glazed", "golden", "green", "hand-blown", "ivory",
    "knitted", "lacquered", "leather", "linen", "marble", "matte", "mossy", "oak", "olive",
    "painted", "pearl", "pine", "polished", "purple", "quilted", "red", "rustic", "sandstone",
    "satin", "scarlet", "silver", "slate", "striped", "velvet", "walnut", "white", "woven",
)  # fmt: skip
THINGS = (
    "anvils", "baskets", "bells", "benches", "blankets", "bottles", "bowls", "brooms", "buckets",
    "candles", "carpets", "chairs", "clocks", "cradles", "cups", "curtains", "desks", "drums",
    "easels", "fences", "flutes", "frames", "hammocks", "jugs", "kettles", "kites", "ladders",
    "lamps", "lanterns", "masks", "mirrors", "ovens", "pillows", "plates", "ropes", "saddles",
    "sandals", "shelves", "spoons", "stools", "tents", "trays", "umbrellas", "vases", "wheels",
)  # fmt: skip


class Admin:
    """The operator, signed in."""

    def __init__(self, server: ApplianceChild) -> None:
        self._port = server.admin_port
        self._token = ""
        login = {"username": "admin", "password": ADMIN_PASSWORD}
        self._token = self.send("POST", "/login", login)["access_token"]

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """Return the answer's JSON.

        Raises:
            BenchFailure: The appliance refused.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_S)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        content = None if body is None else msgspec.json.encode(body)
        try:
            connection.request(method, f"/api/admin{path}", content, headers)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status not in (200, 201, 204):
            raise BenchFailure(f"{method} {path}: {response.status} {answer[:500]!r}")
        return msgspec.json.decode(answer) if answer else None


def find_demo_key(server: ApplianceChild) -> str:
    """Return the demo shop's key, from its page as a browser gets it."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/demo")
        found = DEMO_KEY.search(connection.getresponse().read())
    finally:
        connection.close()
    if found is None:
        raise BenchFailure("The demo page holds no key.")
    return found[1].decode()


def add_webhook_shop(admin: Admin, webhook_url: str) -> str:
    """Add a shop whose bundled order tool is run by a webhook; return its key."""
    tenant = admin.send("POST", "/tenants", {"name": "Webhook Shop"})
    tools = admin.send("GET", "/tools?limit=200")["items"]
    tool = next(tool for tool in tools if tool["tool_name"] == "get_order_status")
    choice = {"enabled": True, "executor": "n8n_webhook", "webhook_url": webhook_url}
    admin.send("PUT", f"/tenants/{tenant['id']}/tools/{tool['id']}", choice)
    return tenant["api_key"]


def add_faq_shop(
    admin: Admin, *, faqs: int, tools: int, webhook_url: str
) -> tuple[str, list[Question]]:
    """Add a shop with that many FAQ entries and tools.

    Returns:
        Its key, and a question for each entry with a text that only its answer contains.
    """
    pairs = list(itertools.islice(itertools.product(QUALITIES, THINGS), faqs))
    if len(pairs) < faqs:
        raise ValueError(f"at most {len(pairs)} different entries, not {faqs!r}")
    questions = [
        Question(f"How do I look after {quality} {thing}?", f"leaflet L{number:05}.")
        for number, (quality, thing) in enumerate(pairs)
    ]
    entries = [
        {"question": question.text, "answer": f"See {question.expected}"} for question in questions
    ]
    new = {"name": f"Shop of {faqs}", "business_info": {"faqs": entries}}
    tenant = admin.send("POST", "/tenants", new)
    for number in range(tools):
        tool = admin.send("POST", "/tools", _build_tool(f"{faqs}_{number}", number))
        choice = {"enabled": True, "executor": "n8n_webhook", "webhook_url": webhook_url}
        admin.send("PUT", f"/tenants/{tenant['id']}/tools/{tool['id']}", choice)
    return tenant["api_key"], questions


def _build_tool(suffix: str, number: int) -> dict[str, Any]:
    subject = f"{QUALITIES[number % len(QUALITIES)]} workshop {number}"
    return {
        "tool_name": f"reserve_{suffix}",
        "description": f"Reserve a seat in the {subject} for a visitor on a day.",
        "parameters_schema": {
            "type": "object",
            "additionalProperties": False,
            "required": ["day"],
            "properties": {
                "day": {"type": "string", "format": "date", "title": "Day"},
                "seats": {"type": "integer", "minimum": 1, "maximum": 9, "title": "Seats"},
            },
        },
        "examples": [f"Reserve a seat in the {subject}", f"I want to join the {subject}"],
    }
