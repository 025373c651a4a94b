"""Making, changing and switching off tenants, and their keys.

Owns the rules on a tenant's fields; who may do it is decided by ``appliance.web.guards``.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html import escape
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct, field

from appliance.domain.ids import (
    PUBLISHABLE_KEY_PREFIX,
    SIGNING_SECRET_PREFIX,
    TenantId,
    new_id,
    new_token,
)
from appliance.domain.json_types import JsonObject
from appliance.domain.tenant import (
    PROVIDER_NAMES,
    AgentSettings,
    ApiKey,
    BusinessInfo,
    EscalationSettings,
    LlmSettings,
    ModelChoice,
    RetentionSettings,
    Tenant,
    canonical_provider,
)
from appliance.domain.web_addresses import is_web_address
from appliance.domain.widget_files import WidgetFiles
from appliance.errors import FieldError, InvalidInput, NotFound
from appliance.ports.clock import Clock
from appliance.ports.repositories import Page, TenantRepository
from appliance.services.tenant_changes import (
    Domain,
    Name,
    Plan,
    TenantChanges,
    change_tenant,
)
from appliance.services.tenant_directory import TenantDirectory
from appliance.services.widget_settings import find_widget_config_problems

DEFAULT_KEY_OVERLAP = timedelta(hours=24)
_ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
)
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z0-9-]{2,}"
)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


class NewTenant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What it takes to make a tenant; only the name is required."""

    name: Name
    domain: Domain | None = None
    allowed_origins: list[str] = []
    plan: Plan = "free"
    language: str = "en"
    time_zone: str = "UTC"
    business_info: BusinessInfo = field(default_factory=BusinessInfo)
    widget_config: JsonObject = {}
    llm: LlmSettings = field(default_factory=LlmSettings)
    agent: AgentSettings = field(default_factory=AgentSettings)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    escalation: EscalationSettings = field(default_factory=EscalationSettings)


class CreatedTenant(Struct, frozen=True, kw_only=True):
    """A new tenant and, this once, its key and its signing secret."""

    tenant: Tenant
    api_key: str
    signing_secret: str


class TenantService:
    """Manages tenants."""

    def __init__(
        self,
        *,
        tenants: TenantRepository,
        directory: TenantDirectory,
        clock: Clock,
    ) -> None:
        self._tenants = tenants
        self._directory = directory
        self._clock = clock

    async def create(self, new: NewTenant) -> CreatedTenant:
        """Make a tenant with a publishable key and a signing secret.

        Raises:
            InvalidInput: A field does not fit; names each.
        """
        now = self._clock.now()
        tenant = Tenant(
            id=TenantId(new_id()),
            name=new.name,
            domain=new.domain,
            allowed_origins=new.allowed_origins,
            plan=new.plan,
            language=new.language,
            time_zone=new.time_zone,
            business_info=new.business_info,
            widget_config=new.widget_config,
            llm=new.llm,
            agent=new.agent,
            retention=new.retention,
            escalation=new.escalation,
            created_at=now,
            updated_at=now,
        )
        tenant = self._checked(tenant)
        api_key = new_token(PUBLISHABLE_KEY_PREFIX)
        signing_secret = new_token(SIGNING_SECRET_PREFIX, size_bytes=32)
        await self._tenants.add(tenant)
        await self._tenants.add_publishable_key(tenant.id, api_key, at=now)
        await self._tenants.set_signing_secret(tenant.id, signing_secret, at=now)
        self._directory.forget(tenant.id)
        return CreatedTenant(tenant=tenant, api_key=api_key, signing_secret=signing_secret)

    async def get(self, tenant_id: TenantId) -> Tenant:
        """Return the tenant.

        Raises:
            NotFound: There is none of this id.
        """
        tenant = await self._tenants.get(tenant_id)
        if tenant is None:
            raise NotFound(f"There is no tenant {tenant_id!r}.", code="tenant_not_found")
        return tenant

    async def list_page(
        self, *, limit: int, cursor: str | None, only: TenantId | None
    ) -> Page[Tenant]:
        """Return tenants, oldest first."""
        return await self._tenants.list_page(limit=limit, cursor=cursor, only=only)

    async def change(self, tenant_id: TenantId, changes: TenantChanges) -> Tenant:
        """Change the given fields and return the tenant as it is now.

        Raises:
            NotFound: There is none of this id.
            InvalidInput: A field does not fit; names each.
        """
        tenant = await self.get(tenant_id)
        changed = self._checked(
            msgspec.structs.replace(change_tenant(tenant, changes), updated_at=self._clock.now())
        )
        await self._tenants.save(changed)
        self._directory.forget(tenant_id)
        return changed

    async def deactivate(self, tenant_id: TenantId) -> Tenant:
        """Switch the tenant off: its keys are refused, its data stays."""
        return await self.change(tenant_id, TenantChanges(status="inactive"))

    async def list_keys(self, tenant_id: TenantId) -> list[ApiKey]:
        """Return what may be shown of the tenant's publishable keys."""
        await self.get(tenant_id)
        return await self._tenants.list_publishable_keys(tenant_id)

    async def add_key(
        self, tenant_id: TenantId, *, overlap: timedelta = DEFAULT_KEY_OVERLAP
    ) -> tuple[ApiKey, str]:
        """Make a new publishable key; the older ones work on for ``overlap``.

        Returns:
            What is stored of the key, and the key itself, which cannot be read again.
        """
        await self.get(tenant_id)
        now: datetime = self._clock.now()
        key = new_token(PUBLISHABLE_KEY_PREFIX)
        stored = await self._tenants.add_publishable_key(tenant_id, key, at=now)
        await self._tenants.expire_publishable_keys(
            tenant_id, except_key_id=stored.id, at=now + overlap
        )
        self._directory.forget(tenant_id)
        return stored, key

    async def delete_key(self, tenant_id: TenantId, key_id: str) -> None:
        """Remove a publishable key at once.

        Raises:
            NotFound: The tenant has no such key.
        """
        if not await self._tenants.delete_publishable_key(tenant_id, key_id):
            raise NotFound(f"The tenant has no key {key_id!r}.", code="key_not_found")
        self._directory.forget(tenant_id)

    async def renew_signing_secret(self, tenant_id: TenantId) -> str:
        """Make a new signing secret, in force at once, and return it this once.

        Raises:
            NotFound: There is no such tenant.
        """
        await self.get(tenant_id)
        secret = new_token(SIGNING_SECRET_PREFIX, size_bytes=32)
        await self._tenants.set_signing_secret(tenant_id, secret, at=self._clock.now())
        return secret

    def _checked(self, tenant: Tenant) -> Tenant:
        tenant = msgspec.structs.replace(
            tenant, name=tenant.name.strip(), llm=_with_canonical_names(tenant.llm)
        )
        errors = [
            *(
                FieldError("allowed_origins", problem)
                for origin in tenant.allowed_origins
                if (problem := find_origin_problem(origin))
            ),
            *find_widget_config_problems(tenant.widget_config),
            *_find_provider_problems(tenant.llm),
            *find_escalation_problems(tenant.escalation),
        ]
        if not tenant.name:
            errors.append(FieldError("name", "Give a name."))
        if not _LANGUAGE.fullmatch(tenant.language):
            errors.append(FieldError("language", "Give a language tag such as en, he or pt-BR."))
        if not _is_time_zone(tenant.time_zone):
            errors.append(FieldError("time_zone", "Give an IANA time zone such as Asia/Jerusalem."))
        if errors:
            raise InvalidInput("Some fields of the tenant do not fit.", errors=errors)
        return tenant


