from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from appliance.errors import InvalidInput
from appliance.storage.repositories.pages import read_cursor, write_cursor

AT = datetime(2026, 1, 31, 9, 30, 0, 123_456, UTC)


@pytest.mark.parametrize("row_id", ["", "a", "01a20b72-d994-7014-8a11-70a4c463d4a7", "é?/+"])
def test_a_cursor_is_read_as_written(row_id: str):
    cursor = write_cursor(AT, row_id)
    assert cursor.isascii()
    assert not set(cursor) & set("+/= ")
    assert read_cursor(cursor) == (AT, row_id)


@pytest.mark.parametrize("cursor", ["", "A", "bnVsbA", "WyIyMDI2LTAxLTMxIiwgIngiXQ", "W251bGxd"])
def test_what_is_no_place_is_the_callers_error(cursor: str):
    with pytest.raises(InvalidInput) as refused:
        read_cursor(cursor)
    assert refused.value.errors[0].field == "cursor"


@pytest.mark.parametrize("year", [1, 9999])
def test_a_time_that_no_clock_in_utc_shows_is_no_place(year: int):
    zone = timezone(timedelta(hours=14 if year == 1 else -14))
    at = datetime(year, 1, 1, tzinfo=zone) if year == 1 else datetime(year, 12, 31, 23, tzinfo=zone)
    for cursor in (write_cursor(at, "id"), write_cursor(AT, "\0")):
        with pytest.raises(InvalidInput):
            read_cursor(cursor)


def test_a_place_in_local_time_is_no_place():
    naive = write_cursor(AT.replace(tzinfo=None), "id")
    with pytest.raises(InvalidInput):
        read_cursor(naive)
