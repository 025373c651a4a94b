import pytest
from PySide6.QtCore import QByteArray

from gui.settings import PanelSettings, ServerRecord

RECORD = ServerRecord("http://127.0.0.1:8081", 42, "2026-03-01T08:00:00+00:00", "/srv")


def test_what_is_set_is_there_after_a_restart(tmp_path):
    file = tmp_path / "panel.ini"
    first = PanelSettings(file)
    first.close_choice, first.theme, first.server_record = "stop", "dark", RECORD
    first.geometry = QByteArray(b"\x01\x02")
    first._store.sync()
    second = PanelSettings(file)
    assert (second.close_choice, second.theme, second.server_record) == ("stop", "dark", RECORD)
    assert second.geometry == QByteArray(b"\x01\x02")
    second.server_record = None
    assert PanelSettings(file).server_record is None


@pytest.mark.parametrize("damage", ["", "[server]\non_close=7\nrecord={\n[window]\ntheme=pink\n"])
def test_missing_and_damaged_values_read_as_defaults(tmp_path, damage):
    file = tmp_path / "panel.ini"
    file.write_text(damage)
    settings = PanelSettings(file)
    assert (settings.close_choice, settings.theme) == ("ask", "system")
    assert (settings.server_record, settings.geometry) == (None, None)
