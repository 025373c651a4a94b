"""The days that an operator asks for.

Owns what is refused of a period; what is read of it is left to exports and usage.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from appliance.errors import FieldError, InvalidInput


def check_period(since: date | None, until: date | None) -> None:
    """Refuse days that make no period.

    Raises:
        InvalidInput: It ends before it begins, or with the last day that there is.
    """
    if until == date.max:
        raise InvalidInput(
            "The period ends too late.",
            errors=[FieldError("to", f"Give a day before {date.max}, or leave it out.")],
        )
    if since is not None and until is not None and until < since:
        raise InvalidInput(
            "The period ends before it begins.",
            errors=[FieldError("to", "Give a day that is not before the first.")],
        )


def bound_days(since: date | None, until: date | None) -> tuple[datetime | None, datetime | None]:
    """Return the moment at which ``since`` begins and the one at which ``until`` is over, in UTC.

    Raises:
        InvalidInput: As ``check_period``.
    """
    check_period(since, until)
    return _begin(since), None if until is None else _begin(until + timedelta(days=1))


def _begin(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), tzinfo=UTC)
