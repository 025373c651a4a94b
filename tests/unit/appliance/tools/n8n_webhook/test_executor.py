from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from appliance.domain.ids import ConversationId, TenantId, ToolId
from appliance.domain.tool import Risk, TenantTool, Tool, ToolCall, ToolOutcome
from appliance.egress import EgressClient
from appliance.errors import NotFound
from appliance.ports.integrations import WebhookAccess
from appliance.ports.tool_executor import ToolContext
from appliance.tools.n8n_webhook import WebhookExecutor
from tests.fakes.clock import SettableClock
from tests.fakes.credentials import HeldCredentials, build_credential
from tests.fakes.integrations import ScriptedIntegrations
from tests.fakes.webhook_server import (
    Answer,
    Hang,
    HangUp,
    Reply,
    WebhookServer,
    is_signed,
    reply_json,
    reply_unregistered,
)

TENANT = TenantId("tenant-1")
SECRET = "whsec_of_tenant_1"
CALL = ToolCall(id="call_7", name="get_order_status", arguments={"order_number": "12345"})
CONTEXT = ToolContext(tenant_id=TENANT, conversation_id=ConversationId("conversation-1"))


def build_tool(url: str | None, *, risk: Risk = "read", **config: Any) -> TenantTool:
    tool = Tool(
        id=ToolId("tool-1"),
        tool_name="get_order_status",
        description="Look up an order",
        parameters_schema={"type": "object"},
        risk=risk,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return TenantTool(
        tenant_id=TENANT,
        tool=tool,
        executor="n8n_webhook",
        webhook_url=url,
        custom_config=config,
    )


class Bench:
    """A webhook, and an executor whose waiting takes no time."""

    def __init__(self, server: WebhookServer, http: EgressClient) -> None:
        self.server = server
        self.clock = SettableClock()
        self.waits: list[float] = []
        self.credentials = HeldCredentials()
        self.integrations = ScriptedIntegrations()
        self.executor = WebhookExecutor(
            http,
            self.clock,
            credentials=self.credentials,
            integrations=self.integrations,
            signing_secret=self.find_secret,
            sleep=self.sleep,
            jitter=lambda: 1.0,
        )

    async def find_secret(self, tenant_id: TenantId) -> str:
        if tenant_id != TENANT:
            raise NotFound("The tenant has no signing secret.")
        return SECRET

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.advance(seconds)

    async def call(
        self, *, call: ToolCall = CALL, context: ToolContext = CONTEXT, **options: Any
    ) -> ToolOutcome:
        return await self.executor.execute(build_tool(self.server.url, **options), call, context)


@asynccontextmanager
async def open_bench(*answers: Answer) -> AsyncIterator[Bench]:
    async with WebhookServer(answers or (reply_json({"status": "shipped"}),)) as server:
        http = EgressClient([server.authority])
        yield Bench(server, http)
        await http.aclose()


async def test_the_call_arrives_as_the_contract_says() -> None:
    async with open_bench() as bench:
        outcome = await bench.call()
    [request] = bench.server.requests
    assert request.method == "POST"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == "call_7"
    expected = {
        "order_number": "12345",
        "_context": {
            "tenant_id": "tenant-1",
            "conversation_id": "conversation-1",
            "call_id": "call_7",
            "tool": "get_order_status",
            "time_zone": "UTC",
        },
    }
    assert request.json() == expected
    assert is_signed(request, SECRET)
    assert not is_signed(request, "another secret")
    at = int(bench.clock.now().timestamp())
    assert request.headers["x-csai-signature"].startswith(f"t={at},v1=")
    assert outcome == ToolOutcome(
        is_success=True,
        output={"status": "shipped"},
        duration_ms=0,
        attempts=1,
        sent=expected,
        status=200,
    )


async def test_an_operator_s_trial_has_no_conversation() -> None:
    async with open_bench() as bench:
        await bench.call(context=ToolContext(tenant_id=TENANT))
    assert bench.server.requests[0].json()["_context"]["conversation_id"] is None


async def test_a_parameter_cannot_pretend_to_be_the_context() -> None:
    forged = ToolCall(
        id="call_8", name="get_order_status", arguments={"_context": {"tenant_id": "tenant-2"}}
    )
    async with open_bench() as bench:
        await bench.call(call=forged)
    assert bench.server.requests[0].json()["_context"]["tenant_id"] == "tenant-1"


async def test_text_in_any_script_arrives_and_returns() -> None:
    call = ToolCall(id="c", name="get_order_status", arguments={"name": "שלום 🍕"})
    async with open_bench(Reply(body="בדרך".encode(), content_type="text/plain")) as bench:
        outcome = await bench.call(call=call)
    assert bench.server.requests[0].json()["name"] == "שלום 🍕"
    assert is_signed(bench.server.requests[0], SECRET)
    assert outcome.output == "בדרך"


async def test_an_overloaded_receiver_is_asked_again_for_a_reading_tool() -> None:
    async with open_bench(Reply(status=503), Reply(status=502), reply_json({"a": 1})) as bench:
        outcome = await bench.call()
    assert (outcome.is_success, outcome.output, outcome.attempts) == (True, {"a": 1}, 3)
    assert bench.waits == [0.5, 1.0]
    keys = {request.headers["idempotency-key"] for request in bench.server.requests}
    assert keys == {"call_7"}
    assert all(is_signed(request, SECRET) for request in bench.server.requests)


async def test_a_writing_tool_is_not_called_twice() -> None:
    async with open_bench(Reply(status=503), reply_json({"a": 1})) as bench:
        outcome = await bench.call(risk="write")
    assert (outcome.is_success, outcome.attempts) == (False, 1)
    assert len(bench.server.requests) == 1


async def test_a_writing_tool_with_an_idempotent_receiver_is() -> None:
    async with open_bench(Reply(status=503), reply_json({"a": 1})) as bench:
        outcome = await bench.call(risk="destructive", idempotent=True)
    assert (outcome.is_success, outcome.attempts) == (True, 2)


@pytest.mark.parametrize("risk", ["read", "write"])
async def test_a_receiver_that_is_not_there_is_tried_three_times_since_nothing_was_sent(
    risk: Risk,
) -> None:
    async with WebhookServer() as server:
        pass
    http = EgressClient(["127.0.0.1"])
    bench = Bench(server, http)
    outcome = await bench.call(risk=risk)
    await http.aclose()
    assert (outcome.is_success, outcome.attempts) == (False, 3)
    assert "cannot be reached" in str(outcome.error)
    assert outcome.sent is not None


async def test_waiting_stays_within_the_tool_s_time() -> None:
    patient = Reply(status=429, headers=[("Retry-After", "9")])
    async with open_bench(patient) as bench:
        outcome = await bench.call(timeout_s=20)
    assert outcome.attempts == 3
    assert bench.waits == [9.0, 9.0]
    async with open_bench(patient) as bench:
        outcome = await bench.call(timeout_s=10)
    assert outcome.attempts == 2
    assert "later" in str(outcome.error)


async def test_a_silent_receiver_is_left_when_the_time_is_up() -> None:
    async with open_bench(Hang()) as bench:
        outcome = await bench.call(timeout_s=0.05)
        await asyncio.wait_for(bench.server.has_hung_up.wait(), 1)
    assert (outcome.is_success, outcome.attempts) == (False, 1)
    assert "did not answer in time" in str(outcome.error)


async def test_an_abandoned_call_hangs_up() -> None:
    async with open_bench(Hang()) as bench:
        task = asyncio.create_task(bench.call())
        await asyncio.wait_for(bench.server.has_request.wait(), 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(bench.server.has_hung_up.wait(), 1)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (reply_unregistered(), "publish (activate)"),
        (HangUp(), "broke off"),
        (reply_json({"message": "upstream words"}, 500), "Executions"),
        (Reply(status=302, headers=[("Location", "http://127.0.0.2/")]), "redirects"),
        (Reply(body=b"x" * 1_000_001, content_type="text/plain"), "too large"),
        (Reply(body=b"%PDF", content_type="application/pdf"), "file"),
    ],
)
async def test_a_failure_is_an_outcome_with_a_sentence(answer: Answer, words: str) -> None:
    async with open_bench(answer) as bench:
        outcome = await bench.call()
    assert not outcome.is_success
    assert outcome.output is None
    assert words in str(outcome.error)
    for secret in ("upstream words", "not registered", SECRET):
        assert secret not in str(outcome.error)


