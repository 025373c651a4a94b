from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from appliance.domain.ids import TenantId
from appliance.domain.tenant import LlmSettings, ModelChoice
from appliance.errors import InvalidInput, NotFound
from appliance.services.tenant_changes import TenantChanges
from appliance.services.tenant_directory import TenantDirectory
from appliance.services.tenants import (
    NewTenant,
    TenantService,
    build_embed_snippet,
    find_origin_problem,
)
from tests.fakes.sqlite_database import TemporaryDatabase

NOBODY = TenantId("00000000-0000-0000-0000-000000000000")


@pytest.fixture
def directory(temporary: TemporaryDatabase) -> TenantDirectory:
    database = temporary.database
    return TenantDirectory(tenants=database.tenants, tools=database.tools, clock=temporary.clock)


@pytest.fixture
def tenants(temporary: TemporaryDatabase, directory: TenantDirectory) -> TenantService:
    return TenantService(
        tenants=temporary.database.tenants,
        directory=directory,
        clock=temporary.clock,
    )


async def test_a_new_tenant_has_a_key_and_a_signing_secret(
    tenants: TenantService, directory: TenantDirectory, temporary: TemporaryDatabase
) -> None:
    created = await tenants.create(NewTenant(name="  Dana's Flowers  "))
    assert created.api_key.startswith("pk_")
    assert created.signing_secret.startswith("whsec_")
    assert created.tenant.name == "Dana's Flowers"
    assert await tenants.get(created.tenant.id) == created.tenant
    known = await directory.find_by_key(created.api_key)
    assert known is not None
    assert known.tenant == created.tenant
    secret = await temporary.database.tenants.get_signing_secret(created.tenant.id)
    assert secret == created.signing_secret


async def test_no_two_tenants_share_a_key(tenants: TenantService) -> None:
    one, other = [await tenants.create(NewTenant(name="Twin")) for _ in range(2)]
    assert one.tenant.id != other.tenant.id
    assert one.api_key != other.api_key
    assert one.signing_secret != other.signing_secret


async def test_a_providers_short_name_is_stored_as_its_own(tenants: TenantService) -> None:
    llm = LlmSettings(provider="Claude", fallbacks=[ModelChoice(provider="openai", model="m")])
    created = await tenants.create(NewTenant(name="Shop", llm=llm))
    stored = (await tenants.get(created.tenant.id)).llm
    assert stored.provider == "anthropic"
    assert stored.fallbacks == [ModelChoice(provider="openai_compatible", model="m")]


INVALID: list[tuple[dict[str, object], list[str]]] = [
    ({"name": "   "}, ["name"]),
    ({"language": "english please"}, ["language"]),
    ({"language": ""}, ["language"]),
    ({"time_zone": "Mars/Olympus"}, ["time_zone"]),
    ({"time_zone": ""}, ["time_zone"]),
    ({"time_zone": "../../etc/passwd"}, ["time_zone"]),
    ({"time_zone": "Europe"}, ["time_zone"]),
    ({"time_zone": "a\0b"}, ["time_zone"]),
    ({"allowed_origins": ["https://a.example", "a.example", "*/x"]}, ["allowed_origins"] * 2),
    ({"widget_config": {"primary_color": "red"}}, ["widget_config.primary_color"]),
    ({"llm": LlmSettings(provider="skynet")}, ["llm.provider"]),
    (
        {
            "llm": LlmSettings(
                fallbacks=[ModelChoice(provider="builtin"), ModelChoice(provider="x")]
            )
        },
        ["llm.fallbacks.1.provider"],
    ),
    ({"name": " ", "language": "?", "time_zone": "?"}, ["name", "language", "time_zone"]),
]


