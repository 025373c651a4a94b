"""Logging in and out on the admin side.

Owns the routes; passwords and tokens are checked by ``appliance.services.login``.
"""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, get, patch, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from appliance.services.audit import Auditor
from appliance.services.login import LoginService, Operator, Tokens
from appliance.web.client_address import ClientAddresses
from appliance.web.schemas.admin import LoginBody, Me, MyNameBody, RefreshBody


class LoginController(Controller):
    """Routes of a login's life."""

    path = "/api/admin"
    tags = ["login"]  # noqa: RUF012 -- Litestar reads this class attribute

    @post("/login", status_code=200, summary="Log in")
    async def log_in(
        self,
        request: Request[Any, Any, Any],
        data: JSONBody[LoginBody],
        login: NamedDependency[LoginService],
        client_addresses: NamedDependency[ClientAddresses],
    ) -> Tokens:
        """Exchange name and password for tokens."""
        address = client_addresses.find(request)
        return await login.login(data.username, data.password, address=address)

    @post("/refresh", status_code=200, summary="Renew the tokens")
    async def refresh(
        self, data: JSONBody[RefreshBody], login: NamedDependency[LoginService]
    ) -> Tokens:
        """Exchange a refresh token for new tokens; it works once."""
        return await login.refresh(data.refresh_token)

    @post("/logout", status_code=204, summary="Log out")
    async def log_out(
        self, operator: NamedDependency[Operator], login: NamedDependency[LoginService]
    ) -> None:
        """End this login; its tokens stop working at once."""
        await login.logout(operator)

    @get("/me", summary="Who am I")
    async def me(self, operator: NamedDependency[Operator]) -> Me:
        """Return the operator whose token this is."""
        return _build_me(operator)

    @patch("/me", summary="Set the name that visitors read")
    async def set_my_name(
        self,
        operator: NamedDependency[Operator],
        data: JSONBody[MyNameBody],
        login: NamedDependency[LoginService],
        auditor: NamedDependency[Auditor],
    ) -> Me:
        """Set under which name the operator writes to visitors, who never learn the username."""
        changed = await login.set_display_name(operator, data.display_name)
        await auditor.record(
            operator.username,
            "user.update",
            operator.user_id,
            tenant_id=operator.tenant_id,
            changes={"display_name": changed.display_name},
        )
        return _build_me(changed)


def _build_me(operator: Operator) -> Me:
    return Me(
        id=operator.user_id,
        username=operator.username,
        role=operator.role,
        tenant_id=operator.tenant_id,
        display_name=operator.display_name,
    )