async def test_a_result_may_be_as_large_as_the_limit() -> None:
    async with open_bench(Reply(body=b"x" * 1_000_000, content_type="text/plain")) as bench:
        assert (await bench.call()).is_success


async def test_a_forbidden_address_says_how_the_operator_opens_it() -> None:
    async with WebhookServer() as server:
        http = EgressClient()
        outcome = await Bench(server, http).call()
        await http.aclose()
    assert server.requests == []
    assert "CSAI_EGRESS_ALLOW" in str(outcome.error)


@pytest.mark.parametrize(
    "config", [{"timeout_s": 0}, {"timeout_s": "long"}, {"timeout_s": 301}, {"idempotent": "yes"}]
)
async def test_a_mistyped_configuration_is_named(config: dict[str, Any]) -> None:
    async with open_bench() as bench:
        outcome = await bench.call(**config)
    assert bench.server.requests == []
    assert next(iter(config)) in str(outcome.error)


async def test_other_configuration_is_left_to_others() -> None:
    async with open_bench() as bench:
        assert (await bench.call(table="orders", nested={"a": 1})).is_success


async def test_a_tool_without_an_address_says_so() -> None:
    async with open_bench() as bench:
        outcome = await bench.executor.execute(build_tool(None), CALL, CONTEXT)
    assert "no webhook address" in str(outcome.error)


