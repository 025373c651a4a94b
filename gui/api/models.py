"""The shapes of what the admin API answers, as far as the panel reads them.

Owns the structs; unknown fields are ignored so that a newer server still works. Sending them is
left to ``gui.api.client``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct, field

HealthStatus = Literal["ok", "degraded", "unavailable"]


class Component(Struct, frozen=True):
    """One part of the server; ``provider`` and ``model`` only where they mean something."""

    status: str = "unknown"
    provider: str | None = None
    model: str | None = None
    detail: str | None = None


class Health(Struct, frozen=True):
    """The answer of ``GET /health``, told apart from another program's by its components."""

    status: str
    version: str
    components: dict[str, Component]


class ServerStatus(Struct, frozen=True):
    """The answer of ``GET /api/admin/status``."""

    version: str = ""
    started_at: datetime | None = None
    public_url: str | None = None
    admin_url: str | None = None
    demo_url: str | None = None
    data_dir: str | None = None
    pid: int | None = None


class TokenPair(Struct, frozen=True):
    """What signing in gives; kept in memory only."""

    access_token: str
    refresh_token: str
    expires_in: int = 0

    def __repr__(self) -> str:
        """Name the shape without the secrets."""
        return f"TokenPair(expires_in={self.expires_in})"


class Operator(Struct, frozen=True):
    """Who is signed in."""

    username: str = ""
    role: str = "viewer"
    tenant_id: str | None = None

    @property
    def can_write(self) -> bool:
        """Whether the role may change tenants."""
        return self.role in {"owner", "operator"}


class Tenant(Struct, frozen=True):
    """One shop as the list shows it."""

    id: str
    name: str
    domain: str | None = None
    allowed_origins: list[str] = field(default_factory=list)
    plan: str = ""
    status: str = "active"
    language: str = "en"
    time_zone: str = "UTC"
    created_at: datetime | None = None

    @property
    def is_active(self) -> bool:
        """Whether its widget answers visitors."""
        return self.status == "active"


class TenantList(Struct, frozen=True):
    """One page of tenants."""

    items: list[Tenant]
    next_cursor: str | None = None


class CreatedTenant(Tenant, frozen=True):
    """A new tenant with the two keys that are shown this once."""

    api_key: str = ""
    signing_secret: str = ""


class Embed(Struct, frozen=True):
    """The markup a shop pastes into its pages."""

    snippet: str


class LogEntry(Struct, frozen=True, gc=False):
    """One line of the server's log; ``id`` grows."""

    id: int
    at: datetime
    event: str
    level: str = "info"
    logger: str = ""
    fields: dict[str, Any] = field(default_factory=dict)


class LogList(Struct, frozen=True):
    """The newest log lines, oldest first."""

    items: list[LogEntry]
    next_cursor: str | None = None
