"""The panel and the real server, from an empty data folder to a clean end."""

import os
import socket
import sys

import pytest
import shiboken6
from PySide6.QtCore import Qt

from gui.api.transport import ApiRequest
from gui.widgets.tenant_form import TenantForm
from gui.widgets.tenant_secrets import NewTenantKeys

PATIENCE_MS = 40_000
LEFT = Qt.MouseButton.LeftButton
SERVER = (sys.executable, "-m", "appliance", "serve")


def free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        for probe in (one, other):
            probe.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


@pytest.fixture
def panel(qtbot, open_panel, tmp_path, monkeypatch):
    """A panel that has started a real server, tied to it, and signed in by its first password."""
    for name in [name for name in os.environ if name.startswith("CSAI_")]:
        monkeypatch.delenv(name)
    port, admin_port = free_ports()
    settings = tmp_path / "panel.ini"
    settings.write_text("[server]\non_close=stop\n")
    window = open_panel(
        sign_in=False,
        data_dir=tmp_path / "data",
        port=port,
        admin_port=admin_port,
        server_command=SERVER,
        settings_file=settings,
    )
    monitor = window.context.monitor
    qtbot.waitUntil(lambda: monitor.state.phase in {"running", "crashed"}, timeout=PATIENCE_MS)
    assert monitor.state.phase == "running", monitor.state.problem
    qtbot.waitUntil(lambda: window.context.session.is_signed_in, timeout=PATIENCE_MS)
    yield window
    if monitor.is_own_process_running:
        closed = []
        monitor.close(keep_running=False, on_closed=lambda: closed.append(True))
        qtbot.waitUntil(lambda: bool(closed), timeout=PATIENCE_MS)


def find_dialog(qtbot, page, kind):
    def visible():
        return [found for found in page.findChildren(kind) if found.isVisible()]

    qtbot.waitUntil(lambda: bool(visible()), timeout=PATIENCE_MS)
    return visible()[0]


def test_from_an_empty_folder_to_an_embedded_tenant(qtbot, panel):
    overview = panel.current_page
    qtbot.waitUntil(lambda: "data in" in overview.facts_label.text(), timeout=PATIENCE_MS)
    assert overview.pill.text() == "Running"
    assert {"database", "cache", "llm", "workflows"} <= set(overview.components.tiles)
    assert overview.banner.isVisible()

    panel.go_to("tenants")
    page = panel.current_page
    qtbot.waitUntil(lambda: page.store.has_loaded, timeout=PATIENCE_MS)
    before = len(page.store.table.tenants)
    page.open_add()
    form = find_dialog(qtbot, page, TenantForm)
    qtbot.keyClicks(form.name, "Corner Bakery")
    qtbot.keyClicks(form.domain, "bakery.example")
    form.time_zone.setCurrentText("Asia/Jerusalem")
    qtbot.mouseClick(form.submit_button, LEFT)
    qtbot.mouseClick(form.submit_button, LEFT)
    qtbot.waitUntil(lambda: not shiboken6.isValid(form) or not form.is_busy, timeout=PATIENCE_MS)
    assert not shiboken6.isValid(form), form.banner.text_label.text()
    keys = find_dialog(qtbot, page, NewTenantKeys)
    assert keys.api_key.line.text().startswith("pk_")
    assert keys.signing_secret.line.text()
    qtbot.waitUntil(lambda: "<script" in keys.code.text.toPlainText(), timeout=PATIENCE_MS)
    keys.done_button.click()
    page.refresh()
    qtbot.waitUntil(lambda: not page.store.is_loading, timeout=PATIENCE_MS)
    assert len(page.store.table.tenants) == before + 1
    tenant = next(t for t in page.store.table.tenants if t.name == "Corner Bakery")
    assert tenant.allowed_origins == ["https://bakery.example", "https://www.bakery.example"]
    assert (tenant.time_zone, tenant.status) == ("Asia/Jerusalem", "active")


def test_a_tenant_is_changed_deactivated_and_activated(qtbot, panel):
    panel.go_to("tenants")
    page, outcome = panel.current_page, []
    body = {"name": "Old name", "domain": None, "allowed_origins": [], "language": "he"}
    page.store.create(body, owner=page, on_success=outcome.append, on_error=outcome.append)
    qtbot.waitUntil(lambda: len(outcome) == 1, timeout=PATIENCE_MS)
    tenant_id = outcome[0].id
    for changes in ({"name": "New name"}, {"status": "inactive"}, {"status": "active"}):
        page.store.update(
            tenant_id, changes, owner=page, on_success=outcome.append, on_error=outcome.append
        )
        done = len(outcome) + 1
        qtbot.waitUntil(lambda done=done: len(outcome) == done, timeout=PATIENCE_MS)
    assert (outcome[1].name, outcome[2].status, outcome[3].status) == (
        "New name",
        "inactive",
        "active",
    )
    page.store.deactivate(
        tenant_id, owner=page, on_success=lambda: outcome.append("done"), on_error=outcome.append
    )
    qtbot.waitUntil(lambda: len(outcome) == 5 and not page.store.is_loading, timeout=PATIENCE_MS)
    assert outcome[4] == "done"
    (shown,) = (tenant for tenant in page.store.table.tenants if tenant.id == tenant_id)
    assert not shown.is_active


def test_the_live_log_shows_what_the_server_does(qtbot, panel):
    panel.go_to("logs")
    page = panel.current_page
    qtbot.waitUntil(lambda: page.stream.state.kind == "live", timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: page.model.kept_count > 0, timeout=PATIENCE_MS)
    before = page.model.kept_count
    panel.context.session.load_status()
    outcome = []
    panel.context.client.sign_in(
        "admin",
        "certainly wrong",
        owner=page,
        on_success=lambda: outcome.append(None),
        on_error=outcome.append,
    )
    qtbot.waitUntil(lambda: bool(outcome), timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: page.model.kept_count > before, timeout=PATIENCE_MS)


def test_a_restart_keeps_the_session_and_brings_the_log_back(qtbot, panel):
    panel.go_to("logs")
    page, monitor = panel.current_page, panel.context.monitor
    qtbot.waitUntil(lambda: page.stream.state.kind == "live", timeout=PATIENCE_MS)
    for _ in range(12):
        panel.context.client.transport.send(
            ApiRequest("GET", "/api/admin/nothing-here"), headers={}, on_outcome=lambda _o: None
        )
    first = monitor._process.pid
    monitor.restart()
    qtbot.waitUntil(
        lambda: monitor.state.phase == "running" and monitor._process.pid != first,
        timeout=PATIENCE_MS,
    )
    qtbot.waitUntil(lambda: page.stream.state.kind == "live", timeout=PATIENCE_MS)
    assert panel.context.session.is_signed_in
    qtbot.waitUntil(
        lambda: sum(line.entry.event == "server_started" for line in page.model.shown_lines()) == 2,
        timeout=PATIENCE_MS,
    )


def test_closing_stops_a_tied_server_cleanly(qtbot, panel):
    codes = []
    panel.context.monitor._process.exited.connect(codes.append)
    panel.close()
    qtbot.waitUntil(lambda: not panel.isVisible(), timeout=PATIENCE_MS)
    assert codes == [0]
