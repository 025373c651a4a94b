"""Rows of a tenant's data tables, one by one and as CSV, for operators.

Owns the routes and who may use them; the rules are in ``appliance.services.data_tables``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from litestar import Controller, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Stream
from msgspec import Struct

from appliance.domain.ids import TenantId
from appliance.domain.json_types import JsonObject
from appliance.errors import FieldError, InvalidInput
from appliance.ports.data_table_editor import ImportCounts, ImportMode
from appliance.services.audit import Auditor
from appliance.services.csv_reading import Delimiter, Encoding
from appliance.services.csv_values import DateOrder, DecimalSign
from appliance.services.data_tables import DataTableService, ImportChoice
from appliance.services.login import Operator
from appliance.services.tenants import TenantService
from appliance.web.controllers.personal_data import download
from appliance.web.guards import require_tenant
from appliance.web.query import Cursor, Limit

MAX_CSV_BYTES: Final = 32 * 1024 * 1024
CSV_BODY: Final = "text/csv"
CSV_PATH: Final = re.compile(r"/+api/+admin/+tenants/+[^/]+/+tables/+[^/]+/+import/*")

RowText = Annotated[
    str | None,
    QueryParameter(name="q", max_length=200, description="Words of a cell, in any letter case."),
]
Mode = Annotated[
    ImportMode,
    QueryParameter(description="What becomes of the rows there: they stay, go, or are updated."),
]
Key = Annotated[
    str, QueryParameter(description="The column, or id, by whose values rows are updated.")
]
Choices = Annotated[
    str | None,
    QueryParameter(
        description="What headers mean that do not tell: a JSON object of columns by header; null"
        " leaves the header out."
    ),
]
HeaderLanguage = Annotated[
    str,
    QueryParameter(
        max_length=35,
        description="Write headers in this language, where columns have titles in it.",
    ),
]
Letters = Annotated[
    Encoding, QueryParameter(description="How letters are written, if no mark at the start tells.")
]
Separator = Annotated[
    Delimiter | None,
    QueryParameter(description="What separates cells. Left out: what the first line tells."),
]
Sign = Annotated[
    DecimalSign | None,
    QueryParameter(
        description="The decimal sign. Left out: a number that could be two is refused."
    ),
]
Order = Annotated[
    DateOrder | None,
    QueryParameter(
        description="What comes first in 03/04/2026. Left out: the day, and where the shop's"
        " language is English such a date is refused."
    ),
]


class RowPage(Struct, frozen=True, kw_only=True):
    """A part of a table's rows; each has ``id``, its columns, ``createdAt`` and ``updatedAt``."""

    items: list[JsonObject]
    next_cursor: str | None


@dataclass
class _CsvOperation(Operation):
    """Tells the contract that the body is a CSV file."""

    def __post_init__(self) -> None:
        text = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))
        self.request_body = RequestBody(content={CSV_BODY: text}, required=True)


