"""Who may do what on the admin side.

Owns reading the bearer token and the rules of roles; accounts and tokens are kept by
``appliance.services.login``.
"""

from __future__ import annotations

from typing import Any, Final

from litestar import Request
from litestar.di import NamedDependency

from appliance.domain.ids import TenantId
from appliance.domain.user import UserRole
from appliance.errors import NotAuthenticated, NotFound, PermissionDenied
from appliance.services.login import LoginService, Operator

RANK: Final[dict[UserRole, int]] = {"viewer": 0, "operator": 1, "owner": 2}


async def provide_operator(
    request: Request[Any, Any, Any], login: NamedDependency[LoginService]
) -> Operator:
    """Return the operator whose access token the request carries.

    Raises:
        NotAuthenticated: There is none, or it is not valid.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticated("Log in and send the access token as a bearer token.")
    return await login.authenticate(token.strip())


def require_role(operator: Operator, role: UserRole) -> None:
    """Refuse an operator of a lower role.

    Raises:
        PermissionDenied: The role is too low.
    """
    if RANK[operator.role] < RANK[role]:
        raise PermissionDenied(f"This needs the role {role!r}; you are {operator.role!r}.")


def require_tenant(operator: Operator, tenant_id: str, role: UserRole) -> TenantId:
    """Refuse an operator who is bound to another tenant, or of a lower role.

    Raises:
        NotFound: The tenant is not the operator's; it reads as absent.
        PermissionDenied: The role is too low.
    """
    if operator.tenant_id is not None and operator.tenant_id != tenant_id:
        raise NotFound(f"There is no tenant {tenant_id!r}.", code="tenant_not_found")
    require_role(operator, role)
    return TenantId(tenant_id)


def require_everywhere(operator: Operator, role: UserRole) -> None:
    """Refuse an operator who is bound to one tenant, or of a lower role.

    Raises:
        PermissionDenied: This concerns the whole appliance.
    """
    if operator.tenant_id is not None:
        raise PermissionDenied("This concerns the whole appliance; your account is for one tenant.")
    require_role(operator, role)
