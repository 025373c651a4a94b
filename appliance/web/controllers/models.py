"""Providers and their models, for operators of the whole appliance.

Owns the routes and who may use them; looking and asking is left to
``appliance.services.provider_checks``, getting and removing to
``appliance.services.model_libraries``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from appliance.errors import ApplianceError
from appliance.ports.model_library import PullProgress
from appliance.services.audit import Auditor
from appliance.services.login import Operator
from appliance.services.model_libraries import ModelLibraries
from appliance.services.provider_checks import CheckResult, ProviderChecks, ProviderView
from appliance.web.guards import require_everywhere
from appliance.web.problems import build_problem
from appliance.web.sse import ServerEvent, Shutdown, build_stream


class ProviderList(Struct, frozen=True, kw_only=True):
    """Every provider that could be chosen."""

    items: list[ProviderView]
    next_cursor: str | None = None


class CheckBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which model to ask; the default one where absent."""

    model: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class PullBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The model to get, such as ``qwen3:4b``."""

    model: str


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

    @get("/{provider:str}", summary="One provider and its models")
    async def get_provider(
        self,
        operator: NamedDependency[Operator],
        provider: FromPath[str],
        provider_checks: NamedDependency[ProviderChecks],
    ) -> ProviderView:
        """Return its state and its models; Ollama's are those that are installed."""
        require_everywhere(operator, "viewer")
        return await provider_checks.look_at(provider)

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

    @post(
        "/{provider:str}/pull",
        status_code=200,
        summary="Get a model",
        media_type="text/event-stream",
    )
    async def pull_model(
        self,
        operator: NamedDependency[Operator],
        provider: FromPath[str],
        model_libraries: NamedDependency[ModelLibraries],
        auditor: NamedDependency[Auditor],
        shutdown: NamedDependency[Shutdown],
        data: JSONBody[PullBody],
    ) -> Response[Any]:
        """Send ``progress`` events, then ``done`` or ``error``; leaving stops it."""
        require_everywhere(operator, "operator")
        progress = model_libraries.pull(provider, data.model)
        await auditor.record(operator.username, "model.pull", data.model)
        return build_stream(_encoded(progress), shutdown)

    @delete("/{provider:str}/{name:path}", status_code=204, summary="Remove a model")
    async def delete_model(
        self,
        operator: NamedDependency[Operator],
        provider: FromPath[str],
        name: FromPath[str],
        model_libraries: NamedDependency[ModelLibraries],
        auditor: NamedDependency[Auditor],
    ) -> None:
        """Remove it from the machine; tenants that use it are answered by their next model."""
        require_everywhere(operator, "operator")
        model = name.removeprefix("/")
        await model_libraries.delete(provider, model)
        await auditor.record(operator.username, "model.delete", model)


async def _encoded(
    progress: AsyncGenerator[PullProgress, None],
) -> AsyncGenerator[list[ServerEvent], None]:
    try:
        async with aclosing(progress):
            async for step in progress:
                yield [ServerEvent("progress", msgspec.json.encode(step))]
    except ApplianceError as error:
        yield [ServerEvent("error", msgspec.json.encode(build_problem(error)[0]))]
    else:
        yield [ServerEvent("done", b"{}")]