class DataTableRowController(Controller):
    """Routes under ``/api/admin/tenants/{id}/tables/{id}``: rows, CSV in and out."""

    path = "/api/admin/tenants/{tenant_id:str}/tables/{table_id:str}"
    tags = ["data tables"]  # noqa: RUF012 -- Litestar reads this class attribute

    @get("/rows", summary="List rows")
    async def list_rows(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        table_id: FromPath[str],
        data_tables: NamedDependency[DataTableService],
        text: RowText = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> RowPage:
        """Return rows in the order in which they came."""
        page = await data_tables.list_rows(
            require_tenant(operator, tenant_id, "viewer"),
            table_id,
            text=text or "",
            limit=limit,
            cursor=cursor,
        )
        return RowPage(items=page.items, next_cursor=page.next_cursor)

    @post("/rows", status_code=201, summary="Add a row")
    async def add_row(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        table_id: FromPath[str],
        data: JSONBody[JsonObject],
        data_tables: NamedDependency[DataTableService],
        auditor: NamedDependency[Auditor],
    ) -> JsonObject:
        """Add a row of the given cells; columns that are not given are null."""
        allowed = require_tenant(operator, tenant_id, "operator")
        row = await data_tables.add_row(allowed, table_id, data)
        await self._record(auditor, operator, allowed, table_id, "add_row", row["id"])
        return row

    @patch("/rows/{row_id:int}", summary="Change a row")
    async def change_row(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        table_id: FromPath[str],
        row_id: FromPath[int],
        data: JSONBody[JsonObject],
        data_tables: NamedDependency[DataTableService],
        auditor: NamedDependency[Auditor],
    ) -> JsonObject:
        """Change the given cells; the others stay."""
        allowed = require_tenant(operator, tenant_id, "operator")
        row = await data_tables.change_row(allowed, table_id, row_id, data)
        await self._record(auditor, operator, allowed, table_id, "change_row", row_id)
        return row

    @delete("/rows/{row_id:int}", status_code=204, summary="Remove a row")
    async def delete_row(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        table_id: FromPath[str],
        row_id: FromPath[int],
        data_tables: NamedDependency[DataTableService],
        auditor: NamedDependency[Auditor],
    ) -> None:
        """Remove a row."""
        allowed = require_tenant(operator, tenant_id, "operator")
        await data_tables.delete_row(allowed, table_id, row_id)
        await self._record(auditor, operator, allowed, table_id, "delete_row", row_id)

    @post(
        "/import",
        status_code=200,
        summary="Import CSV",
        request_max_body_size=MAX_CSV_BYTES,
        operation_class=_CsvOperation,
    )
    async def import_csv(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        table_id: FromPath[str],
        body: bytes,
        tenants: NamedDependency[TenantService],
        data_tables: NamedDependency[DataTableService],
        auditor: NamedDependency[Auditor],
        mode: Mode = "append",
        key: Key = "",
        columns: Choices = None,
        encoding: Letters = "utf-8",
        delimiter: Separator = None,
        decimal_sign: Sign = None,
        date_order: Order = None,
    ) -> ImportCounts:
        """Put all rows of a CSV file into the table, or none; errors name lines and columns."""
        tenant = await tenants.get(require_tenant(operator, tenant_id, "operator"))
        choice = ImportChoice(
            mode=mode,
            key=key,
            columns=_read_choices(columns),
            encoding=encoding,
            delimiter=delimiter,
            decimal_sign=decimal_sign,
            date_order=date_order,
        )
        counts = await data_tables.import_csv(tenant, table_id, body, choice)
        await auditor.record(
            operator.username,
            "data_table.import",
            table_id,
            tenant_id=tenant.id,
            changes={"mode": mode, **msgspec.to_builtins(counts)},
        )
        return counts

    @get("/export", summary="Export CSV", media_type=CSV_BODY)
    async def export_csv(
        self,
        operator: NamedDependency[Operator],
        tenant_id: FromPath[str],
        table_id: FromPath[str],
        data_tables: NamedDependency[DataTableService],
        auditor: NamedDependency[Auditor],
        language: HeaderLanguage = "",
    ) -> Stream:
        """Send the table as CSV that no spreadsheet runs; an import of it gives the same rows."""
        allowed = require_tenant(operator, tenant_id, "viewer")
        table = await data_tables.editor.get_table(allowed, table_id)
        await auditor.record(operator.username, "data_table.export", table_id, tenant_id=allowed)
        pieces = data_tables.export_csv(allowed, table, language=language)
        return await download(pieces, "table.csv", "text/csv; charset=utf-8")

    async def _record(
        self,
        auditor: Auditor,
        operator: Operator,
        tenant_id: TenantId,
        table_id: str,
        verb: str,
        row_id: int,
    ) -> None:
        """Record which row was changed; what it holds may be about a person and is left out."""
        await auditor.record(
            operator.username,
            f"data_table.{verb}",
            table_id,
            tenant_id=tenant_id,
            changes={"row_id": row_id},
        )


def _read_choices(written: str | None) -> dict[str, str | None]:
    try:
        return msgspec.json.decode(written or "{}", type=dict[str, str | None])
    except msgspec.MsgspecError as error:
        raise InvalidInput(
            "The headers' meanings cannot be read.",
            errors=[FieldError("columns", 'Give a JSON object such as {"Item": "name"}.')],
        ) from error
