import json
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from gui.api.models import ServerStatus
from gui.api.transport import HttpTransport
from gui.options import PanelOptions
from gui.settings import PanelSettings
from gui.view_models import server
from gui.view_models.server import ServerMonitor
from tests.fakes import panel_server_script
from tests.fakes.admin_server import FakeAdminServer
from tests.gui.panel_fixtures import WAIT_MS

SCRIPT = Path(panel_server_script.__file__)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_answering(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(server, "CALM_INTERVAL_MS", 60)
    monkeypatch.setattr(server, "EAGER_INTERVAL_MS", 30)


@pytest.fixture
def build_monitor(qapp, tmp_path):
    monitors = []

    def build(*, port, command=(sys.executable, str(SCRIPT)), **options):
        chosen = PanelOptions(
            data_dir=tmp_path, admin_port=port, server_command=tuple(command), **options
        )
        settings = PanelSettings(tmp_path / "panel.ini")
        transport = HttpTransport(chosen.admin_url, qapp)
        monitor = ServerMonitor(chosen, settings, transport, transport)
        monitors.append(monitor)
        return monitor

    yield build
    for monitor in monitors:
        monitor._next_probe.stop()
        process = monitor._process._process
        if process is not None:
            process.kill()
            process.wait(5)


def wait_for(qtbot, monitor, phase):
    qtbot.waitUntil(lambda: monitor.state.phase == phase, timeout=WAIT_MS)


def learn(monitor, pid):
    status = ServerStatus(pid=pid, started_at=panel_server_script.STARTED_AT, data_dir="/d")
    monitor.learn_status(status)


def test_a_running_server_is_attached_to_and_left_alone(qtbot, build_monitor, admin_server):
    monitor = build_monitor(port=admin_server.port)
    monitor.begin()
    wait_for(qtbot, monitor, "running")
    assert (monitor.state.origin, monitor.is_own_process_running) == ("elsewhere", False)
    assert monitor.state.health.components["llm"].provider == "builtin"
    monitor.stop()
    assert monitor.state.phase == "running"


def test_where_nobody_answers_the_server_is_started(qtbot, build_monitor):
    monitor = build_monitor(port=closed_port())
    monitor.begin()
    wait_for(qtbot, monitor, "running")
    assert (monitor.state.origin, monitor.state.can_stop) == ("here", True)
    monitor.stop()
    wait_for(qtbot, monitor, "stopped")
    assert not monitor.is_own_process_running
    monitor.start()
    wait_for(qtbot, monitor, "running")


def test_restarting_gives_another_process(qtbot, build_monitor):
    monitor = build_monitor(port=closed_port())
    monitor.begin()
    wait_for(qtbot, monitor, "running")
    first = monitor._process.pid
    monitor.restart()
    qtbot.waitUntil(
        lambda: monitor.state.phase == "running" and monitor._process.pid != first, timeout=WAIT_MS
    )


def test_a_crash_is_shown_with_its_last_words_and_is_not_repeated(qtbot, build_monitor):
    command = ("/bin/sh", "-c", "echo 'port 8080 is taken by nginx'; exit 4")
    monitor = build_monitor(port=closed_port(), command=command)
    monitor.begin()
    wait_for(qtbot, monitor, "crashed")
    problem = monitor.state.problem
    assert "port" in problem.summary
    assert problem.console_tail == ("port 8080 is taken by nginx",)
    probes = monitor._process.pid
    qtbot.wait(150)
    assert (monitor.state.phase, monitor._process.pid) == ("crashed", probes)


def test_a_killed_server_is_noticed(qtbot, build_monitor):
    monitor = build_monitor(port=closed_port())
    monitor.begin()
    wait_for(qtbot, monitor, "running")
    os.kill(monitor._process.pid, signal.SIGKILL)
    wait_for(qtbot, monitor, "crashed")
    assert "signal 9" in monitor.state.problem.summary


def test_a_missing_program_is_said(qtbot, build_monitor):
    monitor = build_monitor(port=closed_port(), command=("/nonexistent/csai",))
    monitor.begin()
    wait_for(qtbot, monitor, "crashed")
    assert "/nonexistent/csai" in monitor.state.problem.remedy


@pytest.mark.parametrize("body", [b"<html>It works!</html>", b'{"status": "ok"}', b"[]"])
def test_another_program_on_the_port_is_not_taken_for_the_server(
    qtbot, build_monitor, admin_server, body
):
    admin_server.fail("GET /health", 200, raw=body)
    monitor = build_monitor(port=admin_server.port)
    monitor.begin()
    wait_for(qtbot, monitor, "occupied")
    assert not monitor.is_own_process_running
    admin_server.heal()
    wait_for(qtbot, monitor, "running")


def test_an_unhealthy_server_is_still_the_server(qtbot, build_monitor, admin_server):
    admin_server.health_status = 503
    admin_server.health["status"] = "unavailable"
    monitor = build_monitor(port=admin_server.port)
    monitor.begin()
    wait_for(qtbot, monitor, "running")
    assert monitor.state.health.status == "unavailable"


def test_a_server_that_goes_away_is_lost_and_found_again(qtbot, build_monitor, admin_server):
    monitor = build_monitor(port=admin_server.port)
    monitor.begin()
    wait_for(qtbot, monitor, "running")
    admin_server.close()
    wait_for(qtbot, monitor, "lost")
    assert not monitor.is_own_process_running
    again = FakeAdminServer(admin_server.port)
    try:
        wait_for(qtbot, monitor, "running")
    finally:
        again.close()


def test_a_slow_server_is_slow_and_not_gone(qtbot, build_monitor, admin_server, monkeypatch):
    monkeypatch.setattr(server, "PROBE_DEADLINE_S", 0.1)
    monitor = build_monitor(port=admin_server.port)
    monitor.begin()
    wait_for(qtbot, monitor, "running")
    gate = admin_server.hold("GET /health")
    qtbot.waitUntil(lambda: monitor.state.is_slow, timeout=WAIT_MS)
    assert monitor.state.phase == "running"
    admin_server.gates.clear()
    gate.set()
    qtbot.waitUntil(lambda: not monitor.state.is_slow, timeout=WAIT_MS)


def test_a_server_on_another_machine_is_never_started(qtbot, build_monitor):
    monitor = build_monitor(port=closed_port(), admin_host="127.0.0.2")
    monitor.begin()
    wait_for(qtbot, monitor, "lost")
    monitor.start()
    assert not monitor.is_own_process_running


def test_a_server_left_running_belongs_to_the_next_panel(qtbot, build_monitor):
    port = closed_port()
    first = build_monitor(port=port)
    first.begin()
    wait_for(qtbot, first, "running")
    pid, process = first._process.pid, first._process._process
    learn(first, pid)
    closed = []
    first.close(keep_running=True, on_closed=lambda: closed.append(True))
    assert closed == [True]
    second = build_monitor(port=port)
    second.begin()
    wait_for(qtbot, second, "running")
    assert second.state.origin == "elsewhere"
    learn(second, pid)
    assert second.state.origin == "earlier"
    second.stop()
    assert os.waitpid(process.pid, 0)[0] == pid
    wait_for(qtbot, second, "stopped")
    assert PanelSettings(second._settings._store.fileName()).server_record is None


@pytest.mark.parametrize("pid", [1, 2**22])
def test_another_process_is_never_taken_for_the_one_left_running(
    qtbot, build_monitor, admin_server, pid
):
    monitor = build_monitor(port=admin_server.port)
    learn(monitor, pid)
    monitor._settings.server_record = monitor._build_record(
        ServerStatus(pid=77, started_at=panel_server_script.STARTED_AT, data_dir="/d")
    )
    monitor.begin()
    wait_for(qtbot, monitor, "running")
    learn(monitor, pid)
    assert (monitor.state.origin, monitor.state.can_stop) == ("elsewhere", False)


def test_closing_without_keeping_waits_for_the_end(qtbot, build_monitor):
    monitor = build_monitor(port=closed_port())
    monitor.begin()
    wait_for(qtbot, monitor, "running")
    closed = []
    monitor.close(keep_running=False, on_closed=lambda: closed.append(True))
    qtbot.waitUntil(lambda: bool(closed), timeout=WAIT_MS)
    assert not monitor.is_own_process_running


def test_a_tied_server_that_is_to_stay_is_replaced_by_a_kept_one(qtbot, build_monitor, tmp_path):
    monitor = build_monitor(port=closed_port())
    monitor._settings.close_choice = "stop"
    monitor.begin()
    wait_for(qtbot, monitor, "running")
    assert monitor._process.is_tied
    closed = []
    monitor.close(keep_running=True, on_closed=lambda: closed.append(True))
    qtbot.waitUntil(lambda: bool(closed), timeout=WAIT_MS)
    port = monitor._options.admin_port
    qtbot.waitUntil(lambda: is_answering(port), timeout=WAIT_MS)
    later = build_monitor(port=port)
    later.begin()
    wait_for(qtbot, later, "running")
    pid = json.loads((tmp_path / "pid.json").read_text())
    assert not later.is_own_process_running
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
