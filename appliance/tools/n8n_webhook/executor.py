"""Runs a tool by calling its webhook.

Owns the call: body, signature, deadline, attempts; what an answer means is left to ``answer``, when
to call again and which addresses may be called to ``appliance.egress``.

Source: "Tool webhooks" in the HTTP contract.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from appliance.domain.credential import Credential
from appliance.domain.ids import TenantId
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.secrets import mask_known, mask_text
from appliance.domain.tool import ExecutorKind, TenantTool, ToolCall, ToolOutcome
from appliance.domain.tool_failures import FailureKind
from appliance.egress.retries import Attempt, RetryRule, ask_repeatedly, may_have_begun
from appliance.egress.signature import HEADER, sign
from appliance.errors import FieldError, InvalidInput, NotFound, UpstreamError
from appliance.field_errors import read_fields
from appliance.ports.clock import Clock
from appliance.ports.credentials import Credentials
from appliance.ports.integrations import IntegrationAccess
from appliance.ports.outbound_http import OutboundHttp, OutboundRequest, OutboundResponse
from appliance.ports.tool_executor import ToolContext
from appliance.tools.call_form import build_call_context, build_integrations, list_keys
from appliance.tools.n8n_webhook.answer import UnusableAnswer, read_result
from appliance.tools.n8n_webhook.sign_in import build_sign_in
from appliance.tools.registry import SigningSecret

MAX_RESULT_BYTES = 1_000_000
ANSWER_LOST_CODES = ("timed_out", "broken_response", "response_too_large")


class CredentialName(Struct, frozen=True, forbid_unknown_fields=True):
    """Which of the tenant's credentials the webhook asks for."""

    type: str
    name: str


class WebhookOptions(Struct, frozen=True):
    """What of a tool's ``custom_config`` matters here; the rest belongs to others.

    ``timeout_s`` bounds the call with all its attempts. ``idempotent`` says that the receiver does
    the work of one ``Idempotency-Key`` once, however often it is called. ``credential`` signs in.
    """

    timeout_s: Annotated[float, Meta(gt=0, le=300)] = 30.0
    idempotent: bool = False
    credential: CredentialName | None = None


OWN_OPTIONS = frozenset({*WebhookOptions.__struct_fields__, "identity"})
"""Names in ``custom_config`` that the receiver is not told; ``identity`` is the agent's."""


class _Address(Struct, frozen=True):
    """Where the calls of one execution go, signed and signed in with what."""

    url: str
    secret: str
    credential: Credential | None


