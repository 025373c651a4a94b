"""The demo shop's conversations, answered by embedded workflows and by a real n8n.

Owns what is said and how two answers are compared; running n8n is left to ``n8n_server``. The
workflows get into n8n, and the tools to them, as an operator does it: by the admin side's routes.
"""

from __future__ import annotations

import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from appliance.workflows.bundled import load_data_tables, load_demo_rows
from tests.http.clients import Operator, Visitor, read_demo_key
from tests.http.running_server import RunningServer
from tests.workflows.n8n_server import N8nServer

BUNDLED = Path(__file__).parents[2] / "bundled-workflows"
SHOP = "Bob's Pizza Shop"
CONVERSATIONS = (
    ("Where is my order 12345?", "And order 12320?", "status of order #12302"),
    ("איפה ההזמנה שלי 12345?",),
    ("Where is my order 99999?",),
    ("Where is my order?", "12346"),
    ("Do you have pepperoni pizza?", "Do you have BBQ chicken pizza?"),
    ("Do you have anything with truffles?",),
    ("book a table for 4 people tomorrow at 19:00", "Rina Barak", "Yes, go ahead"),
    ("book a table for 4 people tomorrow at 04:00", "Rina Barak", "Yes, go ahead"),
    ("book a table for 2 people tomorrow at 18:00", "Rina Barak", "No, thanks"),
    ("When are you open?",),
    ("do you deliver to E1 6AN?", "do you deliver to 75001?"),
    ("what times are free tomorrow?",),
    (
        "I want to order a margherita pizza", "2", "Rina Barak", "020 7946 0199",
        "12 Market Street, London E1 6AN", "Yes, go ahead",
    ),
    ("I want to order pizza", "1", "Rina Barak", "020 7946 0199", "pickup", "Yes, go ahead",
     "Calzone", "Yes, go ahead"),
    ("move my booking B-DEMO4C9 to tomorrow at 14:00", "Yes, go ahead"),
    ("please cancel my reservation B-DEMO4C9", "Yes, go ahead"),
    ("please cancel my reservation B-DEMO4C9", "Yes, go ahead"),
    ("I want to return order 12320", "It was cold", "lucas@example.com", "Yes, go ahead"),
    ("I want to be called back", "Ida Noy", "020 7946 0199", "Yes, go ahead"),
    (
        "I want to open a support ticket", "The box was open", "Ida Noy", "ida@example.com",
        "Yes, go ahead",
    ),
)  # fmt: skip
_REFERENCE = re.compile(r"\b(?:[A-Z]{1,3}-[A-Z0-9]{7}|W\d{6})\b")


def compare_conversations(n8n: N8nServer) -> list[str]:
    """Return where the conversations with n8n differ from those without.

    Raises:
        AssertionError: A tool could not be set to n8n, or a call did not go there.
    """
    settings = {"CSAI_N8N_URL": n8n.base_url, "CSAI_N8N_API_KEY": n8n.api_key}
    with (
        tempfile.TemporaryDirectory(prefix="n8n-talks-") as folder,
        RunningServer(Path(folder), settings=settings) as server,
    ):
        server.expect("tool_failed")
        operator = Operator(server)
        tenant_id = operator.find_tenant_id(SHOP)
        embedded = talk(server)
        before = list_sent(operator, tenant_id)
        hand_over(operator, n8n, tenant_id)
        answered = talk(server)
        sent = list_sent(operator, tenant_id)
        operator.http.close()
    assert before, "No tool was called."
    assert len(sent) == 2 * len(before), "The tools were not called as often."
    said = [text for conversation in CONVERSATIONS for text in conversation]
    return [
        f"{text!r}\n  embedded {ours}\n  n8n      {theirs}"
        for text, ours, theirs in zip(said, embedded, answered, strict=True)
        if ours != theirs
    ]


def talk(server: RunningServer) -> list[dict[str, Any]]:
    """Hold every conversation and return what a visitor is told, message by message."""
    told = []
    for conversation in CONVERSATIONS:
        visitor = Visitor(server, read_demo_key(server))
        for text in conversation:
            reply = visitor.ask(text)
            told.append(
                {
                    "content": _REFERENCE.sub("<reference>", reply["message"]["content"]),
                    "quick_replies": reply["message"]["quick_replies"],
                    "tools": [(tool["name"], tool["status"]) for tool in reply["tools"]],
                    "escalated": reply["escalated"],
                }
            )
        visitor.http.close()
    return told


def list_sent(operator: Operator, tenant_id: str) -> list[dict[str, Any]]:
    """Return the executed calls."""
    found: list[dict[str, Any]] = operator.call(
        "GET", f"/tool-executions?tenant_id={tenant_id}&limit=200"
    )["items"]
    return found


def hand_over(operator: Operator, n8n: N8nServer, tenant_id: str) -> None:
    """Put the shop's workflows and rows into n8n, and set every tool to a production webhook."""
    fill_tables(n8n, operator.call("GET", f"/tenants/{tenant_id}")["time_zone"])
    stored = {item["name"]: item["id"] for item in operator.call("GET", "/workflows")["items"]}
    imported: dict[str, str] = {}
    for tool in operator.call("GET", f"/tenants/{tenant_id}/tools")["items"]:
        name = tool["workflow"] or tool["tool_name"]
        if name not in imported:
            body = {"workflow_id": stored[name]}
            imported[name] = operator.call("POST", "/n8n/workflows", body, status=201)["id"]
        choice = {"tenant_id": tenant_id, "tool_id": tool["tool_id"]}
        used = operator.call("POST", f"/n8n/workflows/{imported[name]}/use", choice)
        assert used["executor"] == "n8n_webhook"
        assert used["webhook_url"].startswith(f"{n8n.base_url}/webhook/")


def fill_tables(n8n: N8nServer, time_zone: str) -> None:
    """Make the bundled workflows' data tables in n8n, with the demo shop's rows."""
    rows = load_demo_rows(BUNDLED, datetime.now(UTC), time_zone=time_zone)
    for table in load_data_tables(BUNDLED):
        columns = [{"name": column.name, "type": column.type} for column in table.columns]
        n8n.make_table(table.name, columns, msgspec.to_builtins(rows[table.name]))
