"""Operators: who may use the admin side, and the record of what they did.

Owns the shapes and roles; passwords and tokens are checked by ``appliance.services.login``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from appliance.domain.ids import TenantId, UserId
from appliance.domain.json_types import JsonObject

UserRole = Literal["owner", "operator", "viewer"]


class User(Struct, frozen=True, kw_only=True):
    """An operator's account; ``tenant_id`` binds it to one tenant, ``None`` to all.

    ``display_name`` is what visitors read, who never learn the ``username``.
    """

    id: UserId
    username: str
    password_hash: str
    role: UserRole
    tenant_id: TenantId | None = None
    display_name: str | None = None
    is_active: bool = True
    created_at: datetime


class RefreshToken(Struct, frozen=True, kw_only=True):
    """A login session, by the hash of its refresh token. ``id`` is the access tokens' ``sid``."""

    id: str
    user_id: UserId
    token_hash: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None


class AuditEntry(Struct, frozen=True, kw_only=True):
    """Who changed what, when; ``changes`` has its secrets masked."""

    id: str
    actor: str
    action: str
    subject: str
    tenant_id: TenantId | None = None
    changes: JsonObject
    at: datetime
