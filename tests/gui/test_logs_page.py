import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from tests.gui.panel_fixtures import WAIT_MS

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def page(qtbot, open_panel, admin_server):
    for number in range(60):
        admin_server.log(f"event {number}", level="error" if number % 10 == 0 else "info")
    window = open_panel(page="logs")
    page = window.current_page
    qtbot.waitUntil(lambda: page.stream.state.kind == "live", timeout=WAIT_MS)
    qtbot.waitUntil(lambda: page.model.shown_count == 60, timeout=WAIT_MS)
    return page


def is_at_end(page) -> bool:
    bar = page.view.table.verticalScrollBar()
    return bar.value() == bar.maximum()


def test_a_line_appears_as_it_is_written_and_stays_in_sight(qtbot, page, admin_server):
    admin_server.log("just now")
    qtbot.waitUntil(lambda: page.model.shown_count == 61, timeout=WAIT_MS)
    assert page.stream_pill.text() == "Live"
    assert page.counts.text() == "61 lines"
    assert is_at_end(page)


def test_scrolling_up_stops_following_until_asked(qtbot, page, admin_server):
    bar = page.view.table.verticalScrollBar()
    bar.triggerAction(bar.SliderAction.SliderToMinimum)
    assert not page.follow_button.isChecked()
    admin_server.log("below")
    qtbot.waitUntil(lambda: page.model.shown_count == 61, timeout=WAIT_MS)
    assert bar.value() == 0
    qtbot.mouseClick(page.follow_button, LEFT)
    assert is_at_end(page)


def test_pausing_holds_lines_back_and_counts_them(qtbot, page, admin_server):
    qtbot.mouseClick(page.pause_button, LEFT)
    admin_server.log("held back")
    qtbot.waitUntil(lambda: page.pause_button.text() == "Resume (1)", timeout=WAIT_MS)
    assert page.model.shown_count == 60
    qtbot.mouseClick(page.pause_button, LEFT)
    qtbot.waitUntil(lambda: page.model.shown_count == 61, timeout=WAIT_MS)


def test_level_and_words_narrow_the_view(qtbot, page):
    page.level.setCurrentIndex(page.level.findData("error"))
    qtbot.waitUntil(lambda: page.counts.text() == "6 of 60 lines", timeout=WAIT_MS)
    qtbot.keyClicks(page.search, "event 20")
    qtbot.waitUntil(lambda: page.counts.text() == "1 of 60 lines", timeout=WAIT_MS)
    qtbot.keyClicks(page.search, " nothing")
    qtbot.waitUntil(page.empty.isVisible, timeout=WAIT_MS)
    qtbot.mouseClick(page.empty.button, LEFT)
    qtbot.waitUntil(lambda: page.counts.text() == "60 lines", timeout=WAIT_MS)


def test_the_selected_line_is_shown_whole_and_copied(qtbot, page, admin_server):
    admin_server.log("tool.failed", level="error", reason="the calendar did not answer")
    qtbot.waitUntil(lambda: page.model.shown_count == 61, timeout=WAIT_MS)
    page.view.table.setCurrentIndex(page.model.index(60, 0))
    assert "reason: the calendar did not answer" in page.view.details.toPlainText()
    qtbot.mouseClick(page.copy_button, LEFT)
    assert QGuiApplication.clipboard().text().count("\n") == 0
    assert "tool.failed" in QGuiApplication.clipboard().text()
    page.view.table.clearSelection()
    assert page.view.copy() == 61


def test_exporting_writes_what_is_shown(qtbot, page, tmp_path):
    page.level.setCurrentIndex(page.level.findData("error"))
    qtbot.waitUntil(lambda: page.model.shown_count == 6, timeout=WAIT_MS)
    page.export_to(tmp_path / "log.txt")
    qtbot.waitUntil((tmp_path / "log.txt").exists, timeout=WAIT_MS)
    assert len((tmp_path / "log.txt").read_text().splitlines()) == 6
    page.export_to(tmp_path / "missing" / "log.txt")
    qtbot.waitUntil(page.banner.isVisible, timeout=WAIT_MS)


def test_clearing_empties_the_view_and_the_log_goes_on(qtbot, page, admin_server):
    qtbot.mouseClick(page.clear_button, LEFT)
    assert page.empty.isVisible()
    admin_server.log("after")
    qtbot.waitUntil(lambda: page.counts.text() == "1 line", timeout=WAIT_MS)


def test_a_lost_connection_is_said_and_heals_by_itself(qtbot, page, admin_server):
    admin_server.fail("GET /api/admin/logs/stream", 500, detail="Failing for now.")
    admin_server.cut_streams()
    qtbot.waitUntil(page.banner.isVisible, timeout=WAIT_MS)
    assert page.stream_pill.text().startswith(("Trying again", "Connecting"))
    admin_server.heal()
    admin_server.log("while away")
    qtbot.waitUntil(lambda: page.model.shown_count == 61, timeout=WAIT_MS)
    assert not page.banner.isVisible()
    assert page.stream_pill.text() == "Live"


def test_signing_out_ends_the_stream_and_empties_the_view(qtbot, page):
    page.context.session.sign_out()
    assert page.stream.state.kind == "off"
    assert page.model.kept_count == 0
