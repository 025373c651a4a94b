"""A tenant's credentials, for operators.

Owns the routes and who may use them; the rules are in ``appliance.services.credentials``.
"""

from __future__ import annotations

from litestar import Controller, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from appliance.domain.credential import Credential
from appliance.domain.ids import CredentialId
from appliance.services.audit import Auditor
from appliance.services.credentials import CredentialChanges, CredentialService, NewCredential
from appliance.services.login import Operator
from appliance.services.tenants import TenantService
from appliance.web.guards import require_tenant
from appliance.web.schemas.integrations import (
    CredentialList,
    CredentialView,
    build_credential_view,
)


class CredentialController(Controller):
    """Routes under ``/api/admin/tenants/{id}/credentials``; values go in and never come out."""

    path = "/api/admin/tenants/{tenant_id:str}/credentials"
    tags = ["integrations"]  # noqa: RUF012 -- Litestar reads this class attribute

    @get("/", summary="List a tenant's credentials")
    async def list_credentials(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        tenants: NamedDependency[TenantService],
        credentials: NamedDependency[CredentialService],
    ) -> CredentialList:
        """Return the credentials by type and name."""
        tenant = await tenants.get(require_tenant(operator, tenant_id, "viewer"))
        found = await credentials.list_all(tenant.id)
        return CredentialList(items=[build_credential_view(one) for one in found])

    @post("/", status_code=201, summary="Keep a credential")
    async def create_credential(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        data: JSONBody[NewCredential],
        tenants: NamedDependency[TenantService],
        credentials: NamedDependency[CredentialService],
        auditor: NamedDependency[Auditor],
    ) -> CredentialView:
        """Keep a credential, encrypted, for the hosts that it may be sent to."""
        tenant = await tenants.get(require_tenant(operator, tenant_id, "operator"))
        made = await credentials.create(tenant.id, data)
        await auditor.record(
            operator.username, "credential.create", made.id, tenant_id=tenant.id,
            changes=_tell(made),
        )  # fmt: skip
        return build_credential_view(made)

    @patch("/{credential_id:str}", summary="Change a credential")
    async def change_credential(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        credential_id: FromPath[str],
        data: JSONBody[CredentialChanges],
        credentials: NamedDependency[CredentialService],
        auditor: NamedDependency[Auditor],
    ) -> CredentialView:
        """Change the given fields; values are replaced as a whole."""
        allowed = require_tenant(operator, tenant_id, "operator")
        changed = await credentials.change(allowed, CredentialId(credential_id), data)
        await auditor.record(
            operator.username, "credential.change", changed.id, tenant_id=allowed,
            changes=_tell(changed),
        )  # fmt: skip
        return build_credential_view(changed)

    @delete("/{credential_id:str}", status_code=204, summary="Forget a credential")
    async def delete_credential(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        credential_id: FromPath[str],
        credentials: NamedDependency[CredentialService],
        auditor: NamedDependency[Auditor],
    ) -> None:
        """Forget a credential at once."""
        allowed = require_tenant(operator, tenant_id, "operator")
        await credentials.delete(allowed, CredentialId(credential_id))
        await auditor.record(
            operator.username, "credential.delete", credential_id, tenant_id=allowed
        )


def _tell(credential: Credential) -> dict[str, object]:
    """Return what the audit log tells of a credential: which it is and where it may go."""
    return {
        "type": credential.credential_type,
        "name": credential.name,
        "fields": sorted(credential.values),
        "hosts": list(credential.hosts),
    }