class WebhookExecutor:
    """Implements ``ToolExecutor`` for the kind ``n8n_webhook``.

    Args:
        http: Sends under the egress rules.
        clock: Dates signatures and measures.
        integrations: Describes what is mapped to a tool.
        signing_secret: Finds a tenant's secret.
        sleep: Waits between attempts.
        jitter: Returns a number from 0 to 1.
    """

    def __init__(
        self,
        http: OutboundHttp,
        clock: Clock,
        *,
        credentials: Credentials,
        integrations: IntegrationAccess,
        signing_secret: SigningSecret,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._http = http
        self._clock = clock
        self._credentials = credentials
        self._integrations = integrations
        self._signing_secret = signing_secret
        self._sleep = sleep
        self._jitter = jitter

    @property
    def kind(self) -> ExecutorKind:
        """The executor kind."""
        return "n8n_webhook"

    async def execute(self, tool: TenantTool, call: ToolCall, context: ToolContext) -> ToolOutcome:
        """POST the call to the tool's webhook and return what it answered.

        A call that writes is repeated only when nothing had been sent (no connection), or when the
        tool's ``custom_config`` says ``idempotent``.
        """
        started = self._clock.monotonic()
        access = await self._integrations.describe(context.tenant_id, tool.integration_mapping)
        body = build_body(tool, call, context)
        output: JsonValue = None
        error: str | None = None
        failure: FailureKind | None = None
        attempts: list[Attempt] = []
        sent_secrets: list[str] = []
        try:
            url, options = read_setup(tool)
            address = _Address(
                url=url,
                secret=await self._signing_secret(context.tenant_id),
                credential=await self._find_credential(context.tenant_id, options.credential),
            )
            if address.credential is not None:
                sent_secrets = address.credential.kept_values
            whole = {**body, **build_integrations(access, is_shown=False)}
            attempts = await self._call(address, whole, call, options, tool)
            if isinstance(attempts[-1], UpstreamError):
                raise attempts[-1]
            output = read_result(attempts[-1], url=url)
        except UnusableAnswer as exc:
            error, failure, output = str(exc), exc.failure, exc.said
        except NotFound:
            error = "The tenant has no signing secret. The operator should make one."
            failure = "not_available"
        except UpstreamError as exc:
            error, failure = describe_no_answer(exc), find_failure(exc)
        if failure is not None and any(map(may_have_begun, attempts[:-1])):
            failure, output = "unknown", None
        secrets = [*list_keys(access), *sent_secrets]
        return ToolOutcome(
            is_success=error is None,
            output=mask_known(output, secrets),
            error=mask_text(error, secrets),
            failure=failure,
            duration_ms=round((self._clock.monotonic() - started) * 1000),
            attempts=max(len(attempts), 1),
            sent={**body, **build_integrations(access, is_shown=True)},
            status=_find_status(attempts),
        )

    async def find_setup_errors(self, tool: TenantTool) -> list[FieldError]:
        """Return which options do not fit, or that the credential is missing or of no use."""
        try:
            options = read_fields(tool.custom_config, WebhookOptions, name="custom_config")
        except InvalidInput as exc:
            return list(exc.errors)
        try:
            credential = await self._find_credential(tool.tenant_id, options.credential)
            if credential is not None:
                build_sign_in(credential, at=self._clock.now(), call_id="")
        except UnusableAnswer as exc:
            return [FieldError("custom_config.credential", str(exc))]
        return []

    async def _find_credential(
        self, tenant_id: TenantId, wanted: CredentialName | None
    ) -> Credential | None:
        if wanted is None:
            return None
        found = await self._credentials.get(tenant_id, wanted.type, wanted.name)
        if found is None:
            raise UnusableAnswer(
                f"There is no credential {wanted.name!r} of the type {wanted.type!r}. "
                "The operator should enter it, or take it out of the tool's configuration.",
                "not_available",
            )
        return found

    async def _call(
        self,
        address: _Address,
        sent: JsonObject,
        call: ToolCall,
        options: WebhookOptions,
        tool: TenantTool,
    ) -> list[Attempt]:
        """Return the attempts; the last one stands."""
        body = msgspec.json.encode(sent)
        return await ask_repeatedly(
            lambda left_s: self._attempt(address, body, call, timeout_s=left_s),
            rule=RetryRule(
                is_repeatable=tool.risk == "read" or options.idempotent,
                jitter=self._jitter,
                now=self._clock.now,
            ),
            timeout_s=options.timeout_s,
            clock=self._clock,
            sleep=self._sleep,
        )

    async def _attempt(
        self, address: _Address, body: bytes, call: ToolCall, *, timeout_s: float
    ) -> OutboundResponse | UpstreamError:
        now, credential = self._clock.now(), address.credential
        sign_in = {} if credential is None else build_sign_in(credential, at=now, call_id=call.id)
        request = OutboundRequest(
            method="POST",
            url=address.url,
            headers={
                **sign_in,
                "Content-Type": "application/json",
                "Accept": "application/json, text/plain;q=0.9, */*;q=0.1",
                "Idempotency-Key": call.id,
                HEADER: sign(body, secret=address.secret, at_unix_s=int(now.timestamp())),
            },
            credential_hosts=None if credential is None else credential.hosts,
            body=body,
            timeout_s=timeout_s,
            max_response_bytes=MAX_RESULT_BYTES,
        )
        try:
            return await self._http.send(request)
        except UpstreamError as exc:
            return exc


def build_body(tool: TenantTool, call: ToolCall, context: ToolContext) -> JsonObject:
    """Return what the webhook receives; no parameter takes the place of ``_context``.

    ``_config`` is what the tenant configured of the tool, without what is only read here.
    """
    config = {name: value for name, value in tool.custom_config.items() if name not in OWN_OPTIONS}
    body = {**call.arguments, "_context": build_call_context(call, context)}
    return {**body, "_config": config} if config else body


def read_setup(tool: TenantTool) -> tuple[str, WebhookOptions]:
    """Return the address and the options of ``tool``.

    Raises:
        UnusableAnswer: The operator left one out or mistyped it.
    """
    if not tool.webhook_url:
        raise UnusableAnswer(
            "The tool has no webhook address. The operator should enter one.", "not_available"
        )
    try:
        return tool.webhook_url, msgspec.convert(tool.custom_config, WebhookOptions)
    except msgspec.ValidationError as exc:
        raise UnusableAnswer(
            f"The tool's configuration does not fit: {exc}. The operator should correct it.",
            "not_available",
        ) from exc


def _find_status(attempts: list[Attempt]) -> int | None:
    last = attempts[-1] if attempts else None
    return last.status if isinstance(last, OutboundResponse) else None


def find_failure(error: UpstreamError) -> FailureKind:
    """Return what is known of a call without an answer."""
    if error.code in ANSWER_LOST_CODES:
        return "unknown"
    return "unreachable" if error.code == "connect_failed" else "not_available"


def describe_no_answer(error: UpstreamError) -> str:
    """Return who should do what about a call without an answer."""
    match error.code:
        case "connect_failed":
            return (
                "The tool cannot be reached. It may work later; "
                "the operator should check that n8n runs and that the address is right."
            )
        case "timed_out":
            return (
                "The tool did not answer in time. Whether it did its work is not known; "
                "the operator finds it in n8n under Executions."
            )
        case "broken_response":
            return (
                "The tool's answer broke off. Whether it did its work is not known; "
                "the operator finds it in n8n under Executions."
            )
        case "response_too_large":
            return (
                "The tool's answer is too large. "
                "The operator should let its workflow answer with less."
            )
        case _:
            return f"The tool may not be called: {error.message}"
