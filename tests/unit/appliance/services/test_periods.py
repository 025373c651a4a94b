from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from appliance.errors import InvalidInput
from appliance.services.periods import bound_days, check_period

DAY = date(2026, 3, 1)


@pytest.mark.parametrize(
    ("since", "until"),
    [(DAY, date(2026, 2, 28)), (None, date.max), (date.max, date.max), (date.max, date.min)],
)
def test_days_that_make_no_period_are_refused_by_name(since: date | None, until: date):
    for refuse in (check_period, bound_days):
        with pytest.raises(InvalidInput) as refused:
            refuse(since, until)
        assert [error.field for error in refused.value.errors] == ["to"]


def test_both_days_are_whole():
    begin, end = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
    assert bound_days(DAY, DAY) == (begin, end)
    assert bound_days(None, None) == (None, None)


def test_the_outermost_days_are_taken():
    begin, end = bound_days(date.min, date(9999, 12, 30))
    assert (begin, end) == (
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, tzinfo=UTC),
    )