async def test_a_tenant_without_a_secret_sends_nothing() -> None:
    async with open_bench() as bench:
        outcome = await bench.call(context=ToolContext(tenant_id=TenantId("tenant-2")))
    assert bench.server.requests == []
    assert "signing secret" in str(outcome.error)


def test_the_kind_is_the_one_that_tools_name() -> None:
    assert Bench(WebhookServer(), EgressClient()).executor.kind == "n8n_webhook"


async def test_what_an_earlier_attempt_may_have_done_is_not_denied_by_the_last() -> None:
    lost = (Reply(status=503), reply_json({"success": False, "message": "Closed."}, 422))
    async with open_bench(*lost) as bench:
        outcome = await bench.call(risk="write", idempotent=True)
    assert (outcome.attempts, outcome.failure, outcome.output) == (2, "unknown", None)
    patient = (Reply(status=429), reply_json({"success": False, "message": "Closed."}, 422))
    async with open_bench(*patient) as bench:
        outcome = await bench.call(risk="write", idempotent=True)
    assert (outcome.attempts, outcome.failure, outcome.output) == (2, "refused", "Closed.")


async def test_a_mapped_integration_is_told_to_the_webhook_and_its_key_to_nobody_else() -> None:
    async with open_bench() as bench:
        bench.integrations.described = {
            "shop": WebhookAccess(
                api_url="https://shop.example/api",
                api_key="key-of-the-shop-1234",
                auth_method="bearer",
                method="GET",
            )
        }
        tool = build_tool(bench.server.url)
        mapped = msgspec.structs.replace(tool, integration_mapping={"shop": "i-1"})
        outcome = await bench.executor.execute(mapped, CALL, CONTEXT)
        unmapped = await bench.executor.execute(tool, CALL, CONTEXT)
    told, untold = (request.json() for request in bench.server.requests)
    fields = {
        "apiUrl": "https://shop.example/api",
        "apiKey": "key-of-the-shop-1234",
        "authMethod": "bearer",
        "method": "GET",
    }
    assert told["_integrations"] == {"shop": fields}
    assert is_signed(bench.server.requests[0], SECRET)
    assert outcome.sent["_integrations"]["shop"]["apiKey"] == {"set": True, "hint": "...1234"}
    assert "key-of-the-shop-1234" not in str(outcome)
    assert "_integrations" not in untold
    assert "_integrations" not in unmapped.sent


async def test_no_parameter_takes_the_place_of_the_integrations() -> None:
    async with open_bench() as bench:
        bench.integrations.described = {
            "shop": WebhookAccess(api_url="u", api_key=None, auth_method="none", method="GET")
        }
        call = ToolCall(id="c", name="x", arguments={"_integrations": {"shop": "mine"}})
        tool = build_tool(bench.server.url)
        mapped = msgspec.structs.replace(tool, integration_mapping={"shop": "i-1"})
        await bench.executor.execute(mapped, call, CONTEXT)
    assert bench.server.requests[0].json()["_integrations"]["shop"]["apiUrl"] == "u"


