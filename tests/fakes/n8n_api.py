"""An n8n on a loopback port, as far as its public API, its health and its webhooks go.

Owns answers in n8n's own form, taken from n8n 2.40; the contract's tests run against it and a real
one alike.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from tests.fakes.loopback_http import Exchange, LoopbackHttp, SeenRequest

KEY = "n8n-key-of-the-tests"
READ_ONLY = ("active", "id", "meta", "tags", "pinData", "versionId")


@dataclass
class FakeN8n:
    """Keeps workflows in memory.

    Args:
        refusal: Status and message with which every call of the API is refused.
        has_publish: n8n 1 has "activate" in its place.
        is_well: What ``/healthz`` says.
        looks_until_registered: How often a published workflow is told before its webhooks listen.
        page: Answers everything under ``/api`` with this web page, as another server would.
    """

    refusal: tuple[int, str] | None = None
    has_publish: bool = True
    is_well: bool = True
    page: bytes | None = None
    prefix: str = ""
    looks_until_registered: int = 1
    workflows: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        self._ids = (f"wf{number:014}" for number in itertools.count(1))
        self._http = LoopbackHttp(self._handle)
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    @property
    def url(self) -> str:
        return f"{self._http.url}{self.prefix}"

    @property
    def requests(self) -> list[SeenRequest]:
        return self._http.requests

    def add(self, name: str, *nodes: dict[str, Any], is_active: bool = False, **more: Any) -> str:
        """Store a workflow, as somebody does in n8n's editor; return its id."""
        made = self._store(
            {"name": name, "nodes": list(nodes), "connections": {}, "settings": {}}, **more
        )
        if is_active:
            self._publish(made)
        return str(made["id"])

    async def _handle(self, exchange: Exchange) -> None:
        request = exchange.request
        path = request.path.removeprefix(self.prefix)
        if path == "/healthz":
            status = 200 if self.is_well else 503
            await exchange.respond_json(status, {"status": "ok" if self.is_well else "error"})
        elif path.startswith(("/webhook/", "/webhook-test/")):
            await exchange.respond_json(200, {"answered": path})
        elif self.page is not None:
            await exchange.respond(200, self.page, content_type="text/html; charset=utf-8")
        else:
            status, body = self._answer(request, path)
            await exchange.respond_json(status, body)

    def _answer(self, request: SeenRequest, path: str) -> tuple[int, Any]:
        if request.headers.get("x-n8n-api-key") != KEY:
            return 401, {"message": "Unauthorized"}
        if self.refusal is not None:
            return self.refusal[0], {"message": self.refusal[1]}
        match (request.method, path.strip("/").split("/")):
            case ("GET", ["api", "v1", "workflows"]):
                return self._list(request.target.partition("?")[2])
            case ("POST", ["api", "v1", "workflows"]):
                return self._take(request.json(), {})
            case ("GET", ["api", "v1", "workflows", found]):
                return self._show(found)
            case ("PUT", ["api", "v1", "workflows", found]):
                if found not in self.workflows:
                    return 404, {"message": "Not Found"}
                return self._take(request.json(), {"id": found})
            case ("POST", ["api", "v1", "workflows", found, "publish" | "activate" as verb]):
                if verb == "publish" and not self.has_publish:
                    return 404, {"message": "not found"}
                return self._try_to_publish(found)
        return 404, {"message": "not found"}

    def _list(self, query: str) -> tuple[int, Any]:
        given = dict(part.split("=", 1) for part in query.split("&") if part)
        start, limit = int(given.get("cursor", "0")), min(int(given.get("limit", "100")), 250)
        found = list(self.workflows.values())
        has_more = start + limit < len(found)
        return 200, {
            "data": found[start : start + limit],
            "nextCursor": str(start + limit) if has_more else None,
        }

    def _show(self, workflow_id: str) -> tuple[int, Any]:
        """Tell of a workflow, whose webhooks are registered some time after it was published."""
        if workflow_id not in self.workflows:
            return 404, {"message": "Not Found"}
        found = self.workflows[workflow_id]
        shown = dict(found)
        if found["active"] and not found["triggerCount"]:
            self.looks_until_registered -= 1
            found["triggerCount"] = int(self.looks_until_registered <= 0)
        return 200, shown

    def _take(self, body: dict[str, Any], kept: dict[str, Any]) -> tuple[int, Any]:
        for name in READ_ONLY:
            if name in body:
                return 400, {"message": f"request/body/{name} is read-only"}
        for name in ("name", "nodes", "connections", "settings"):
            if name not in body:
                return 400, {"message": f"request/body must have required property '{name}'"}
        return 200, self._store(body, **kept)

    def _store(self, body: dict[str, Any], **kept: Any) -> dict[str, Any]:
        found = {
            "id": next(self._ids),
            "active": False,
            "activeVersion": None,
            "isArchived": False,
            "triggerCount": 0,
            "tags": [],
            **self.workflows.get(kept.get("id", ""), {}),
            **kept,
            **body,
        }
        self.workflows[found["id"]] = found
        return found

    def _try_to_publish(self, workflow_id: str) -> tuple[int, Any]:
        found = self.workflows.get(workflow_id)
        if found is None:
            return 404, {"message": "You do not have permission to activate this workflow."}
        paths = set(_list_paths(found["nodes"]))
        if not paths:
            return 400, {"message": "Workflow cannot be activated because it has no trigger node."}
        for other in self.workflows.values():
            is_other = other is not found and other["active"]
            if is_other and paths & set(_list_paths(other["activeVersion"]["nodes"])):
                return 409, {"message": "There is a conflict with one of the webhooks."}
        return 200, self._publish(found)

    def _publish(self, found: dict[str, Any]) -> dict[str, Any]:
        found["active"] = True
        found["activeVersion"] = {"nodes": found["nodes"]}
        return found


def build_webhook_node(path: str = "orders", **parameters: Any) -> dict[str, Any]:
    """Return a webhook node as n8n's editor writes it."""
    return {
        "id": "a",
        "name": "Webhook",
        "type": "n8n-nodes-base.webhook",
        "typeVersion": 2.1,
        "position": [0, 0],
        "webhookId": "5f0c",
        "parameters": {"path": path, "httpMethod": "POST", "options": {}, **parameters},
    }


def _list_paths(nodes: list[dict[str, Any]]) -> list[str]:
    return [
        f"{node['parameters'].get('httpMethod', 'GET')} {node['parameters']['path']}"
        for node in nodes
        if node["type"] == "n8n-nodes-base.webhook"
    ]
