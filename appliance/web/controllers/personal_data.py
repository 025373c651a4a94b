"""Erasing and handing out what is stored of visitors, for operators.

Owns the routes and who may use them; what is erased or exported is decided by
``appliance.services.erasure`` and ``appliance.services.exports``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Annotated, Any, TypeVar

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Stream
from msgspec import Meta, Struct

from appliance.domain.ids import ConversationId, TenantId
from appliance.domain.user import UserRole
from appliance.errors import FieldError, InvalidInput, NotFound
from appliance.services.audit import Auditor
from appliance.services.erasure import ErasureReport, ErasureService
from appliance.services.exports import ExportFormat, ExportService
from appliance.services.login import Operator
from appliance.tasks import TaskGroup
from appliance.web.guards import require_role, require_tenant

Result = TypeVar("Result")

Form = Annotated[
    ExportFormat,
    QueryParameter(
        name="format",
        description="`json`: an array of conversations; `csv`: a line for each message.",
    ),
]
OfVisitor = Annotated[
    str | None,
    QueryParameter(
        description="Only this visitor, by the shop's own identifier. Left out: the whole tenant."
    ),
]

NOTE = "Backups and archives that were made before still hold it."


class VisitorBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to erase: the identifier under which the shop's page named the visitor."""

    user_identifier: Annotated[str, Meta(min_length=1, max_length=500)]


class ErasureView(Struct, frozen=True, kw_only=True):
    """How many rows of which table were erased."""

    tenant_id: str
    conversations: int
    rows: dict[str, int]
    note: str = NOTE


def build_erasure_view(report: ErasureReport) -> ErasureView:
    """Return ``report`` as operators see it."""
    return ErasureView(
        tenant_id=report.tenant_id, conversations=report.conversations, rows=report.rows
    )


async def run_to_the_end(tasks: TaskGroup, work: Coroutine[Any, Any, Result]) -> Result:
    """Await what goes on when the caller leaves."""
    running: asyncio.Task[Result] = tasks.start_for_caller(work, name="request-to-its-end")
    return await asyncio.shield(running)


async def find_own(
    operator: Operator, conversation_id: ConversationId, erasure: ErasureService, *, role: UserRole
) -> TenantId:
    """Return whose conversation it is.

    Raises:
        NotFound: There is none, or not for this operator's tenant.
        PermissionDenied: The role is too low.
    """
    tenant_id = await erasure.find_tenant_of(conversation_id)
    if operator.tenant_id not in (None, tenant_id):
        raise NotFound(
            f"There is no conversation {conversation_id!r}.", code="conversation_not_found"
        )
    require_role(operator, role)
    return tenant_id


class PersonalDataController(Controller):
    """Routes of a tenant's visitors."""

    path = "/api/admin/tenants/{tenant_id:str}"
    tags = ["tenants"]  # noqa: RUF012 -- Litestar reads this class attribute

    @post("/visitors/erase", status_code=200, summary="Erase a visitor")
    async def erase_visitor(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        data: JSONBody[VisitorBody],
        erasure: NamedDependency[ErasureService],
        tasks: NamedDependency[TaskGroup],
    ) -> ErasureView:
        """Erase all conversations of a visitor; none is no error. Sums of usage stay."""
        allowed = require_tenant(operator, tenant_id, "operator")
        _check_identifier(data.user_identifier)
        await erasure.find_tenant(allowed)
        work = erasure.erase_visitor(operator.username, allowed, data.user_identifier)
        return build_erasure_view(await run_to_the_end(tasks, work))

    @get("/export", summary="Export a tenant or a visitor")
    async def export_tenant(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        exports: NamedDependency[ExportService],
        auditor: NamedDependency[Auditor],
        user_identifier: OfVisitor = None,
    ) -> Stream:
        """Send a zip of all the tenant's tables, or JSON of one visitor's conversations."""
        allowed = require_tenant(operator, tenant_id, "viewer")
        await exports.check_tenant(allowed)
        action = "tenant.export" if user_identifier is None else "visitor.export"
        if user_identifier is not None:
            _check_identifier(user_identifier)
        await auditor.record(operator.username, action, allowed, tenant_id=allowed)
        if user_identifier is None:
            return await download(exports.export_tenant(allowed), "tenant.zip", "application/zip")
        pieces = exports.export_visitor(allowed, user_identifier)
        return await download(pieces, "visitor.json", "application/json")


def _check_identifier(user_identifier: str) -> None:
    """Refuse what no visitor can be called: Postgres does not store it."""
    if "\0" in user_identifier:
        raise InvalidInput(
            "The identifier is not one of a visitor.",
            errors=[FieldError("user_identifier", "Leave out the character NUL.")],
        )


async def download(pieces: AsyncIterator[bytes], name: str, media_type: str) -> Stream:
    """Send the pieces; what hinders the first is told as a problem."""
    first = await anext(pieces)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Stream(_go_on(first, pieces), media_type=media_type, headers=headers)


async def _go_on(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in pieces:
        yield piece
