"""Time zones as tables that the sandbox can look up without reaching out.

Owns the tables; Luxon's use of them is in ``javascript/runtime.js``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from appliance.domain.json_types import JsonObject

FIRST_YEAR = 1970
LAST_YEAR = 2100
_STEP = timedelta(days=14)  # No zone changed its offset twice within two weeks.


@lru_cache(maxsize=64)
def load_zone_table(name: str) -> JsonObject | None:
    """Return the zone's offsets, or ``None`` if there is no such zone.

    Returns:
        ``at``: the moments of change in seconds since 1970, ascending; ``offsets``: minutes east
        of UTC before the first, between, and after the last of them (one more than ``at``).
    """
    try:
        zone = ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # an unknown zone is a KeyError, an odd path the others
        return None
    moment = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
    end = datetime(LAST_YEAR, 1, 1, tzinfo=UTC)
    at: list[int] = []
    offsets = [_offset_minutes(zone, moment)]
    while moment < end:
        following = moment + _STEP
        if _offset_minutes(zone, following) != offsets[-1]:
            change = _find_change(zone, moment, following)
            at.append(int(change.timestamp()))
            offsets.append(_offset_minutes(zone, change))
        moment = following
    return {"at": at, "offsets": offsets}


def _offset_minutes(zone: ZoneInfo, moment: datetime) -> float:
    offset = moment.astimezone(zone).utcoffset() or timedelta()
    return offset.total_seconds() / 60


def _find_change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    offset = _offset_minutes(zone, before)
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if middle <= before:
            break
        if _offset_minutes(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after
