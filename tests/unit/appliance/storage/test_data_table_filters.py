from __future__ import annotations

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from appliance.domain.data_table import ColumnType
from appliance.errors import InvalidInput
from appliance.ports.data_tables import Condition, RowFilter, RowOrder
from appliance.storage.data_table_filters import build_order, build_where

TYPES: dict[str, ColumnType] = {"id": "number", "name": "string", "createdAt": "date"}
NAME = Condition(column="name", condition="ilike", value="A_b\\%")


def test_no_conditions_mean_every_row():
    where = build_where(RowFilter(match="anyCondition"), TYPES)
    assert str(where.compile(dialect=sqlite.dialect())) == "1"


def test_values_are_bound_and_wildcards_escaped():
    where = build_where(RowFilter(conditions=(NAME,)), TYPES).compile(dialect=sqlite.dialect())
    assert "a\\_b\\\\%" in where.params.values()
    assert "A_b" not in str(where)


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()])
def test_each_database_gets_its_own_sql(dialect: object):
    conditions = (NAME, Condition(column="createdAt", condition="gt", value="2026-01-31"))
    where = build_where(RowFilter(conditions=conditions), TYPES)
    order = build_order(RowOrder(column="name", is_descending=True), TYPES)
    sql = " ".join(str(part.compile(dialect=dialect)) for part in (where, *order))  # type: ignore[arg-type]
    assert "LIKE" in sql
    assert "created_at >" in sql
    assert "DESC" in sql


def test_the_refused_column_is_named():
    with pytest.raises(InvalidInput) as refused:
        build_where(RowFilter(conditions=(Condition(column="nmae"),)), TYPES)
    assert refused.value.errors[0].field == "nmae"
    assert "name" in refused.value.errors[0].message
