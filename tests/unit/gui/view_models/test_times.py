from datetime import UTC, datetime, timedelta, timezone

from PySide6.QtCore import QLocale

from gui.view_models import times
from gui.view_models.times import format_day, format_moment

MOMENT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def test_a_system_without_locale_gets_the_plain_order(monkeypatch):
    monkeypatch.setattr(times, "_is_without_locale", lambda: True)
    local = MOMENT.astimezone()
    assert format_day(MOMENT) == f"{local:%Y-%m-%d}"
    assert format_moment(MOMENT) == f"{local:%Y-%m-%d %H:%M}"


def test_the_system_decides_the_order_otherwise(monkeypatch):
    monkeypatch.setattr(times, "_is_without_locale", lambda: False)
    german = QLocale(QLocale.Language.German, QLocale.Country.Germany)
    monkeypatch.setattr(QLocale, "system", lambda: german)
    assert format_day(MOMENT) == f"{MOMENT.astimezone():%d.%m.%y}"


def test_the_same_moment_in_another_zone_reads_the_same():
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=9)))
    assert format_moment(elsewhere) == format_moment(MOMENT)
