from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from appliance.domain.ids import EndpointId, IntegrationId
from appliance.domain.integration import Endpoint, StoredIntegration, ToolOffer
from appliance.errors import Conflict, InvalidInput, NotFound
from appliance.services.offered_tools import Approval, OfferedTools
from appliance.services.starter_tables import StarterTables
from appliance.services.tenant_directory import TenantDirectory
from appliance.services.tool_mirror import ToolMirror
from appliance.services.tool_setup import ToolSetup
from appliance.services.tools import NewTool, ToolService
from tests.fakes.integrations import build_endpoint, build_integration
from tests.fakes.sqlite_database import TemporaryDatabase


class Offering:
    """A type whose systems offer what the test says, or a system that offers nothing."""

    name = "mcp"
    secret_fields: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.offers: Sequence[ToolOffer] = ()

    def open(self, integration: StoredIntegration) -> Any:
        return self

    async def list_offers(self) -> list[ToolOffer]:
        return list(self.offers)


class Mute(Offering):
    name = "rest"
    list_offers = None  # type: ignore[assignment]

    def open(self, integration: StoredIntegration) -> Any:
        return object()


def offer(name: str = "find", **fields: Any) -> ToolOffer:
    given = {
        "tool_name": name,
        "description": "Looks up.",
        "parameters_schema": {"type": "object"},
        "fingerprint": "1",
    }
    return ToolOffer(name=name, **{**given, **fields})


class Bench:
    def __init__(self, temporary: TemporaryDatabase) -> None:
        database = temporary.database
        self.tenant_id = temporary.tenant_id
        self.other_tenant_id = temporary.other_tenant_id
        self.store = database.integrations
        self.catalogue = database.tools
        self.kind = Offering()
        self.tools = ToolService(
            tools=database.tools,
            integrations=database.integrations,
            executors=("integration",),
            setup=ToolSetup(workflows=database.workflows, settings={}, executors={}),
            starter_tables=StarterTables(database.data_tables, {}),
            directory=TenantDirectory(
                tenants=database.tenants, tools=database.tools, clock=temporary.clock
            ),
            clock=temporary.clock,
        )
        self.offered = OfferedTools(
            store=self.store,
            kinds={"mcp": self.kind, "rest": Mute()},  # type: ignore[dict-item]
            mirror=ToolMirror(self.store, temporary.clock),
            catalogue=database.tools,
            tools=self.tools,
        )

    async def connect(self, name: str = "Warehouse", kind: str = "mcp") -> IntegrationId:
        made = build_integration(
            {}, integration_type=kind, name=name, tenant_id=self.tenant_id,
            id=IntegrationId(f"i-{name}"),
        )  # fmt: skip
        await self.store.add(made)
        return made.id

    async def take(self, integration_id: IntegrationId, *offers: ToolOffer) -> Endpoint:
        """Refresh and approve the first."""
        self.kind.offers = offers
        [first, *_] = (await self.offered.refresh(self.tenant_id, integration_id)).endpoints
        approval = Approval(fingerprint=offers[0].fingerprint)
        return await self.offered.approve(self.tenant_id, integration_id, first.id, approval)


@pytest.fixture
def bench(temporary: TemporaryDatabase) -> Bench:
    return Bench(temporary)


async def test_an_approved_offer_becomes_a_tool_of_the_tenant(bench: Bench) -> None:
    integration_id = await bench.connect()
    endpoint = await bench.take(integration_id, offer())
    made = await bench.offered.make_tool(bench.tenant_id, integration_id, endpoint.id)
    assert (made.tool.tool_name, made.tool.description, made.risk) == (
        "find",
        "Looks up.",
        "write",
    )
    assert made.executor == "integration"
    assert made.integration_mapping == {"mcp": integration_id}
    assert await bench.catalogue.list_for_tenant(bench.tenant_id) == [made]


