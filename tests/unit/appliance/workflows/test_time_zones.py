from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from appliance.workflows.time_zones import load_zone_table


@pytest.mark.parametrize(
    "name", ["Asia/Jerusalem", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]
)
def test_the_table_agrees_with_the_zone_at_every_hour_of_two_years(name):
    table = load_zone_table(name)
    start = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp())
    for hour in range(2 * 365 * 24):
        at = start + hour * 3600
        expected = datetime.fromtimestamp(at, ZoneInfo(name)).utcoffset().total_seconds() / 60
        assert table["offsets"][bisect_right(table["at"], at)] == expected


def test_changes_are_found_to_the_second():
    table = load_zone_table("Asia/Jerusalem")
    spring = int(datetime(2026, 3, 27, 0, 0, tzinfo=UTC).timestamp())
    assert spring in table["at"]


@pytest.mark.parametrize("name", ["Atlantis/Deep", "", "../etc/passwd", "/etc/passwd", "a\0b"])
def test_an_unknown_zone_is_none(name):
    assert load_zone_table(name) is None
