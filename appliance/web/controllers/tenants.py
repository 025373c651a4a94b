"""Tenants and their keys, for operators.

Owns the routes and who may use them; the rules on tenants are in ``appliance.services.tenants``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from litestar import Controller, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from appliance.domain.ids import TenantId
from appliance.domain.widget_files import WidgetFiles
from appliance.services.audit import Auditor
from appliance.services.erasure import ErasureService
from appliance.services.login import Operator
from appliance.services.prompt_preview import PromptPreview, PromptPreviews
from appliance.services.tenant_changes import TenantChanges
from appliance.services.tenants import NewTenant, TenantService, build_embed_snippet
from appliance.tasks import TaskGroup
from appliance.web.controllers.personal_data import (
    ErasureView,
    build_erasure_view,
    run_to_the_end,
)
from appliance.web.guards import require_everywhere, require_role, require_tenant
from appliance.web.query import Cursor, Limit
from appliance.web.schemas.admin import (
    EmbedView,
    KeyList,
    KeyView,
    NewKeyBody,
    SigningSecretView,
    TenantPage,
    TenantView,
    build_key_view,
    build_tenant_view,
)

Erase = Annotated[bool, QueryParameter(description="Erase all that the tenant has.")]
OwnKey = Annotated[str | None, QueryParameter(description="A publishable key of the tenant.")]
Pinned = Annotated[
    bool,
    QueryParameter(
        description="Load this very release and let browsers check it: it gets no updates."
    ),
]
Asked = Annotated[
    str,
    QueryParameter(
        max_length=4_000,
        description="What a visitor might ask: of very many frequent questions it chooses some.",
    ),
]
PLACEHOLDER_KEY = "YOUR_PUBLISHABLE_KEY"


class TenantController(Controller):
    """Routes under ``/api/admin/tenants``."""

    path = "/api/admin/tenants"
    tags = ["tenants"]  # noqa: RUF012 -- Litestar reads this class attribute

    @get("/", summary="List tenants")
    async def list_tenants(
        self,
        operator: NamedDependency[Operator],
        tenants: NamedDependency[TenantService],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> TenantPage:
        """Return tenants, oldest first."""
        require_role(operator, "viewer")
        page = await tenants.list_page(limit=limit, cursor=cursor, only=operator.tenant_id)
        return TenantPage(
            items=[build_tenant_view(tenant) for tenant in page.items],
            next_cursor=page.next_cursor,
        )

    @post("/", status_code=201, summary="Make a tenant")
    async def create_tenant(
        self,
        operator: NamedDependency[Operator],
        data: JSONBody[NewTenant],
        tenants: NamedDependency[TenantService],
        auditor: NamedDependency[Auditor],
    ) -> TenantView:
        """Make a tenant; its key and signing secret are shown this once."""
        require_everywhere(operator, "operator")
        created = await tenants.create(data)
        tenant = created.tenant
        await auditor.record(
            operator.username, "tenant.create", tenant.id, tenant_id=tenant.id, changes=data
        )
        return build_tenant_view(
            tenant, api_key=created.api_key, signing_secret=created.signing_secret
        )

    @get("/{tenant_id:str}", summary="Read a tenant")
    async def get_tenant(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        tenants: NamedDependency[TenantService],
    ) -> TenantView:
        """Return one tenant."""
        return build_tenant_view(await tenants.get(require_tenant(operator, tenant_id, "viewer")))

    @patch("/{tenant_id:str}", summary="Change a tenant")
    async def change_tenant(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        data: JSONBody[TenantChanges],
        tenants: NamedDependency[TenantService],
        auditor: NamedDependency[Auditor],
    ) -> TenantView:
        """Change the given fields; absent ones stay, within the settings of a subject too."""
        allowed = require_tenant(operator, tenant_id, "operator")
        tenant = await tenants.change(allowed, data)
        await auditor.record(
            operator.username, "tenant.change", allowed, tenant_id=allowed, changes=data
        )
        return build_tenant_view(tenant)

    @delete("/{tenant_id:str}", status_code=200, summary="Switch a tenant off, or erase it")
    async def deactivate_tenant(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        tenants: NamedDependency[TenantService],
        erasure: NamedDependency[ErasureService],
        auditor: NamedDependency[Auditor],
        tasks: NamedDependency[TaskGroup],
        erase: Erase = False,
    ) -> TenantView | ErasureView:
        """Refuse the tenant's visitors from now on; with ``erase`` all its data goes, for ever."""
        require_everywhere(operator, "owner" if erase else "operator")
        if erase:
            found = await erasure.find_tenant(TenantId(tenant_id))
            work = erasure.erase_tenant(operator.username, found.id)
            return build_erasure_view(await run_to_the_end(tasks, work))
        tenant = await tenants.deactivate(require_tenant(operator, tenant_id, "operator"))
        await auditor.record(operator.username, "tenant.deactivate", tenant.id, tenant_id=tenant.id)
        return build_tenant_view(tenant)

    @get("/{tenant_id:str}/keys", summary="List publishable keys")
    async def list_keys(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        tenants: NamedDependency[TenantService],
    ) -> KeyList:
        """Return what may be shown of the tenant's keys."""
        keys = await tenants.list_keys(require_tenant(operator, tenant_id, "viewer"))
        return KeyList(items=[build_key_view(key) for key in keys])

    @post("/{tenant_id:str}/keys", status_code=201, summary="Make a new publishable key")
    async def add_key(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        tenants: NamedDependency[TenantService],
        auditor: NamedDependency[Auditor],
        data: JSONBody[NewKeyBody | None] = None,
    ) -> KeyView:
        """Make a key, shown this once; the older ones work on for a while."""
        allowed = require_tenant(operator, tenant_id, "operator")
        overlap = timedelta(hours=(data or NewKeyBody()).overlap_hours)
        stored, key = await tenants.add_key(allowed, overlap=overlap)
        await auditor.record(operator.username, "key.create", stored.id, tenant_id=allowed)
        return build_key_view(stored, api_key=key)

    @delete("/{tenant_id:str}/keys/{key_id:str}", status_code=204, summary="Remove a key")
    async def delete_key(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        key_id: FromPath[str],
        tenants: NamedDependency[TenantService],
        auditor: NamedDependency[Auditor],
    ) -> None:
        """Remove a key at once."""
        allowed = require_tenant(operator, tenant_id, "operator")
        await tenants.delete_key(allowed, key_id)
        await auditor.record(operator.username, "key.delete", key_id, tenant_id=allowed)

    @post("/{tenant_id:str}/signing-secret", status_code=201, summary="Make a new signing secret")
    async def renew_signing_secret(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        tenants: NamedDependency[TenantService],
        auditor: NamedDependency[Auditor],
    ) -> SigningSecretView:
        """Replace the secret that signs the tenant's webhooks at once; shown this once."""
        allowed = require_tenant(operator, tenant_id, "owner")
        secret = await tenants.renew_signing_secret(allowed)
        await auditor.record(operator.username, "signing_secret.renew", allowed, tenant_id=allowed)
        return SigningSecretView(signing_secret=secret)

    @get("/{tenant_id:str}/embed", summary="The snippet for the shop's pages")
    async def get_embed(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        tenants: NamedDependency[TenantService],
        public_url: NamedDependency[str],
        widget_files: NamedDependency[WidgetFiles],
        api_key: OwnKey = None,
        pinned: Pinned = False,
    ) -> EmbedView:
        """Return the script tag; keys are stored as hashes, so give the one to write into it."""
        await tenants.get(require_tenant(operator, tenant_id, "viewer"))
        snippet = build_embed_snippet(
            public_url, api_key or PLACEHOLDER_KEY, pinned=widget_files if pinned else None
        )
        return EmbedView(snippet=snippet)

    @get("/{tenant_id:str}/prompt", summary="What the tenant's model is told")
    async def get_prompt(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        tenants: NamedDependency[TenantService],
        prompt_previews: NamedDependency[PromptPreviews],
        message: Asked = "",
    ) -> PromptPreview:
        """Return the system message as it would be now, put together from the tenant's settings."""
        tenant = await tenants.get(require_tenant(operator, tenant_id, "viewer"))
        return await prompt_previews.build(tenant, asked=message)
