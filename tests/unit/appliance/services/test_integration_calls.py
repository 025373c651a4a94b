from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from appliance.domain.ids import IntegrationId, new_id
from appliance.domain.integration import EndpointParameter, IntegrationCall, StoredIntegration
from appliance.domain.tool import Risk, ToolOutcome
from appliance.errors import StorageError
from appliance.services.cache_roles import LiveData
from appliance.services.integration_calls import IntegrationCalls
from appliance.storage.cache import DiskCache
from tests.fakes.integrations import JsonApi, build_endpoint, build_integration, open_json_api
from tests.fakes.sqlite_database import TemporaryDatabase
from tests.fakes.webhook_server import reply_json

NUMBER = EndpointParameter(name="number", location="path")


class Stage:
    """A stored integration whose system answers on a loopback port."""

    def __init__(self, temporary: TemporaryDatabase, api: JsonApi, store: Any = None) -> None:
        self.temporary, self.api = temporary, api
        self.store = temporary.database.integrations
        self.integration = build_integration(
            {"base_url": api.base_url, "auth": "bearer", "api_key": "key-of-the-shop"},
            id=IntegrationId(new_id()),
            tenant_id=temporary.tenant_id,
        )
        self.cache = DiskCache(temporary.folder / "cache")
        self.calls = IntegrationCalls(
            store=store or self.store,
            kinds={"rest": api.kind},
            live_data=LiveData(self.cache),
            clock=temporary.clock,
        )

    async def connect(self, **endpoint: Any) -> None:
        await self.store.add(self.integration)
        await self.put_endpoint(**endpoint)

    async def put_endpoint(self, **fields: Any) -> None:
        await self.store.put_endpoint(
            build_endpoint(
                **{
                    "parameters": [NUMBER],
                    "tenant_id": self.temporary.tenant_id,
                    "integration_id": self.integration.id,
                    **fields,
                }
            )
        )

    async def call(self, number: str = "7", *, risk: Risk = "read") -> ToolOutcome:
        tenant_id = self.temporary.tenant_id
        return await self.calls.call(
            tenant_id, self.integration.id, "order", {"number": number}, risk=risk
        )

    async def log(self) -> list[IntegrationCall]:
        page = await self.store.list_calls(
            self.temporary.tenant_id, self.integration.id, limit=50, cursor=None
        )
        return page.items


@pytest_asyncio.fixture
async def stage(temporary: TemporaryDatabase) -> AsyncIterator[Stage]:
    async with open_json_api(*(reply_json({"n": n}) for n in range(1, 5))) as api:
        stage = Stage(temporary, api)
        yield stage
        await stage.cache.close()


async def test_a_call_is_answered_and_logged(stage: Stage) -> None:
    await stage.connect()
    outcome = await stage.call()
    assert (outcome.is_success, outcome.output) == (True, {"n": 1})
    [line] = await stage.log()
    assert (line.endpoint_name, line.outcome, line.status) == ("order", "succeeded", 200)
    assert (line.attempts, line.error, line.called_at) == (1, None, stage.temporary.clock.now())


async def test_an_answer_is_given_again_for_as_long_as_the_endpoint_says(stage: Stage) -> None:
    await stage.connect(cache_s=60)
    assert (await stage.call()).output == {"n": 1}
    again = await stage.call()
    assert (again.is_success, again.output, again.attempts) == (True, {"n": 1}, 0)
    assert (await stage.call("8")).output == {"n": 2}
    assert [line.outcome for line in await stage.log()].count("cached") == 1


async def test_nothing_is_given_again_without_being_told(stage: Stage) -> None:
    await stage.connect()
    assert [(await stage.call()).output for _ in range(2)] == [{"n": 1}, {"n": 2}]


async def test_what_writes_is_never_given_again(stage: Stage) -> None:
    await stage.connect(cache_s=60, risk="write")
    outputs = [(await stage.call(risk="write")).output for _ in range(2)]
    assert outputs == [{"n": 1}, {"n": 2}]


async def test_a_changed_endpoint_or_connection_is_asked_anew(stage: Stage) -> None:
    await stage.connect(cache_s=60)
    await stage.call()
    await stage.put_endpoint(cache_s=60, response_mapping="n")
    assert (await stage.call()).output == 2
    later = msgspec.structs.replace(
        stage.integration, updated_at=stage.temporary.clock.now().replace(year=2030)
    )
    await stage.store.save(later)
    assert (await stage.call()).output == 3