@pytest.mark.parametrize(("fields", "named"), INVALID)
async def test_each_field_that_does_not_fit_is_named(
    tenants: TenantService, fields: dict[str, object], named: list[str]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await tenants.create(NewTenant(**({"name": "Shop"} | fields)))  # type: ignore[arg-type]
    assert [error.field for error in caught.value.errors] == named
    created = await tenants.create(NewTenant(name="Shop"))
    changes = msgspec.convert(msgspec.to_builtins(fields), TenantChanges)
    with pytest.raises(InvalidInput):
        await tenants.change(created.tenant.id, changes)
    assert await tenants.get(created.tenant.id) == created.tenant


async def test_a_model_without_a_name_is_the_providers_own(tenants: TenantService) -> None:
    llm = LlmSettings(model=" ", fallbacks=[ModelChoice(provider="ollama", model="")])
    created = await tenants.create(NewTenant(name="Shop", llm=llm))
    assert created.tenant.llm.model is None
    assert created.tenant.llm.fallbacks == [ModelChoice(provider="ollama")]


async def test_only_given_fields_change(
    tenants: TenantService, temporary: TemporaryDatabase
) -> None:
    before = (await tenants.create(NewTenant(name="Shop", domain="shop.example"))).tenant
    temporary.clock.advance(60)
    after = await tenants.change(before.id, TenantChanges(name=" New name ", domain=None))
    assert (after.name, after.domain) == ("New name", None)
    assert after.updated_at == before.updated_at + timedelta(seconds=60)
    assert (after.language, after.created_at) == (before.language, before.created_at)


async def test_a_change_is_seen_by_the_next_visitor(
    tenants: TenantService, directory: TenantDirectory
) -> None:
    created = await tenants.create(NewTenant(name="Shop"))
    await directory.find_by_key(created.api_key)
    await tenants.change(created.tenant.id, TenantChanges(language="he"))
    known = await directory.find_by_key(created.api_key)
    assert known is not None
    assert known.tenant.language == "he"


async def test_a_switched_off_tenant_answers_nobody_and_keeps_its_data(
    tenants: TenantService, directory: TenantDirectory
) -> None:
    created = await tenants.create(NewTenant(name="Shop"))
    await directory.find_by_key(created.api_key)
    await tenants.deactivate(created.tenant.id)
    assert await directory.find_by_key(created.api_key) is None
    assert (await tenants.get(created.tenant.id)).status == "inactive"
    await tenants.change(created.tenant.id, TenantChanges(status="active"))
    assert await directory.find_by_key(created.api_key) is not None


async def test_an_unknown_tenant_is_not_found(tenants: TenantService) -> None:
    for work in (
        tenants.get(NOBODY),
        tenants.change(NOBODY, TenantChanges()),
        tenants.deactivate(NOBODY),
        tenants.list_keys(NOBODY),
        tenants.add_key(NOBODY),
        tenants.delete_key(NOBODY, "k"),
    ):
        with pytest.raises(NotFound):
            await work


async def test_an_old_key_works_until_its_overlap_is_over(
    tenants: TenantService, directory: TenantDirectory, temporary: TemporaryDatabase
) -> None:
    created = await tenants.create(NewTenant(name="Shop"))
    stored, key = await tenants.add_key(created.tenant.id, overlap=timedelta(hours=1))
    keys = await tenants.list_keys(created.tenant.id)
    assert [entry.id for entry in keys][-1] == stored.id
    assert keys[0].expires_at == temporary.clock.now() + timedelta(hours=1)
    assert await directory.find_by_key(created.api_key) is not None
    temporary.clock.advance(3601)
    assert await directory.find_by_key(created.api_key) is None
    assert await directory.find_by_key(key) is not None


async def test_a_deleted_key_is_refused_at_once(
    tenants: TenantService, directory: TenantDirectory
) -> None:
    created = await tenants.create(NewTenant(name="Shop"))
    (key,) = await tenants.list_keys(created.tenant.id)
    assert await directory.find_by_key(created.api_key) is not None
    await tenants.delete_key(created.tenant.id, key.id)
    assert await directory.find_by_key(created.api_key) is None


async def test_another_tenants_key_cannot_be_deleted(tenants: TenantService) -> None:
    mine, other = [await tenants.create(NewTenant(name="Shop")) for _ in range(2)]
    (key,) = await tenants.list_keys(other.tenant.id)
    with pytest.raises(NotFound):
        await tenants.delete_key(mine.tenant.id, key.id)
    assert len(await tenants.list_keys(other.tenant.id)) == 1


async def test_a_renewed_signing_secret_replaces_the_old_one(
    tenants: TenantService, temporary: TemporaryDatabase
) -> None:
    created = await tenants.create(NewTenant(name="Dana's Flowers"))
    renewed = await tenants.renew_signing_secret(created.tenant.id)
    assert renewed.startswith("whsec_")
    assert renewed != created.signing_secret
    stored = await temporary.database.tenants.get_signing_secret(created.tenant.id)
    assert stored == renewed
    with pytest.raises(NotFound):
        await tenants.renew_signing_secret(NOBODY)


async def test_tenants_are_listed_page_by_page(tenants: TenantService) -> None:
    names = [f"Shop {number}" for number in range(3)]
    for name in names:
        await tenants.create(NewTenant(name=name))
    listed: list[str] = []
    cursor = None
    while True:
        page = await tenants.list_page(limit=2, cursor=cursor, only=None)
        listed += [tenant.name for tenant in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert listed[-3:] == names


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "https://shop.example",
        "http://shop.example",
        "https://www.shop.example:8443",
        "http://localhost:3000",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
        "https://xn--9dbne9b.example",
        "http://my_host",
    ],
)
def test_what_a_browser_sends_is_an_origin(origin: str) -> None:
    assert find_origin_problem(origin) is None


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "shop.example",
        "https://",
        "https://shop.example/",
        "https://shop.example/page",
        "https://shop.example?x",
        "https://shop.example#x",
        "https://Shop.example",
        "HTTPS://shop.example",
        "https://user@shop.example",
        "https://user:pw@shop.example",
        "https://*.shop.example",
        "https://shop.example:443",
        "http://shop.example:80",
        "https://shop.example:",
        "https://shop.example:x",
        "https://shop example",
        " https://shop.example",
        "https://shop.example\n",
        "https://חנות.example",
        "ftp://shop.example",
        "file://",
        "javascript:alert(1)",
        "http://[",
        "http://[::1",
        "https://a..b",
    ],
)
def test_what_no_browser_sends_is_refused_with_its_value(origin: str) -> None:
    assert repr(origin) in (find_origin_problem(origin) or "")


def test_the_snippet_cannot_be_broken_out_of() -> None:
    snippet = build_embed_snippet('https://a.example/"><script>', "pk_<b>")
    assert snippet.count("<") == 2
    assert snippet == (
        '<script src="https://a.example/&quot;&gt;&lt;script&gt;/widget.js" '
        'data-api-key="pk_&lt;b&gt;" async></script>'
    )
