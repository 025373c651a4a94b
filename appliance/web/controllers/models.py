"""Providers and their models, for operators of the whole appliance.

Owns the routes and who may use them; looking and asking is left to
``appliance.services.provider_checks``.
"""

from __future__ import annotations

from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from appliance.services.login import Operator
from appliance.services.provider_checks import CheckResult, ProviderChecks, ProviderView
from appliance.web.guards import require_everywhere


class ProviderList(Struct, frozen=True, kw_only=True):
    """Every provider that could be chosen."""

    items: list[ProviderView]
    next_cursor: str | None = None


class CheckBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which model to ask; the default one where absent."""

    model: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class ModelController(Controller):
    """Routes under ``/api/admin/models``."""

    path = "/api/admin/models"
    tags = ["models"]  # noqa: RUF012 -- Litestar reads this class attribute

    @get("/", summary="The providers and their models")
    async def list_providers(
        self,
        operator: NamedDependency[Operator],
        provider_checks: NamedDependency[ProviderChecks],
    ) -> ProviderList:
        """Return each provider's state, what rests after failures, and its models."""
        require_everywhere(operator, "viewer")
        return ProviderList(items=await provider_checks.list_all())

    @get("/ollama", summary="The local Ollama and its models")
    async def get_local_provider(
        self,
        operator: NamedDependency[Operator],
        provider_checks: NamedDependency[ProviderChecks],
    ) -> ProviderView:
        """Return its state and the installed models."""
        require_everywhere(operator, "viewer")
        return await provider_checks.look_at("ollama")

    @post("/{provider:str}/check", status_code=200, summary="Ask a provider for real")
    async def check_provider(
        self,
        operator: NamedDependency[Operator],
        provider: FromPath[str],
        provider_checks: NamedDependency[ProviderChecks],
        data: JSONBody[CheckBody | None] = None,
    ) -> CheckResult:
        """Have a model answer one word; a success also ends a rest after failures."""
        require_everywhere(operator, "operator")
        return await provider_checks.check(provider, data.model if data else None)
