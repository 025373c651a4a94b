"""Who talks to the server in tests: a visitor's browser, an operator's program.

Owns requests and the reading of event streams; what the answers should be is left to the tests.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import httpx

from tests.http.running_server import ADMIN_PASSWORD, RunningServer
from tests.loopback import DIRECT

TIMEOUT_S = 60.0
EVENT_STREAM = "text/event-stream"


class Event(NamedTuple):
    """One server-sent event; ``name`` is empty for a comment, whose text is the data."""

    id: int | None
    name: str
    data: Any


@dataclass(frozen=True)
class Shop:
    """A tenant as its maker sees it."""

    id: str
    api_key: str
    signing_secret: str


def read_events(lines: Iterator[str]) -> Iterator[Event]:
    """Parse an event stream, comments included; comments do not keep it open for ever."""
    fields: dict[str, str] = {}
    deadline = time.monotonic() + TIMEOUT_S
    for line in lines:
        assert time.monotonic() < deadline, "The stream goes on and on."
        if line.startswith(":"):
            yield Event(None, "", line[1:].strip())
        elif line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            number = int(fields["id"]) if "id" in fields else None
            yield Event(number, fields["event"], json.loads(fields["data"]))
            fields = {}


def read_demo_key(server: RunningServer) -> str:
    """Return the demo shop's publishable key, from its page as a browser reads it."""
    page = httpx.get(f"{server.base_url}/demo", timeout=TIMEOUT_S, **DIRECT)
    found = re.search(r'data-api-key="(pk_[^"]+)"', page.text)
    assert found is not None
    return found[1]


class Visitor:
    """A visitor of one shop, who keeps the session as the widget does."""

    def __init__(self, server: RunningServer, api_key: str) -> None:
        self.api_key = api_key
        self.session_id: str | None = None
        self.http = httpx.Client(
            base_url=server.base_url,
            headers={"X-API-Key": api_key},
            timeout=TIMEOUT_S,
            **DIRECT,
        )

    def post(self, message: str, **fields: Any) -> httpx.Response:
        """Send a message in the session, if there is one."""
        body = {"message": message, "session_id": self.session_id, **fields}
        return self.http.post(
            "/chat/message", json={key: value for key, value in body.items() if value is not None}
        )

    def ask(self, message: str, **fields: Any) -> dict[str, Any]:
        """Send a message, keep the session and return the reply."""
        answer = self.post(message, **fields)
        assert answer.status_code == 200, answer.text
        reply: dict[str, Any] = answer.json()
        self.session_id = reply["session_id"]
        return reply

    def say(self, message: str, **fields: Any) -> str:
        """Send a message and return the text of the reply."""
        content: str = self.ask(message, **fields)["message"]["content"]
        return content

    @contextmanager
    def streaming(self, message: str, **fields: Any) -> Iterator[Iterator[Event]]:
        """Send a message and read its events as they come."""
        body = {"message": message, "session_id": self.session_id, **fields}
        body = {key: value for key, value in body.items() if value is not None}
        headers = {"Accept": EVENT_STREAM}
        with self.http.stream("POST", "/chat/message", json=body, headers=headers) as answer:
            assert answer.status_code == 200, answer.read()
            assert answer.headers["content-type"].startswith(EVENT_STREAM)
            yield read_events(answer.iter_lines())

    def stream(self, message: str, **fields: Any) -> list[Event]:
        """Send a message, keep the session and return all its events but comments."""
        with self.streaming(message, **fields) as events:
            found = [event for event in events if event.name]
        self.session_id = found[0].data["session_id"]
        return found

    @contextmanager
    def following(
        self, *, after_id: int | None = None, with_state: bool = False
    ) -> Iterator[Iterator[Event]]:
        """Follow the conversation's events, behind ``after_id``; those of its state if wanted."""
        headers = {"Accept": EVENT_STREAM}
        if after_id is not None:
            headers["Last-Event-ID"] = str(after_id)
        path = f"/chat/events/{self.session_id}"
        with self.http.stream("GET", path, headers=headers) as answer:
            assert answer.status_code == 200, answer.read()
            events = read_events(answer.iter_lines())
            yield (event for event in events if with_state or event.name != "state")

    def history(self) -> list[dict[str, Any]]:
        """Return the conversation's messages."""
        answer = self.http.get(f"/chat/history/{self.session_id}")
        assert answer.status_code == 200, answer.text
        messages: list[dict[str, Any]] = answer.json()["messages"]
        return messages

    def lines(self) -> list[tuple[str, str]]:
        """Return role and text of the conversation's messages."""
        return [(message["role"], message["content"]) for message in self.history()]


class Operator:
    """An operator, logged in."""

    def __init__(
        self, server: RunningServer, username: str = "admin", password: str = ADMIN_PASSWORD
    ) -> None:
        self.http = httpx.Client(
            base_url=f"{server.admin_url}/api/admin", timeout=TIMEOUT_S, **DIRECT
        )
        answer = self.http.post("/login", json={"username": username, "password": password})
        assert answer.status_code == 200, answer.text
        self.tokens = answer.json()
        self.http.headers["Authorization"] = f"Bearer {self.tokens['access_token']}"

    def call(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        """Send a request, check its status and return the answer's JSON, if any."""
        answer = self.http.request(method, path, json=body)
        assert answer.status_code == status, f"{method} {path}: {answer.text}"
        return answer.json() if answer.content else None

    def make_shop(self, name: str = "Corner Shop", **fields: Any) -> Shop:
        """Make a tenant."""
        made = self.call("POST", "/tenants", {"name": name, **fields}, status=201)
        return Shop(made["id"], made["api_key"], made["signing_secret"])

    def find_tenant_id(self, name: str) -> str:
        """Return the id of the tenant of this name."""
        tenants = self.call("GET", "/tenants?limit=200")["items"]
        return next(tenant["id"] for tenant in tenants if tenant["name"] == name)

    def find_tool_id(self, name: str) -> str:
        """Return the id of the catalogue's tool of this name."""
        tools = self.call("GET", "/tools?limit=200")["items"]
        return next(tool["id"] for tool in tools if tool["tool_name"] == name)

    def use_tool(self, shop_id: str, tool_name: str, **choice: Any) -> None:
        """Let a shop use a tool."""
        self.call("PUT", f"/tenants/{shop_id}/tools/{self.find_tool_id(tool_name)}", choice)


def check_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that ``answer`` is this problem in its one form, and return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"]
    problem: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "code"} <= set(problem)
    assert set(problem) <= {"type", "title", "status", "detail", "code", "errors"}
    assert (problem["status"], problem["code"]) == (status, code)
    assert "Traceback" not in answer.text
    return problem
