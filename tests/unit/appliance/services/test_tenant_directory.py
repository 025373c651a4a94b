from __future__ import annotations

import asyncio
from typing import Any

import pytest

from appliance.domain.ids import TenantId
from appliance.services import tenant_directory
from appliance.services.tenant_directory import MAX_AGE_S, TenantDirectory
from tests.fakes.shops import build_tenant, build_tenant_tool
from tests.fakes.sqlite_database import TemporaryDatabase


def build(temporary: TemporaryDatabase, tenants: Any = None) -> TenantDirectory:
    database = temporary.database
    return TenantDirectory(
        tenants=tenants or database.tenants, tools=database.tools, clock=temporary.clock
    )


@pytest.fixture
def directory(temporary: TemporaryDatabase) -> TenantDirectory:
    return build(temporary)


async def add_shop(temporary: TemporaryDatabase, key: str, **fields: Any) -> TenantId:
    tenant = build_tenant(**fields)
    await temporary.database.tenants.add(tenant)
    await temporary.database.tenants.add_publishable_key(tenant.id, key, at=temporary.clock.now())
    return tenant.id


async def rename(temporary: TemporaryDatabase, tenant_id: TenantId, name: str) -> None:
    await temporary.database.tenants.save(build_tenant(id=tenant_id, name=name))


async def name_of(directory: TenantDirectory, key: str) -> str | None:
    known = await directory.find_by_key(key)
    return known.tenant.name if known else None


async def test_a_key_finds_its_tenant_and_its_enabled_tools(
    temporary: TemporaryDatabase, directory: TenantDirectory
) -> None:
    tenant_id = await add_shop(temporary, "pk_a")
    for name, enabled in (("get_order_status", True), ("check_inventory", False)):
        tool = build_tenant_tool(tenant_id, name, enabled=enabled)
        await temporary.database.tools.add(tool.tool)
        await temporary.database.tools.put_for_tenant(tool)
    known = await directory.find_by_key("pk_a")
    assert known is not None
    assert known.tenant.id == tenant_id
    assert list(known.tools) == ["get_order_status"]


@pytest.mark.parametrize("key", ["", "pk_", "pk_A", "pk_unknown", "' OR 1=1 --"])
async def test_an_unknown_key_finds_nobody(
    temporary: TemporaryDatabase, directory: TenantDirectory, key: str
) -> None:
    await add_shop(temporary, "pk_a")
    assert await directory.find_by_key(key) is None


async def test_what_was_found_is_used_for_a_while(
    temporary: TemporaryDatabase, directory: TenantDirectory
) -> None:
    tenant_id = await add_shop(temporary, "pk_a", name="Before")
    assert await name_of(directory, "pk_a") == "Before"
    await rename(temporary, tenant_id, "After")
    temporary.clock.advance(MAX_AGE_S - 1)
    assert await name_of(directory, "pk_a") == "Before"
    temporary.clock.advance(1)
    assert await name_of(directory, "pk_a") == "After"


@pytest.mark.parametrize("forgets_all", [True, False])
async def test_a_told_change_is_seen_at_once(
    temporary: TemporaryDatabase, directory: TenantDirectory, forgets_all: bool
) -> None:
    tenant_id = await add_shop(temporary, "pk_a", name="Before")
    other_id = await add_shop(temporary, "pk_b", name="Other")
    await name_of(directory, "pk_a")
    await name_of(directory, "pk_b")
    await rename(temporary, tenant_id, "After")
    await rename(temporary, other_id, "Changed elsewhere")
    directory.forget(None if forgets_all else tenant_id)
    assert await name_of(directory, "pk_a") == "After"
    assert await name_of(directory, "pk_b") == ("Changed elsewhere" if forgets_all else "Other")


async def test_a_change_during_a_lookup_is_not_hidden_by_it(
    temporary: TemporaryDatabase,
) -> None:
    tenant_id = await add_shop(temporary, "pk_a", name="Before")
    has_read, may_go_on = asyncio.Event(), asyncio.Event()

    class SlowTenants:
        async def find_by_publishable_key(self, key: str, **named: Any) -> Any:
            found = await temporary.database.tenants.find_by_publishable_key(key, **named)
            has_read.set()
            await may_go_on.wait()
            return found

    directory = build(temporary, SlowTenants())
    looking = asyncio.create_task(name_of(directory, "pk_a"))
    await has_read.wait()
    await rename(temporary, tenant_id, "After")
    directory.forget(tenant_id)
    may_go_on.set()
    await looking
    assert await name_of(directory, "pk_a") == "After"


async def test_memory_is_bounded(
    temporary: TemporaryDatabase, directory: TenantDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenant_directory, "MAX_TENANTS", 2)
    ids = [await add_shop(temporary, f"pk_{n}", name=str(n)) for n in range(3)]
    for number in range(3):
        assert await name_of(directory, f"pk_{number}") == str(number)
    for tenant_id in ids:
        await rename(temporary, tenant_id, "After")
    assert [await name_of(directory, f"pk_{n}") for n in (2, 1, 0)] == ["2", "1", "After"]


async def test_an_origin_is_known_when_some_active_tenant_allows_it(
    temporary: TemporaryDatabase, directory: TenantDirectory
) -> None:
    await add_shop(temporary, "pk_a", allowed_origins=["https://a.example"])
    await add_shop(temporary, "pk_b", allowed_origins=["https://b.example"], status="inactive")
    assert await directory.is_origin_of_any_tenant("https://a.example")
    assert not await directory.is_origin_of_any_tenant("https://b.example")
    assert not await directory.is_origin_of_any_tenant("https://a.example.evil.example")
    assert not await directory.is_origin_of_any_tenant("*")


async def test_a_tenant_for_every_origin_makes_each_known(
    temporary: TemporaryDatabase, directory: TenantDirectory
) -> None:
    await add_shop(temporary, "pk_a", allowed_origins=["*"])
    assert await directory.is_origin_of_any_tenant("https://anything.example")


async def test_new_origins_are_seen_when_told_or_after_a_while(
    temporary: TemporaryDatabase, directory: TenantDirectory
) -> None:
    assert not await directory.is_origin_of_any_tenant("https://a.example")
    await add_shop(temporary, "pk_a", allowed_origins=["https://a.example"])
    assert not await directory.is_origin_of_any_tenant("https://a.example")
    directory.forget()
    assert await directory.is_origin_of_any_tenant("https://a.example")
    await add_shop(temporary, "pk_b", allowed_origins=["https://b.example"])
    temporary.clock.advance(MAX_AGE_S + 1)
    assert await directory.is_origin_of_any_tenant("https://b.example")


async def test_the_origins_of_very_many_tenants_are_all_read(
    temporary: TemporaryDatabase, directory: TenantDirectory
) -> None:
    for number in range(205):
        origin = f"https://shop{number}.example"
        await temporary.database.tenants.add(build_tenant(allowed_origins=[origin]))
    assert await directory.is_origin_of_any_tenant("https://shop204.example")
