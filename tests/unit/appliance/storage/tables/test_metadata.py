from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Column, MetaData, Table, create_engine, insert, literal, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import StatementError
from sqlalchemy.schema import CreateIndex, CreateTable

from appliance.storage.tables import metadata
from appliance.storage.tables.metadata import CompressedJson, UtcDateTime, read_time, write_time

JERUSALEM = timezone(timedelta(hours=2))
AT = datetime(2026, 1, 31, 11, 30, 0, 123_456, JERUSALEM)


def test_a_time_is_written_the_same_by_hand_and_by_sqlalchemy():
    moments = Table("moments", MetaData(), Column("at", UtcDateTime()))
    with create_engine("sqlite://").connect() as connection:
        moments.create(connection)
        connection.execute(insert(moments).values(at=AT))
        stored = connection.exec_driver_sql("SELECT at FROM moments").scalar_one()
        read = connection.execute(select(moments.c.at)).scalar_one()
    assert write_time(AT) == stored == "2026-01-31 09:30:00.123456"
    assert read_time(stored) == read == AT
    assert (read_time(stored).tzinfo, read.tzinfo) == (UTC, UTC)


def test_the_order_of_stored_times_is_their_order():
    times = [AT, AT - timedelta(microseconds=123_456), AT + timedelta(days=400), AT.astimezone(UTC)]
    assert sorted(map(write_time, times)) == [write_time(time) for time in sorted(times)]


def test_a_time_without_zone_is_refused():
    with (
        create_engine("sqlite://").connect() as connection,
        pytest.raises(StatementError, match="time zone"),
    ):
        connection.execute(select(literal(AT.replace(tzinfo=None), UtcDateTime())))


def test_compressed_json_comes_back_as_it_was_and_takes_little_room():
    notes = Table("notes", MetaData(), Column("content", CompressedJson()))
    value = {"note": "שלום\u2028" * 50, "none": None, "list": [1, 2.5, True]}
    with create_engine("sqlite://").connect() as connection:
        notes.create(connection)
        connection.execute(insert(notes), [{"content": value}, {"content": None}])
        stored = connection.exec_driver_sql("SELECT content FROM notes").scalars().all()
        assert connection.execute(select(notes.c.content)).scalars().all() == [value, None]
    assert (len(stored[0]) < 200, stored[1]) == (True, None)


def test_a_row_that_belongs_to_a_tenant_says_so():
    shared = {"tenants", "tools", "workflows", "settings", "refresh_tokens", "data_keys"}
    for table in metadata.tables.values():
        assert ("tenant_id" in table.c) != (table.name in shared), table.name


def test_every_table_can_be_made_on_postgres():
    for table in metadata.sorted_tables:
        sql = str(CreateTable(table).compile(dialect=postgresql.dialect()))
        assert "TIMESTAMP WITHOUT" not in sql
        for index in table.indexes:
            assert len(str(index.name)) <= 63
            assert str(CreateIndex(index).compile(dialect=postgresql.dialect()))