def _find_provider_problems(llm: LlmSettings) -> list[FieldError]:
    """Return which providers do not exist; one that is not set up yet may be chosen."""
    named = [("llm.provider", llm.provider)] if llm.provider else []
    named += [
        (f"llm.fallbacks.{index}.provider", choice.provider)
        for index, choice in enumerate(llm.fallbacks)
    ]
    return [
        FieldError(
            field, f"There is no provider {name!r}. Choose one of {', '.join(PROVIDER_NAMES)}."
        )
        for field, name in named
        if name not in PROVIDER_NAMES
    ]


def _with_canonical_names(llm: LlmSettings) -> LlmSettings:
    return msgspec.structs.replace(
        llm,
        provider=canonical_provider(llm.provider) if llm.provider else None,
        model=_name_or_none(llm.model),
        fallbacks=[
            ModelChoice(
                provider=canonical_provider(choice.provider), model=_name_or_none(choice.model)
            )
            for choice in llm.fallbacks
        ],
    )


def _name_or_none(model: str | None) -> str | None:
    return (model or "").strip() or None


def find_origin_problem(origin: str) -> str | None:
    """Return why ``origin`` is not an exact web origin or ``*``, or ``None``.

    Source: RFC 6454, the serialisation a browser sends in ``Origin``.
    """
    if origin == "*":
        return None
    found = _ORIGIN.fullmatch(origin)
    if found is None:
        return f"{origin!r} is not an origin. Give scheme and host, such as https://shop.example."
    if found["port"] == _DEFAULT_PORTS[found["scheme"]]:
        return f"Leave the port out of {origin!r}; browsers do so too."
    return None


def find_escalation_problems(settings: EscalationSettings) -> list[FieldError]:
    """Return what does not fit of where the shop wants to be told that a visitor needs a person."""
    problems = []
    if settings.email is not None and not _EMAIL.fullmatch(settings.email):
        problems.append(
            FieldError("escalation.email", "Give one e-mail address such as team@shop.example.")
        )
    if settings.webhook_url is not None and not is_web_address(settings.webhook_url):
        problems.append(
            FieldError(
                "escalation.webhook_url", "Give an address such as https://shop.example/hook."
            )
        )
    return problems


def build_embed_snippet(public_url: str, api_key: str, *, pinned: WidgetFiles | None = None) -> str:
    """Return the script tag that a site builder pastes.

    Args:
        public_url: Where the widget is loaded from.
        api_key: The tenant's publishable key.
        pinned: Load exactly the present one of these, and let the browser check it.
    """
    name, checked = "widget.js", ""
    if pinned is not None:
        name = pinned.pinned_name
        checked = f' integrity="{pinned.integrity}" crossorigin="anonymous"'
    source = f"{escape(public_url)}/{name}"
    return f'<script src="{source}" data-api-key="{escape(api_key)}"{checked} async></script>'


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
