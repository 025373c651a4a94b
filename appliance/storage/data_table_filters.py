"""Filters over the rows of data tables, as SQL.

Owns what each condition means for each type of column; it is what n8n's Data Table node does.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, String, and_, func, or_, true, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from appliance.domain.data_table import ColumnType, convert_value
from appliance.domain.json_types import JsonValue
from appliance.errors import FieldError, InvalidInput
from appliance.ports.data_tables import Condition, RowFilter, RowOrder
from appliance.storage.tables import data_table_rows

ROW_ID: Final = type_coerce(data_table_rows.c.row_id, BigInteger)
"""For comparing with numbers that somebody gave, which may be larger than any row's."""
_SYSTEM_COLUMNS = {
    "id": ROW_ID,
    "createdAt": data_table_rows.c.created_at,
    "updatedAt": data_table_rows.c.updated_at,
}
_VALUELESS: Mapping[str, tuple[str, JsonValue]] = {
    "isTrue": ("eq", True),
    "isFalse": ("eq", False),
}
_COMPARISONS: Mapping[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def build_where(where: RowFilter, types: Mapping[str, ColumnType]) -> ColumnElement[bool]:
    """Return the SQL condition of ``where``; no conditions means every row.

    Raises:
        InvalidInput: A column is unknown, or a value does not fit its type or condition.
    """
    clauses = [_build_condition(condition, types) for condition in where.conditions]
    if not clauses:
        return true()
    return and_(*clauses) if where.match == "allConditions" else or_(*clauses)


def build_order(order: RowOrder, types: Mapping[str, ColumnType]) -> list[ColumnElement[Any]]:
    """Return the SQL order; rows that are equal in it stay in the order of their ids.

    Raises:
        InvalidInput: The column is unknown.
    """
    expression = _comparable(_expression(order.column, _type_of(order.column, types)))
    if order.is_descending:
        return [expression.desc().nulls_last(), data_table_rows.c.row_id.asc()]
    return [expression.asc().nulls_first(), data_table_rows.c.row_id.asc()]


def _build_condition(condition: Condition, types: Mapping[str, ColumnType]) -> ColumnElement[bool]:
    test, given = _VALUELESS.get(condition.condition, (condition.condition, condition.value))
    column_type = _type_of(condition.column, types)
    column = _expression(condition.column, column_type)
    if test in ("isEmpty", "isNotEmpty"):
        return _build_empty(column, column_type, is_wanted=test == "isEmpty")
    if test in ("like", "ilike"):
        return _build_like(condition, column, column_type, is_exact=test == "like")
    try:
        value = convert_value(column_type, given)
    except ValueError as error:
        raise _refuse(condition, str(error)) from error
    if value is None:
        if test == "eq":
            return column.is_(None)
        if test == "neq":
            return column.is_not(None)
        raise _refuse(condition, f"{condition.condition} needs a value.")
    if column_type == "boolean" and test not in ("eq", "neq"):
        raise _refuse(condition, f"{condition.condition} does not work on true and false.")
    return _compare(column, test, _bound(condition.column, value))


def _build_empty(
    column: ColumnElement[Any], column_type: ColumnType, *, is_wanted: bool
) -> ColumnElement[bool]:
    """A text without a character is as empty as none, as n8n has it."""
    if column_type != "string":
        return column.is_(None) if is_wanted else column.is_not(None)
    filled = func.coalesce(column, "")
    return filled == "" if is_wanted else filled != ""


def _build_like(
    condition: Condition,
    column: ColumnElement[Any],
    column_type: ColumnType,
    *,
    is_exact: bool,
) -> ColumnElement[bool]:
    """Only ``%`` is a wildcard, and text without one is looked for anywhere, as n8n has it."""
    if column_type != "string":
        raise _refuse(condition, f"{condition.condition} works on text columns only.")
    if not isinstance(condition.value, str):
        raise _refuse(condition, f"{condition.condition} needs a text.")
    text = condition.value if "%" in condition.value else f"%{condition.value}%"
    pattern = text.replace("\\", "\\\\").replace("_", "\\_")
    if is_exact:
        return column.like(pattern, escape="\\")
    return func.lower(column).like(pattern.lower(), escape="\\")


def _compare(column: ColumnElement[Any], test: str, value: Any) -> ColumnElement[bool]:
    if test == "neq":
        return or_(column != value, column.is_(None))
    return _COMPARISONS[test](_comparable(column), value)


def _type_of(name: str, types: Mapping[str, ColumnType]) -> ColumnType:
    column_type = types.get(name)
    if column_type is None:
        message = f"The table has no such column; it has {', '.join(types)}."
        raise InvalidInput("The filter does not fit the table.", errors=[FieldError(name, message)])
    return column_type


def build_column(name: str, types: Mapping[str, ColumnType]) -> ColumnElement[Any]:
    """Return the SQL expression of a column's value.

    Raises:
        InvalidInput: The column is unknown.
    """
    return _expression(name, _type_of(name, types))


def _expression(name: str, column_type: ColumnType) -> ColumnElement[Any]:
    if name in _SYSTEM_COLUMNS:
        return _SYSTEM_COLUMNS[name]
    cell = data_table_rows.c.cells[name]
    typed: ColumnElement[Any]
    if column_type == "number":
        typed = cell.as_float()
    elif column_type == "boolean":
        typed = cell.as_boolean()
    else:
        typed = cell.as_string()
    return typed


def _bound(name: str, value: JsonValue) -> JsonValue | datetime:
    """System times are compared as times, a table's own dates as the text they are stored as."""
    if name in _SYSTEM_COLUMNS and isinstance(value, str):
        return datetime.fromisoformat(value)
    return value


class _ByBytes(FunctionElement[str]):
    """A text that is compared by its bytes, whatever language the database sorts by."""

    inherit_cache = True


@compiles(_ByBytes)
def _compile_as_it_is(element: _ByBytes, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.clauses, **kw)


@compiles(_ByBytes, "postgresql")
def _compile_with_collation(element: _ByBytes, compiler: SQLCompiler, **kw: Any) -> str:
    return f'({compiler.process(element.clauses, **kw)}) COLLATE "C"'


def _comparable(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return _ByBytes(column) if isinstance(column.type, String) else column


def _refuse(condition: Condition, message: str) -> InvalidInput:
    return InvalidInput(
        "The filter does not fit the table.", errors=[FieldError(condition.column, message)]
    )
