import subprocess
import sys

from PySide6.QtCore import QObject, QTimer, Signal

from gui.singletons import keep_singletons_alive


class Source(QObject):
    sent = Signal(bool)


def test_a_long_session_does_not_use_up_the_singletons():
    keep_singletons_alive()
    source, timer = Source(), QTimer()
    for _ in range(60_000):
        source.sent.emit(False)
        timer.setInterval(5)
    assert (sys.getrefcount(None) > 100, sys.getrefcount(True) > 100) == (True, True)


def test_it_does_no_harm_to_a_process_that_ends():
    code = "from gui.singletons import keep_singletons_alive as k; k(); k(); print('fine')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("fine\n", "")
