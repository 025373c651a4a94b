"""Days and moments as the operator's system writes them.

Owns the two formats; which time zone the server keeps is no matter, it sends UTC.
"""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QDateTime, QLocale

SHORT = QLocale.FormatType.ShortFormat


def format_day(moment: datetime) -> str:
    """Write the day of an aware moment in this machine's time zone."""
    local = _to_local(moment)
    if _is_without_locale():
        return local.toString("yyyy-MM-dd")
    return QLocale.system().toString(local.date(), SHORT)


def format_moment(moment: datetime) -> str:
    """Write day and time of an aware moment in this machine's time zone."""
    local = _to_local(moment)
    if _is_without_locale():
        return local.toString("yyyy-MM-dd HH:mm")
    return QLocale.system().toString(local, SHORT)


def _to_local(moment: datetime) -> QDateTime:
    return QDateTime.fromMSecsSinceEpoch(round(moment.timestamp() * 1000))


def _is_without_locale() -> bool:
    return QLocale.system().language() is QLocale.Language.C
