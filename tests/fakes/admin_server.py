"""A loopback admin listener for the panel's tests.

Owns the admin routes the panel uses, in memory, and faults on demand; the real server is tested by
the HTTP suite, and the panel against it in ``tests/gui/test_panel_with_server.py``.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

STARTED_AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
PASSWORD = "correct horse"


class FakeAdminServer:
    """Serves until closed; its state is plain attributes, changed under ``lock``."""

    def __init__(self, port: int = 0) -> None:
        self.lock = threading.RLock()
        self.tenants: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str, Any]] = []
        self.logs: list[dict[str, Any]] = []
        self.stream_starts: list[str] = []
        self.role = "owner"
        self.access_tokens: set[str] = set()
        self.refresh_tokens: set[str] = set()
        self.faults: dict[str, tuple[int, bytes, dict[str, str]]] = {}
        self.gates: dict[str, threading.Event] = {}
        self.health_status = 200
        self.health: dict[str, Any] = {
            "status": "ok",
            "version": "0.1.0",
            "components": {
                "database": {"status": "ok"},
                "cache": {"status": "ok"},
                "llm": {"status": "ok", "provider": "builtin"},
                "workflows": {"status": "ok"},
            },
        }
        self.status = {
            "version": "0.1.0",
            "started_at": "2026-03-01T08:00:00Z",
            "public_url": "http://127.0.0.1:8080",
            "admin_url": "http://127.0.0.1:8081",
            "demo_url": "http://127.0.0.1:8080/demo",
            "data_dir": "/srv/csai",
            "pid": 1,
        }
        self.queries: list[dict[str, list[str]]] = []
        self.is_closed = False
        self._counter = 0
        self._streams: list[queue.Queue[bytes | None]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _build_handler(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving; open streams and kept connections end."""
        self.is_closed = True
        for gate in self.gates.values():
            gate.set()
        self.cut_streams()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def add_tenant(self, name: str, **facts: Any) -> dict[str, Any]:
        """Add a tenant as if an operator had."""
        with self.lock:
            self._counter += 1
            tenant = {
                "id": f"tenant-{self._counter:04d}",
                "name": name,
                "domain": None,
                "allowed_origins": [],
                "plan": "free",
                "status": "active",
                "language": "en",
                "time_zone": "UTC",
                "created_at": (STARTED_AT + timedelta(days=self._counter)).isoformat(),
                **facts,
            }
            self.tenants[tenant["id"]] = tenant
            return tenant

    def log(self, event: str, *, level: str = "info", **fields: Any) -> dict[str, Any]:
        """Write a log line; open streams get it at once."""
        with self.lock:
            entry = {
                "id": len(self.logs) + 1,
                "at": (STARTED_AT + timedelta(seconds=len(self.logs))).isoformat(),
                "level": level,
                "event": event,
                "logger": "appliance.web",
                "fields": fields,
            }
            self.logs.append(entry)
            for stream in self._streams:
                stream.put(encode_log(entry))
            return entry

    def cut_streams(self) -> None:
        """End every open log stream, as a restart or a broken line would."""
        with self.lock:
            streams, self._streams = self._streams, []
        for stream in streams:
            stream.put(None)

    def fail(self, route: str, status: int, *, raw: bytes | None = None, **problem: Any) -> None:
        """Answer ``"METHOD /path"`` with a problem until ``heal`` is called."""
        body = raw if raw is not None else json.dumps({"status": status, **problem}).encode()
        self.faults[route] = (status, body, {})

    def heal(self) -> None:
        """Answer normally again."""
        self.faults.clear()

    def hold(self, route: str) -> threading.Event:
        """Answer ``"METHOD /path"`` only once the returned event is set."""
        gate = self.gates[route] = threading.Event()
        return gate

    def expire_access(self) -> None:
        """Let every access token run out; refresh tokens stay valid."""
        with self.lock:
            self.access_tokens.clear()

    def revoke_all(self) -> None:
        """Let every token run out."""
        with self.lock:
            self.access_tokens.clear()
            self.refresh_tokens.clear()

    def count(self, method: str, path: str) -> int:
        """Count the requests of a route so far."""
        with self.lock:
            return sum(1 for request in self.requests if request[:2] == (method, path))

    def issue_tokens(self) -> dict[str, Any]:
        """Make a new pair of tokens."""
        with self.lock:
            self._counter += 1
            access, refresh = f"access-{self._counter}", f"refresh-{self._counter}"
            self.access_tokens.add(access)
            self.refresh_tokens.add(refresh)
        return {
            "access_token": access,
            "refresh_token": refresh,
            "token_type": "Bearer",
            "expires_in": 900,
        }

    def open_stream(self, last_event_id: str) -> queue.Queue[bytes | None]:
        """Begin a stream with what followed ``last_event_id``."""
        stream: queue.Queue[bytes | None] = queue.Queue()
        with self.lock:
            self.stream_starts.append(last_event_id)
            seen = int(last_event_id) if last_event_id else len(self.logs)
            for entry in self.logs[seen:]:
                stream.put(encode_log(entry))
            self._streams.append(stream)
        return stream


def encode_log(entry: dict[str, Any]) -> bytes:
    """Write a log line as the stream carries it."""
    return f"event: log\nid: {entry['id']}\ndata: {json.dumps(entry)}\n\n".encode()


def _build_handler(fake: FakeAdminServer) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        server_state = fake

    return Handler


