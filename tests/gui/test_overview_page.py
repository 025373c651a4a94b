import socket
import sys

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication

from gui.view_models import server
from tests.fakes import panel_server_script
from tests.fakes.admin_server import PASSWORD
from tests.gui.panel_fixtures import WAIT_MS

LEFT = Qt.MouseButton.LeftButton
SERVER = (sys.executable, str(panel_server_script.__file__))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(server, "CALM_INTERVAL_MS", 80)
    monkeypatch.setattr(server, "EAGER_INTERVAL_MS", 40)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_state_parts_and_addresses_are_shown(qtbot, open_panel, admin_server):
    admin_server.health["components"]["llm"] = {"status": "degraded", "provider": "ollama"}
    page = open_panel().current_page
    qtbot.waitUntil(lambda: page.demo.line.text() != "", timeout=WAIT_MS)
    assert page.pill.text() == "Running"
    assert page.components.tiles["llm"].pill.text() == "Degraded"
    assert page.components.tiles["llm"].detail.text() == "ollama"
    assert "data in /srv/csai" in page.facts_label.text()
    assert page.widget.line.text() == "http://127.0.0.1:8080/widget.js"
    assert not page.stop_button.isVisible()


def test_addresses_can_be_copied_and_opened(qtbot, open_panel, monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url) or True)
    page = open_panel().current_page
    qtbot.waitUntil(lambda: page.demo.line.text() != "", timeout=WAIT_MS)
    qtbot.mouseClick(page.demo.copy_button, LEFT)
    qtbot.mouseClick(page.demo.open_button, LEFT)
    assert QGuiApplication.clipboard().text() == "http://127.0.0.1:8080/demo"
    assert opened == [QUrl("http://127.0.0.1:8080/demo")]


def test_the_first_password_is_pointed_out(open_panel):
    page = open_panel().current_page
    assert page.banner.isVisible()
    assert PASSWORD not in page.banner.text_label.text() + page.banner.hint_label.text()


def test_a_server_of_its_own_is_started_stopped_and_started(qtbot, open_panel):
    window = open_panel(sign_in=False, admin_port=closed_port(), server_command=SERVER)
    page = window.current_page
    qtbot.waitUntil(lambda: page.pill.text() == "Running", timeout=WAIT_MS)
    qtbot.mouseClick(page.stop_button, LEFT)
    qtbot.waitUntil(lambda: page.pill.text() == "Stopped", timeout=WAIT_MS)
    qtbot.mouseClick(page.start_button, LEFT)
    qtbot.waitUntil(lambda: page.pill.text() == "Running", timeout=WAIT_MS)
    page.keep_box.setChecked(False)
    assert window.context.settings.close_choice == "stop"
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=WAIT_MS)
    assert not window.context.monitor.is_own_process_running


def test_a_failed_start_shows_the_servers_last_words(qtbot, open_panel):
    command = ("/bin/sh", "-c", "echo 'CSAI_PORT: abc is not a port'; exit 3")
    window = open_panel(sign_in=False, admin_port=closed_port(), server_command=command)
    page = window.current_page
    qtbot.waitUntil(page.console.isVisible, timeout=WAIT_MS)
    assert page.console.toPlainText() == "CSAI_PORT: abc is not a port"
    assert page.state_label.text() == "A setting of the server is wrong."
    assert page.start_button.isVisible()


def test_signing_in_by_hand(qtbot, open_panel):
    window = open_panel(sign_in=False, page="tenants")
    form = window.sign_in
    qtbot.mouseClick(form.button, LEFT)
    assert form.banner.isVisible()
    qtbot.keyClicks(form.password, "wrong")
    qtbot.keyClick(form.password, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "not right" in form.banner.text_label.text(), timeout=WAIT_MS)
    form.password.clear()
    qtbot.keyClicks(form.password, PASSWORD)
    qtbot.keyClick(form.password, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.current_page is not None, timeout=WAIT_MS)
    assert form.password.text() == ""
