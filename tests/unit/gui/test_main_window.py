import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog

from gui.main_window import MainWindow
from gui.widgets.dialogs import Question
from tests.gui.panel_fixtures import WAIT_MS


def open_questions(window) -> list[Question]:
    return [found for found in window.findChildren(Question) if found.isVisible()]


def test_pages_are_chosen_by_shortcut_and_sidebar(qtbot, open_panel):
    window = open_panel()
    qtbot.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert type(window.current_page).__name__ == "TenantsPage"
    qtbot.mouseClick(window.sidebar._buttons["logs"], Qt.MouseButton.LeftButton)
    assert type(window.current_page).__name__ == "LogsPage"
    qtbot.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert window.current_page.search.hasFocus()


def test_pages_are_made_when_first_needed(qtbot, open_panel):
    window = open_panel()
    assert list(window._pages) == ["overview"]
    window.go_to("tenants")
    assert list(window._pages) == ["overview", "tenants"]


def test_signing_in_stands_in_place_of_pages_that_need_it(qtbot, open_panel):
    window = open_panel(sign_in=False)
    qtbot.waitUntil(lambda: window.context.monitor.state.phase == "running", timeout=WAIT_MS)
    window.go_to("tenants")
    assert window.current_page is None
    assert window.sign_in.isVisible()
    window.go_to("overview")
    assert window.current_page is not None


def test_f5_loads_again(qtbot, open_panel, admin_server):
    window = open_panel(page="tenants")
    qtbot.waitUntil(lambda: window.current_page.store.has_loaded, timeout=WAIT_MS)
    before = admin_server.count("GET", "/api/admin/tenants")
    qtbot.keyClick(window, Qt.Key.Key_F5)
    qtbot.waitUntil(
        lambda: admin_server.count("GET", "/api/admin/tenants") > before, timeout=WAIT_MS
    )


def test_a_window_on_somebody_elses_server_closes_without_a_question(qtbot, open_panel):
    window = open_panel()
    window.close()
    assert not window.isVisible()
    assert not window.findChildren(QDialog)


@pytest.mark.parametrize(
    ("choice", "answer", "is_remembered", "kept", "next_choice"),
    [
        ("ask", "Keep running", False, True, "ask"),
        ("ask", "Stop it", True, False, "stop"),
        ("keep", None, False, True, "keep"),
        ("stop", None, False, False, "stop"),
    ],
)
def test_closing_asks_about_a_server_of_its_own(
    qtbot, open_panel, monkeypatch, choice, answer, is_remembered, kept, next_choice
):
    window: MainWindow = open_panel()
    calls = []
    monitor = window.context.monitor
    monkeypatch.setattr(type(monitor), "is_own_process_running", property(lambda _self: True))
    monkeypatch.setattr(
        type(monitor),
        "close",
        lambda _self, *, keep_running, on_closed: (calls.append(keep_running), on_closed()),
    )
    window.context.settings.close_choice = choice
    window.close()
    if answer is not None:
        (question,) = open_questions(window)
        question.remember.setChecked(is_remembered)
        buttons = question.findChildren(type(window.sidebar.user_button))
        (button,) = (found for found in buttons if found.text() == answer)
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert calls == [kept]
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=WAIT_MS)
    assert window.context.settings.close_choice == next_choice


def test_the_desktop_session_can_end_without_a_question(qtbot, open_panel, monkeypatch):
    window = open_panel()
    monitor = window.context.monitor
    monkeypatch.setattr(type(monitor), "is_own_process_running", property(lambda _self: True))
    window.allow_close()
    window.close()
    assert not window.isVisible()


def test_the_look_is_remembered(qtbot, open_panel):
    window = open_panel(theme=None)
    window.sidebar.theme_chosen.emit("dark")
    assert window.context.look.is_dark
    assert window.context.settings.theme == "dark"
    window.context.look.choose("light")


def test_signing_out_hides_what_was_shown(qtbot, open_panel, admin_server):
    admin_server.add_tenant("Secret shop")
    window = open_panel(page="tenants")
    page = window.current_page
    qtbot.waitUntil(lambda: page.store.has_loaded, timeout=WAIT_MS)
    window.sidebar.sign_out_asked.emit()
    assert window.current_page is None
    assert page.store.table.tenants == []