class _Handler(BaseHTTPRequestHandler):
    server_state: FakeAdminServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PATCH(self) -> None:
        self._answer("PATCH")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def _answer(self, method: str) -> None:
        fake = self.server_state
        if fake.is_closed:
            self.close_connection = True
            return
        url = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"null")
        with fake.lock:
            fake.requests.append((method, url.path, body))
            fake.queries.append(parse_qs(url.query))
        route = f"{method} {url.path}"
        gate = fake.gates.get(route)
        if gate is not None:
            gate.wait(30)
        try:
            if route in fake.faults:
                status, raw, headers = fake.faults[route]
                self._send(status, raw, "application/problem+json", headers)
            else:
                self._dispatch(method, url.path, body, parse_qs(url.query))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _dispatch(self, method: str, path: str, body: Any, query: dict[str, list[str]]) -> None:
        fake = self.server_state
        public: dict[str, Callable[[], None]] = {
            "GET /health": lambda: self._send_json(fake.health_status, fake.health),
            "POST /api/admin/login": lambda: self._login(body),
            "POST /api/admin/refresh": lambda: self._refresh(body),
        }
        if f"{method} {path}" in public:
            public[f"{method} {path}"]()
            return
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token not in fake.access_tokens:
            self._problem(401, "Sign in first.", code="not_authenticated")
            return
        own: dict[str, Callable[[], None]] = {
            "POST /api/admin/logout": lambda: self._logout(token),
            "GET /api/admin/me": lambda: self._send_json(
                200, {"username": "admin", "role": fake.role}
            ),
            "GET /api/admin/status": lambda: self._send_json(200, fake.status),
            "GET /api/admin/logs": lambda: self._logs(query),
            "GET /api/admin/logs/stream": self._stream,
            "GET /api/admin/tenants": lambda: self._list_tenants(query),
            "POST /api/admin/tenants": lambda: self._create_tenant(body),
        }
        if f"{method} {path}" in own:
            own[f"{method} {path}"]()
        elif path.startswith("/api/admin/tenants/"):
            self._one_tenant(method, path.removeprefix("/api/admin/tenants/"), body)
        else:
            self._problem(404, "No such route.")

    def _login(self, body: Any) -> None:
        if body == {"username": "admin", "password": PASSWORD}:
            self._send_json(200, self.server_state.issue_tokens())
        else:
            self._problem(401, "Name or password is wrong.", code="not_authenticated")

    def _refresh(self, body: Any) -> None:
        fake = self.server_state
        with fake.lock:
            is_known = body["refresh_token"] in fake.refresh_tokens
            fake.refresh_tokens.discard(body["refresh_token"])
        if is_known:
            self._send_json(200, fake.issue_tokens())
        else:
            self._problem(401, "The session has ended.", code="not_authenticated")

    def _logout(self, token: str) -> None:
        self.server_state.access_tokens.discard(token)
        self._send(204, b"")

    def _logs(self, query: dict[str, list[str]]) -> None:
        limit = int(query.get("limit", ["50"])[0])
        self._send_json(200, {"items": self.server_state.logs[-limit:], "next_cursor": None})

    def _list_tenants(self, query: dict[str, list[str]]) -> None:
        start = int(query.get("cursor", ["0"])[0])
        stop = start + int(query.get("limit", ["50"])[0])
        items = list(self.server_state.tenants.values())
        following = str(stop) if stop < len(items) else None
        self._send_json(200, {"items": items[start:stop], "next_cursor": following})

    def _create_tenant(self, body: Any) -> None:
        if body["name"] == "taken":
            error = {"field": "name", "message": "This name is taken."}
            self._problem(400, "One field is wrong.", errors=[error])
            return
        tenant = self.server_state.add_tenant(**body)
        secrets = {"api_key": f"pk_{tenant['id']}", "signing_secret": "sk_once"}
        self._send_json(201, {**tenant, **secrets})

    def _one_tenant(self, method: str, rest: str, body: Any) -> None:
        fake = self.server_state
        tenant_id, _, what = rest.partition("/")
        tenant = fake.tenants.get(tenant_id)
        if tenant is None:
            self._problem(404, "No such tenant.")
        elif (method, what) == ("GET", "embed"):
            snippet = f'<script src="http://127.0.0.1:8080/widget.js" data-api-key="{tenant_id}">'
            self._send_json(200, {"snippet": snippet + "</script>"})
        elif (method, what) == ("PATCH", ""):
            tenant.update(body)
            self._send_json(200, tenant)
        elif (method, what) == ("DELETE", ""):
            tenant["status"] = "inactive"
            self._send(204, b"")
        else:
            self._problem(404, "No such route.")

    def _stream(self) -> None:
        stream = self.server_state.open_stream(self.headers.get("Last-Event-ID") or "")
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b": hello\n\n")
        while (chunk := stream.get()) is not None:
            self.wfile.write(chunk)
        self.close_connection = True

    def _problem(self, status: int, detail: str, **more: Any) -> None:
        problem = {"type": "about:blank", "title": "Refused", "detail": detail, "status": status}
        self._send_json(status, {**problem, **more}, "application/problem+json")

    def _send_json(self, status: int, value: Any, kind: str = "application/json") -> None:
        self._send(status, json.dumps(value).encode(), kind)

    def _send(
        self,
        status: int,
        body: bytes,
        kind: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Request-ID", "req-1")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
