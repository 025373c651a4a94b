import os
import signal
import subprocess
import sys
import textwrap

import pytest

from gui.server_process import ServerProcess, build_environment, stop_process
from tests.gui.panel_fixtures import WAIT_MS

SPEAK = "import sys; print('one'); print('two', file=sys.stderr); sys.exit(3)"
UNTIL_EOF = "import sys; print('up', flush=True); sys.stdin.read(); print('drained'); sys.exit(0)"
UNTIL_TERM = (
    "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0));"
    " print('up', flush=True); signal.pause()"
)
DEAF = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True);"
    "\nwhile True: signal.pause()"
)


@pytest.fixture
def process(qapp, tmp_path):
    process = ServerProcess(tmp_path / "logs", qapp)
    yield process
    if process.pid is not None:
        os.kill(process.pid, signal.SIGKILL)
        process._process.wait(5)


def start(qtbot, process, code, *, is_tied):
    process.start([sys.executable, "-c", code], is_tied=is_tied)
    if "up" in code:
        qtbot.waitUntil(lambda: "up" in process.read_console_tail(), timeout=WAIT_MS)


def test_exit_code_and_last_words_are_known(qtbot, process):
    with qtbot.waitSignal(process.exited, timeout=WAIT_MS) as ended:
        start(qtbot, process, SPEAK, is_tied=False)
    assert ended.args == [3]
    assert sorted(process.read_console_tail()) == ["one", "two"]
    assert not process.is_running


def test_the_console_log_is_private_and_the_last_one_kept(qtbot, process):
    for _ in range(2):
        with qtbot.waitSignal(process.exited, timeout=WAIT_MS):
            start(qtbot, process, SPEAK, is_tied=False)
    assert process.log_file.stat().st_mode & 0o777 == 0o600
    assert process.log_file.with_suffix(".previous.log").exists()


def test_a_tied_server_is_stopped_by_the_end_of_its_input(qtbot, process):
    start(qtbot, process, UNTIL_EOF, is_tied=True)
    with qtbot.waitSignal(process.exited, timeout=WAIT_MS) as ended:
        process.stop()
    assert ended.args == [0]
    assert process.read_console_tail()[-1] == "drained"


def test_a_kept_server_is_stopped_by_a_signal(qtbot, process):
    start(qtbot, process, UNTIL_TERM, is_tied=False)
    with qtbot.waitSignal(process.exited, timeout=WAIT_MS) as ended:
        process.stop()
    assert ended.args == [0]


def test_a_server_that_does_not_listen_is_killed(qtbot, process):
    process._escalation.setInterval(50)
    start(qtbot, process, DEAF, is_tied=False)
    with qtbot.waitSignal(process.exited, timeout=WAIT_MS) as ended:
        process.stop()
    assert ended.args == [-signal.SIGKILL]


def test_a_released_server_goes_on_and_can_be_stopped_by_its_id(qtbot, process):
    start(qtbot, process, UNTIL_TERM, is_tied=False)
    pid = process.pid
    process.release()
    assert not process.is_running
    os.kill(pid, 0)
    stop_process(pid)
    assert os.waitpid(pid, 0) == (pid, 0)


@pytest.mark.parametrize(("is_tied", "survives"), [(True, False), (False, True)])
def test_a_killed_panel_takes_only_a_tied_server_along(tmp_path, is_tied, survives):
    wait = "sys.stdin.read()" if is_tied else "time.sleep(60)"
    code = f"import os, sys, time; print(os.getpid(), flush=True); {wait}"
    panel = textwrap.dedent(f"""
        import pathlib, sys, time
        from gui.server_process import ServerProcess
        process = ServerProcess(pathlib.Path({str(tmp_path)!r}))
        process.start([sys.executable, "-c", {code!r}], is_tied={is_tied})
        while not process.read_console_tail():
            time.sleep(0.02)
        print(process.read_console_tail()[0], flush=True)
        time.sleep(60)
    """)
    with subprocess.Popen([sys.executable, "-c", panel], stdout=subprocess.PIPE) as running:
        pid = int(running.stdout.readline())
        running.kill()
    try:
        assert wait_for_end(pid, patience_s=5 if not survives else 0.5) is not survives
    finally:
        if survives:
            os.kill(pid, signal.SIGKILL)


def wait_for_end(pid: int, *, patience_s: float) -> bool:
    """Wait on the process itself, without asking again and again."""
    import select

    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], patience_s)[0])
    finally:
        os.close(handle)


def test_a_missing_program_is_an_error_for_the_caller(process):
    with pytest.raises(FileNotFoundError):
        process.start(["/nonexistent/csai"], is_tied=False)
    assert not process.is_running


def test_a_frozen_server_unpacks_its_own_files():
    environment = build_environment()
    assert environment["PYINSTALLER_RESET_ENVIRONMENT"] == "1"
    assert "QT_QPA_PLATFORM" not in environment