async def test_a_failure_is_not_remembered(temporary: TemporaryDatabase) -> None:
    async with open_json_api(reply_json({}, 404), reply_json({"n": 2})) as api:
        stage = Stage(temporary, api)
        await stage.connect(cache_s=60)
        assert not (await stage.call()).is_success
        assert (await stage.call()).output == {"n": 2}
        [newest, oldest] = await stage.log()
        assert (newest.outcome, oldest.outcome, oldest.status) == ("succeeded", "failed", 404)
        assert oldest.error is not None
        await stage.cache.close()


@pytest.mark.parametrize(("endpoint", "tool"), [("write", "read"), ("destructive", "write")])
async def test_a_tool_asks_nothing_riskier_than_itself(
    stage: Stage, endpoint: Risk, tool: Risk
) -> None:
    await stage.connect(risk=endpoint)
    outcome = await stage.call(risk=tool)
    assert outcome.failure == "not_available"
    assert stage.api.server.requests == []


async def test_what_is_not_there_is_told(stage: Stage) -> None:
    assert "was removed" in ((await stage.call()).error or "")
    await stage.connect()
    tenant_id, found = stage.temporary.tenant_id, stage.integration
    missing = await stage.calls.call(tenant_id, found.id, "nothing", {}, risk="read")
    assert "no endpoint 'nothing'" in (missing.error or "")
    other = stage.temporary.other_tenant_id
    foreign = await stage.calls.call(other, found.id, "order", {"number": "7"}, risk="read")
    assert "was removed" in (foreign.error or "")
    for changes in ({"enabled": False}, {"integration_type": "odd"}, {"connection_config": {}}):
        await stage.store.save(msgspec.structs.replace(found, **changes))
        assert not (await stage.call()).is_success
    assert stage.api.server.requests == []


async def test_a_log_that_cannot_be_written_does_not_undo_the_call(
    temporary: TemporaryDatabase,
) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            return getattr(temporary.database.integrations, name)

        async def add_call(self, call: IntegrationCall, *, keep: int) -> None:
            raise StorageError("The disk is full.")

    async with open_json_api() as api:
        stage = Stage(temporary, api, Broken())
        await stage.connect()
        assert (await stage.call()).is_success
        await stage.cache.close()


async def test_an_endpoint_of_somebodys_data_wants_a_proved_argument(stage: Stage) -> None:
    await stage.store.add(stage.integration)
    whose = msgspec.structs.replace(NUMBER, from_identity=True)
    await stage.put_endpoint(parameters=[whose])
    tenant_id = stage.temporary.tenant_id

    async def ask(*bound: str) -> ToolOutcome:
        return await stage.calls.call(
            tenant_id, stage.integration.id, "order", {"number": "7"}, risk="read", bound=bound
        )

    for wrong in ((), ("email",)):
        outcome = await ask(*wrong)
        assert (outcome.failure, outcome.attempts) == ("not_available", 0)
        assert "bind the tool's parameter 'number'" in (outcome.error or "")
    assert stage.api.server.requests == []
    assert (await ask("number", "email")).is_success


async def test_a_webhook_is_told_of_what_is_mapped_and_on(stage: Stage) -> None:
    await stage.connect()
    tenant_id, store = stage.temporary.tenant_id, stage.store
    off = await add_other(stage, enabled=False)
    broken = await add_other(stage, connection_config={})
    mapping = {"order": stage.integration.id, "erp": stage.integration.id, "off": off.id}
    found = await stage.calls.describe(
        tenant_id, {**mapping, "broken": broken.id, "gone": "nowhere"}
    )
    assert set(found) == {"order", "erp"}
    assert found["order"].api_url == f"{stage.api.base_url}/orders/{{number}}"
    assert found["erp"].api_url == stage.api.base_url
    assert found["erp"].api_key == "key-of-the-shop"
    assert await stage.calls.describe(stage.temporary.other_tenant_id, mapping) == {}
    assert len(await store.list_all(tenant_id)) == 3


async def add_other(stage: Stage, **changes: Any) -> StoredIntegration:
    other = msgspec.structs.replace(stage.integration, id=IntegrationId(new_id()), **changes)
    await stage.store.add(other)
    return other
