from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from litestar import Request

from appliance.domain.ids import TenantId, UserId
from appliance.domain.user import UserRole
from appliance.errors import NotAuthenticated, NotFound, PermissionDenied
from appliance.services.login import LoginService, Operator
from appliance.web.guards import (
    RANK,
    provide_operator,
    require_everywhere,
    require_role,
    require_tenant,
)
from tests.fakes.sqlite_database import open_temporary_database

MINE, OTHER = TenantId("mine"), TenantId("other")
ROLES: list[UserRole] = ["viewer", "operator", "owner"]


def build_operator(role: UserRole, tenant_id: TenantId | None = None) -> Operator:
    return Operator(
        user_id=UserId("u"), username="dana", role=role, tenant_id=tenant_id, login_id="l"
    )


def build_request(*authorization: str) -> Request[object, object, object]:  # type: ignore[type-var]
    headers = [(b"authorization", value.encode("latin-1")) for value in authorization]
    return Request({"type": "http", "headers": headers})  # type: ignore[typeddict-item]


@pytest_asyncio.fixture
async def login() -> AsyncIterator[LoginService]:
    async with open_temporary_database() as temporary:
        service = LoginService(
            users=temporary.database.users, secret="s" * 40, clock=temporary.clock
        )
        await service.ensure_first_owner("correct horse")
        yield service


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER {}", "Bearer  {} "])
async def test_a_bearer_token_tells_who_asks(login: LoginService, form: str) -> None:
    tokens = await login.login("admin", "correct horse", address="192.0.2.1")
    operator = await provide_operator(build_request(form.format(tokens.access_token)), login)
    assert (operator.username, operator.role) == ("admin", "owner")


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic YWRtaW46eA==", "Token {}", "{}", "Bearer{}", "Bearer x{}"],
)
async def test_anything_else_tells_nobody(login: LoginService, authorization: str) -> None:
    tokens = await login.login("admin", "correct horse", address="192.0.2.1")
    with pytest.raises(NotAuthenticated):
        await provide_operator(build_request(authorization.format(tokens.access_token)), login)
    with pytest.raises(NotAuthenticated):
        await provide_operator(build_request(), login)


async def test_a_refresh_token_is_no_access_token(login: LoginService) -> None:
    tokens = await login.login("admin", "correct horse", address="192.0.2.1")
    with pytest.raises(NotAuthenticated):
        await provide_operator(build_request(f"Bearer {tokens.refresh_token}"), login)


@pytest.mark.parametrize("has", ROLES)
@pytest.mark.parametrize("needs", ROLES)
def test_a_role_may_what_the_lower_ones_may(has: UserRole, needs: UserRole) -> None:
    if ROLES.index(has) >= ROLES.index(needs):
        require_role(build_operator(has), needs)
    else:
        with pytest.raises(PermissionDenied, match=f"'{needs}'.*'{has}'"):
            require_role(build_operator(has), needs)


def test_every_role_has_its_rank() -> None:
    assert sorted(RANK, key=RANK.__getitem__) == ROLES


@pytest.mark.parametrize("role", ROLES)
def test_another_tenant_reads_as_absent_whatever_the_role(role: UserRole) -> None:
    with pytest.raises(NotFound) as caught:
        require_tenant(build_operator(role, MINE), OTHER, "owner")
    assert caught.value.code == "tenant_not_found"


def test_an_operator_reaches_its_own_tenant_within_its_role() -> None:
    assert require_tenant(build_operator("operator", MINE), "mine", "operator") == MINE
    with pytest.raises(PermissionDenied):
        require_tenant(build_operator("operator", MINE), "mine", "owner")


def test_an_operator_of_the_whole_appliance_reaches_every_tenant_within_its_role() -> None:
    assert require_tenant(build_operator("viewer"), "other", "viewer") == OTHER
    with pytest.raises(PermissionDenied):
        require_tenant(build_operator("viewer"), "other", "operator")


def test_what_concerns_the_whole_appliance_is_nothing_for_a_tenants_own() -> None:
    require_everywhere(build_operator("owner"), "owner")
    with pytest.raises(PermissionDenied):
        require_everywhere(build_operator("owner", MINE), "viewer")
    with pytest.raises(PermissionDenied):
        require_everywhere(build_operator("operator"), "owner")
