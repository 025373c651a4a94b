"""Speaks n8n's public API, version 1.

Owns requests, the reading of answers and what each refusal means; what is done with workflows is
decided by ``appliance.services.n8n``.

Source: https://docs.n8n.io/api/, and what n8n 2.40 answers (``make test-n8n``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from appliance.domain.json_types import BROKEN_JSON, JsonObject
from appliance.errors import (
    ApplianceError,
    AuthFailed,
    ConfigurationError,
    Conflict,
    NotFound,
    Rejected,
    Unavailable,
    UpstreamError,
)
from appliance.n8n.workflows import read_workflow
from appliance.ports.clock import Clock
from appliance.ports.n8n import N8nWorkflow
from appliance.ports.outbound_http import OutboundHttp, OutboundRequest, OutboundResponse

URL_SETTING: Final = "CSAI_N8N_URL"
KEY_SETTING: Final = "CSAI_N8N_API_KEY"
TIMEOUT_S: Final = 15.0
CHECK_TIMEOUT_S: Final = 3.0
CHECKED_FOR_S: Final = 10.0
MAX_RESPONSE_BYTES: Final = 20_000_000
PAGE: Final = 100
MAX_PAGES: Final = 50
MAX_LOOKS: Final = 20
BETWEEN_LOOKS_S: Final = 0.25
SENT_FIELDS: Final = ("name", "nodes", "connections", "settings")
"""What n8n takes of a workflow; it refuses any other field."""


class _Page(Struct):
    data: list[JsonObject]
    nextCursor: str | None = None


class N8nClient:
    """Implements ``N8nServer``; see there for what each method promises.

    Args:
        http: May reach the operator's n8n, and needs to reach nothing else.
        url: Where n8n is, with the path that a proxy puts before it.
        api_key: Its API key, if one was set.
        clock: Tells how old the last check is.
        sleep: Waits until n8n listens.
    """

    def __init__(
        self,
        http: OutboundHttp,
        *,
        url: str,
        api_key: str | None,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._api_key = api_key
        self._clock = clock
        self._sleep = sleep
        self._checking = asyncio.Lock()
        self._checked_at: float | None = None
        self._trouble: ApplianceError | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return self._url

    async def check(self) -> None:
        """Return when it is up; it is asked at most once in ten seconds.

        What is raised names no address: visitors may read it in ``/health``.
        """
        async with self._checking:
            now = self._clock.monotonic()
            if self._checked_at is None or now - self._checked_at >= CHECKED_FOR_S:
                self._trouble = await self._ask_health()
                self._checked_at = self._clock.monotonic()
        if self._trouble is not None:
            raise self._trouble

    async def _ask_health(self) -> ApplianceError | None:
        try:
            answer = await self._send("GET", "/healthz", timeout_s=CHECK_TIMEOUT_S)
        except UpstreamError as error:
            return error
        if answer.status == 200:
            return None
        return Unavailable(f"n8n says that it is not well ({answer.status}).", code="n8n_failed")

    async def list_workflows(self) -> Sequence[N8nWorkflow]:
        """Return all workflows that are not archived, by name."""
        found: list[N8nWorkflow] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            query = {"limit": str(PAGE), "excludePinnedData": "true"}
            if cursor:
                query["cursor"] = cursor
            answer = await self._call("GET", f"/workflows?{urlencode(query)}")
            page = self._read(answer, _Page)
            found += [
                read_workflow(item, self._url) for item in page.data if not item.get("isArchived")
            ]
            cursor = page.nextCursor
            if not cursor:
                break
        return sorted(found, key=lambda workflow: (workflow.name, workflow.id))

    async def create_workflow(self, export: JsonObject) -> N8nWorkflow:
        """Store a workflow, not yet published."""
        return self._read_one(await self._call("POST", "/workflows", _pick(export)))

    async def replace_workflow(self, workflow_id: str, export: JsonObject) -> N8nWorkflow:
        """Store a workflow in place of the one of this id."""
        path = f"/workflows/{quote(workflow_id, safe='')}"
        return self._read_one(await self._call("PUT", path, _pick(export)))

    async def publish_workflow(self, workflow_id: str) -> N8nWorkflow:
        """Make a workflow's webhooks answer; n8n 1 calls that activating."""
        path = f"/workflows/{quote(workflow_id, safe='')}"
        answer = await self._send_api("POST", f"{path}/publish", {})
        if answer.status == 405 or (answer.status == 404 and _read_message(answer) == "not found"):
            answer = await self._send_api("POST", f"{path}/activate", {})
        self._check(answer)
        await self._wait_for_webhooks(path)
        return self._read_one(answer)

    async def _wait_for_webhooks(self, path: str) -> None:
        """Return when n8n listens: it says that a workflow is published a moment before."""
        for _ in range(MAX_LOOKS):
            told = self._read(await self._call("GET", path), JsonObject)
            if told.get("triggerCount") != 0:
                return
            await self._sleep(BETWEEN_LOOKS_S)

    async def _call(
        self, method: str, path: str, body: JsonObject | None = None
    ) -> OutboundResponse:
        answer = await self._send_api(method, path, body)
        self._check(answer)
        return answer

    async def _send_api(self, method: str, path: str, body: JsonObject | None) -> OutboundResponse:
        if self._api_key is None:
            raise ConfigurationError(
                f"To look into n8n, set {KEY_SETTING}; n8n makes keys under Settings, n8n API.",
                setting=KEY_SETTING,
                code="n8n_key_missing",
            )
        return await self._send(
            method, f"/api/v1{path}", body=body, headers={"X-N8N-API-KEY": self._api_key}
        )

    async def _send(
        self,
        method: str,
        path: str,
        *,
        body: JsonObject | None = None,
        headers: dict[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> OutboundResponse:
        content = {} if body is None else {"Content-Type": "application/json"}
        request = OutboundRequest(
            method=method,
            url=f"{self._url}{path}",
            headers={"Accept": "application/json", **content, **(headers or {})},
            body=None if body is None else msgspec.json.encode(body),
            timeout_s=timeout_s,
            max_response_bytes=MAX_RESPONSE_BYTES,
        )
        try:
            return await self._http.send(request)
        except UpstreamError as error:
            raise Unavailable(
                f"n8n cannot be reached. See that it runs, and that {URL_SETTING} is its address.",
                code="n8n_unreachable",
            ) from error

    def _check(self, answer: OutboundResponse) -> None:
        """Raise what a refusal means."""
        status, said = answer.status, _read_message(answer)
        if status in (401, 403):
            raise self._not_allowed(status, said)
        if said is None and not 200 <= status < 300:
            if status >= 500:
                raise Unavailable(f"n8n failed ({status}).", code="n8n_failed")
            raise self._no_api(status)
        if status == 404:
            raise NotFound(
                "n8n has no such workflow, or none that the key may use.",
                code="n8n_workflow_not_found",
            )
        if status == 409:
            raise Conflict(
                "Another published workflow in n8n has the same webhook path. Unpublish one of "
                "them, or give it another path.",
                code="n8n_webhook_taken",
            )
        if status == 429 or status >= 500:
            raise Unavailable(f"n8n failed ({status}): {said}", code="n8n_failed")
        if not 200 <= status < 300:
            raise Rejected(f"n8n did not take it ({status}): {said}", code="n8n_refused")

    def _not_allowed(self, status: int, said: str | None) -> AuthFailed:
        if status == 401:
            return AuthFailed(
                f"n8n refuses the key in {KEY_SETTING}. Make one in n8n under Settings, n8n API; "
                "an n8n with N8N_PUBLIC_API_DISABLED refuses every key.",
                code="n8n_key_refused",
            )
        if said is not None and "licen" in said.lower():
            reason = "n8n's licence does not allow that."
        else:
            reason = (
                f"The key in {KEY_SETTING} may not do that. Give it the scopes workflow:list, "
                "workflow:create, workflow:update and workflow:activate."
            )
        return AuthFailed(reason, code="n8n_forbidden")

    def _no_api(self, status: int) -> Rejected:
        return Rejected(
            f"What answers at {self._url} has no public API of n8n ({status}). See that "
            f"{URL_SETTING} is n8n's own address, and that its public API is not switched off.",
            code="n8n_api_off",
        )

    def _read(self, answer: OutboundResponse, kind: type[Any]) -> Any:
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except BROKEN_JSON as error:
            raise self._no_api(answer.status) from error

    def _read_one(self, answer: OutboundResponse) -> N8nWorkflow:
        return read_workflow(self._read(answer, JsonObject), self._url)


def _pick(export: JsonObject) -> JsonObject:
    return {"settings": {}, **{name: export[name] for name in SENT_FIELDS if name in export}}


def _read_message(answer: OutboundResponse) -> str | None:
    """Return the sentence in n8n's own error, or ``None`` when it is not n8n's."""
    try:
        message = msgspec.json.decode(answer.body, type=dict[str, Any]).get("message")
    except BROKEN_JSON:
        return None
    return message[:300] if isinstance(message, str) else None
