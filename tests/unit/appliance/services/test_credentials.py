from __future__ import annotations

from typing import Any

import msgspec
import pytest

from appliance.domain.ids import CredentialId, TenantId
from appliance.errors import Conflict, InvalidInput, NotFound
from appliance.services.credentials import CredentialChanges, CredentialService, NewCredential
from tests.fakes.sqlite_database import TemporaryDatabase

NEW = NewCredential(
    credential_type="httpHeaderAuth",
    name="Shop",
    values={"name": "X-Key", "value": "secret-of-the-shop"},
    hosts=["Shop.example", "shop.example", "shop.example:8443"],
)


@pytest.fixture
def service(temporary: TemporaryDatabase) -> CredentialService:
    return CredentialService(store=temporary.database.credentials, clock=temporary.clock)


@pytest.fixture
def mine(temporary: TemporaryDatabase) -> TenantId:
    return temporary.tenant_id


async def test_a_credential_is_kept_and_changed(service: CredentialService, mine: TenantId) -> None:
    made = await service.create(mine, NEW)
    assert made.hosts == ("shop.example", "shop.example:8443")
    assert await service.list_all(mine) == [made]
    renamed = await service.change(mine, made.id, CredentialChanges(name="Shop 2"))
    assert (renamed.name, renamed.values) == ("Shop 2", made.values)
    replaced = await service.change(mine, made.id, CredentialChanges(values={"value": "new"}))
    assert replaced.values == {"value": "new"}
    await service.delete(mine, made.id)
    assert await service.list_all(mine) == []


async def test_values_do_not_follow_to_another_host(
    service: CredentialService, mine: TenantId
) -> None:
    made = await service.create(mine, NEW)
    with pytest.raises(InvalidInput) as caught:
        await service.change(mine, made.id, CredentialChanges(hosts=["thief.example"]))
    assert caught.value.errors[0].field == "values"
    fewer = await service.change(mine, made.id, CredentialChanges(hosts=["shop.example"]))
    assert fewer.hosts == ("shop.example",)
    both = CredentialChanges(hosts=["new.example"], values={"value": "new"})
    assert (await service.change(mine, made.id, both)).hosts == ("new.example",)


@pytest.mark.parametrize(
    ("kind", "value", "is_fine"),
    [
        ("httpHeaderAuth", "a\r\nb: c", False), ("httpHeaderAuth", "שלום a", True),
        ("httpBearerAuth", "a\n", False), ("httpBasicAuth", "a\x7f", False),
        ("jwtAuth", "-----BEGIN\nx\n", True), ("jwtAuth", "a\x00", False),
        ("httpCustomAuth", '{\r\n\t"headers": {}}', True),
    ],
)  # fmt: skip
async def test_what_stands_in_a_header_has_no_control_characters(
    service: CredentialService, mine: TenantId, kind: str, value: str, is_fine: bool
) -> None:
    plain = msgspec.structs.replace(NEW, credential_type=kind)
    made = await service.create(mine, plain)
    attempts = (
        lambda: service.change(mine, made.id, CredentialChanges(values={"x": value})),
        lambda: service.create(
            mine, msgspec.structs.replace(plain, name="Other", values={"x": value})
        ),
    )
    for attempt in attempts:
        if is_fine:
            assert (await attempt()).values == {"x": value}
        else:
            with pytest.raises(InvalidInput) as caught:
                await attempt()
            assert [error.field for error in caught.value.errors] == ["values.x"]


@pytest.mark.parametrize(
    ("written", "is_fine"),
    [
        ('{\n"headers": {"X-Key": "a"}}', True), ('{"headers": {"X-Key": "a\\r\\nb: c"}}', False),
        ('{"headers": {"X\\u0000": "a"}}', False), ('{"body": {"a": "b\\nc"}}', True), ("{", True),
    ],
)  # fmt: skip
async def test_headers_within_json_have_no_control_characters(
    service: CredentialService, mine: TenantId, written: str, is_fine: bool
) -> None:
    custom = {"credential_type": "httpCustomAuth", "values": {"json": written}}
    new = msgspec.structs.replace(NEW, **custom)
    if is_fine:
        assert (await service.create(mine, new)).values == {"json": written}
    else:
        with pytest.raises(InvalidInput) as caught:
            await service.create(mine, new)
        assert [error.field for error in caught.value.errors] == ["values.json"]


async def test_what_is_not_there_is_not_found(
    service: CredentialService, mine: TenantId, temporary: TemporaryDatabase
) -> None:
    made = await service.create(mine, NEW)
    for tenant_id, wanted in ((mine, CredentialId("x")), (temporary.other_tenant_id, made.id)):
        for ask in (
            service.get(tenant_id, wanted),
            service.change(tenant_id, wanted, CredentialChanges(name="x")),
            service.delete(tenant_id, wanted),
        ):
            with pytest.raises(NotFound):
                await ask


async def test_a_name_is_given_once_a_type(service: CredentialService, mine: TenantId) -> None:
    await service.create(mine, NEW)
    with pytest.raises(Conflict):
        await service.create(mine, NEW)


@pytest.mark.parametrize(
    "fields",
    [
        {"hosts": ["https://shop.example"]}, {"hosts": ["shop.example/x"]}, {"hosts": [""]},
        {"hosts": ["*"]}, {"hosts": ["a b"]}, {"values": {"a": 1}}, {"credential_type": "a b"},
        {"name": ""}, {"unknown": 1},
    ],
)  # fmt: skip
def test_a_body_that_does_not_fit_is_refused(fields: dict[str, Any]) -> None:
    body = {**msgspec.to_builtins(NEW), **fields}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, NewCredential)


@pytest.mark.parametrize("host", ["localhost", "10.0.0.1:5432", "[::1]:443", "a_b.example"])
def test_hosts_come_in_these_forms(host: str) -> None:
    body = {**msgspec.to_builtins(NEW), "hosts": [host]}
    assert msgspec.convert(body, NewCredential).hosts == [host]