NAMED = {"type": "httpHeaderAuth", "name": "n8n"}


async def test_a_credential_signs_in_at_the_hosts_it_is_for() -> None:
    async with open_bench() as bench:
        values = {"name": "X-Key", "value": "s3cret"}
        hosts = (bench.server.authority,)
        bench.credentials.held = [build_credential("httpHeaderAuth", values, hosts=hosts)]
        outcome = await bench.call(credential=NAMED)
        unsigned = await bench.call()
    signed, plain = bench.server.requests
    assert outcome.is_success
    assert unsigned.is_success
    assert signed.headers["x-key"] == "s3cret"
    assert "x-key" not in plain.headers
    assert "s3cret" not in repr(outcome)


async def test_no_credential_takes_the_place_of_the_signature() -> None:
    async with open_bench() as bench:
        values = {"name": "x-csai-signature", "value": "forged"}
        bench.credentials.held = [
            build_credential("httpHeaderAuth", values, hosts=(bench.server.authority,))
        ]
        outcome = await bench.call(credential=NAMED)
    assert bench.server.requests == []
    assert "which every call has itself" in str(outcome.error)


@pytest.mark.parametrize(
    ("held", "named", "words"),
    [
        ([], NAMED, "no credential 'n8n'"),
        ([build_credential("httpHeaderAuth", {}, tenant_id="other")], NAMED, "no credential"),
        ([build_credential("httpHeaderAuth", {"name": "a", "value": "b"})], NAMED, "may not be"),
        ([build_credential("httpHeaderAuth", {"name": "a"})], NAMED, "has no 'value'"),
        ([], "n8n", "configuration does not fit"),
    ],
    ids=["none", "another tenant's", "for no host", "half a one", "not named by type"],
)
async def test_without_a_fitting_credential_nothing_is_sent(
    held: list[Any], named: Any, words: str
) -> None:
    async with open_bench() as bench:
        bench.credentials.held = held
        outcome = await bench.call(credential=named)
    assert bench.server.requests == []
    assert (outcome.is_success, outcome.failure) == (False, "not_available")
    assert words in str(outcome.error)


async def test_the_receiver_is_told_the_tools_configuration_but_not_how_it_is_called() -> None:
    own = {"timeout_s": 5, "idempotent": True, "identity": {"order_number": "sub"}}
    async with open_bench() as bench:
        await bench.call(**own)
        await bench.call(**own, opening_hours={"mon": "09:00-12:00"})
    plain, configured = (request.json() for request in bench.server.requests)
    assert "_config" not in plain
    assert configured["_config"] == {"opening_hours": {"mon": "09:00-12:00"}}


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"timeout_s": "x"}, "timeout_s"),
        ({"timeout_s": -1}, "timeout_s"),
        ({"timeout_s": 10_000}, "timeout_s"),
        ({"idempotent": "maybe"}, "idempotent"),
        ({"credential": "n8n"}, "credential"),
        ({"credential": {"type": "httpHeaderAuth"}}, "credential.name"),
        ({"credential": {"type": "httpHeaderAuth", "name": "other"}}, "credential"),
        ({"credential": {"type": "smtp", "name": "n8n"}}, "credential"),
    ],
)
async def test_what_does_not_fit_is_known_before_a_call(config: dict[str, Any], field: str) -> None:
    async with open_bench() as bench:
        bench.credentials.held = [build_credential("smtp", {})]
        tool = build_tool(bench.server.url, **config)
        errors = await bench.executor.find_setup_errors(tool)
    assert [error.field for error in errors] == [f"custom_config.{field}"]


async def test_options_that_fit_and_what_is_the_receivers_own_are_taken() -> None:
    config = {"timeout_s": 5, "idempotent": True, "credential": NAMED, "branch": ["north"]}
    async with open_bench() as bench:
        bench.credentials.held = [build_credential("httpHeaderAuth", {"name": "a", "value": "b"})]
        tool = build_tool(bench.server.url, **config)
        assert await bench.executor.find_setup_errors(tool) == []
    assert bench.server.requests == []