async def test_it_is_renewed_and_not_made_twice(bench: Bench) -> None:
    integration_id = await bench.connect()
    endpoint = await bench.take(integration_id, offer())
    first = await bench.offered.make_tool(bench.tenant_id, integration_id, endpoint.id)
    await bench.take(integration_id, offer(fingerprint="2", description="Better."))
    again = await bench.offered.make_tool(bench.tenant_id, integration_id, endpoint.id)
    assert again.tool.id == first.tool.id
    assert again.tool.description == "Better."


async def test_a_name_that_another_tool_has_is_left_to_it(bench: Bench) -> None:
    await bench.tools.create(NewTool(tool_name="find", description="Ours."))
    names = []
    for shop in ("Our Store!", "Our Store?"):
        integration_id = await bench.connect(shop)
        endpoint = await bench.take(integration_id, offer())
        made = await bench.offered.make_tool(bench.tenant_id, integration_id, endpoint.id)
        names.append(made.tool.tool_name)
    assert names[0] == "Our_Store_find"
    assert names[1].startswith("Our_Store_find_")
    ours = await bench.catalogue.find_by_name("find")
    assert ours is not None
    assert ours.description == "Ours."


async def test_what_nobody_approved_becomes_no_tool(bench: Bench) -> None:
    integration_id = await bench.connect()
    bench.kind.offers = [offer()]
    [endpoint] = (await bench.offered.refresh(bench.tenant_id, integration_id)).endpoints
    with pytest.raises(Conflict) as caught:
        await bench.offered.make_tool(bench.tenant_id, integration_id, endpoint.id)
    assert caught.value.code == "not_approved"


async def test_only_what_was_looked_at_is_approved(bench: Bench) -> None:
    integration_id = await bench.connect()
    bench.kind.offers = [offer(fingerprint="2")]
    [endpoint] = (await bench.offered.refresh(bench.tenant_id, integration_id)).endpoints
    with pytest.raises(Conflict) as caught:
        await bench.offered.approve(
            bench.tenant_id, integration_id, endpoint.id, Approval(fingerprint="1")
        )
    assert caught.value.code == "offer_changed"


async def test_a_pattern_that_is_not_safe_is_mirrored_and_never_approved(bench: Bench) -> None:
    integration_id = await bench.connect()
    schema = {"type": "object", "properties": {"code": {"type": "string", "pattern": "^(a+)+$"}}}
    with pytest.raises(InvalidInput, match=r"properties\.code\.pattern .* write one repeat"):
        await bench.take(integration_id, offer(parameters_schema=schema))
    [endpoint] = await bench.store.list_endpoints(bench.tenant_id, integration_id)
    assert endpoint.offer is not None
    assert endpoint.offer.parameters_schema == schema
    assert not endpoint.is_approved


async def test_a_system_that_offers_nothing_by_itself(bench: Bench) -> None:
    integration_id = await bench.connect(kind="rest")
    with pytest.raises(InvalidInput, match="'rest'"):
        await bench.offered.refresh(bench.tenant_id, integration_id)
    endpoint = build_endpoint(tenant_id=bench.tenant_id, integration_id=integration_id)
    await bench.store.put_endpoint(endpoint)
    with pytest.raises(InvalidInput):
        await bench.offered.approve(
            bench.tenant_id, integration_id, endpoint.id, Approval(fingerprint="1")
        )


async def test_another_tenants_reads_as_absent(bench: Bench) -> None:
    integration_id = await bench.connect()
    endpoint = await bench.take(integration_id, offer())
    other = bench.other_tenant_id
    for ask in (
        bench.offered.refresh(other, integration_id),
        bench.offered.approve(other, integration_id, endpoint.id, Approval(fingerprint="1")),
        bench.offered.make_tool(other, integration_id, endpoint.id),
        bench.offered.make_tool(bench.tenant_id, integration_id, EndpointId("none")),
    ):
        with pytest.raises(NotFound):
            await ask
