"""Measures the panel against its aims: first paint, and stalls under a hundred thousand lines.

Run as a program; it is a benchmark, not a test. Figures are milliseconds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from gui.api.models import LogEntry
from gui.theme.look import Look
from gui.view_models.log_line import LogFilter
from gui.view_models.logs import MAX_LINES, LogTable
from gui.widgets.log_view import LogView

ROOT = Path(__file__).resolve().parents[2]

FIRST_PAINT = """
import sys, time
started = float(sys.argv.pop(1))
from gui.main_window import MainWindow
class Timed(MainWindow):
    def paintEvent(self, event):
        super().paintEvent(event)
        print((time.time() - started) * 1000, flush=True)
        import os
        os._exit(0)
import gui.app
gui.app.MainWindow = Timed
from gui.__main__ import main
main(sys.argv[1:])
"""


def measure_first_paint(folder: Path) -> float:
    """Time from starting the interpreter to the window's first painting."""
    arguments = ["--data-dir", str(folder), "--settings-file", str(folder / "p.ini")]
    command = [sys.executable, "-c", FIRST_PAINT, str(time.time()), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    return float(done.stdout.split()[0])


class StallClock:
    """Notices how long the event loop was held up."""

    def __init__(self) -> None:
        self.longest_ms = 0.0
        self._last = time.perf_counter()
        self._timer = QTimer(interval=0)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def restart(self) -> None:
        self.longest_ms, self._last = 0.0, time.perf_counter()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.longest_ms = max(self.longest_ms, (now - self._last) * 1000)
        self._last = now


def run_until(condition) -> None:  # type: ignore[no-untyped-def]
    while not condition():
        QApplication.processEvents()


def build_entries(start: int, count: int) -> list[LogEntry]:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    return [
        LogEntry(
            n,
            at,
            "http.request",
            ("info", "debug", "warning", "error")[n % 4],
            "appliance.web",
            {"path": "/chat/message", "status": 200, "duration_ms": n % 97, "request": f"r{n}"},
        )
        for n in range(start, start + count)
    ]


def measure_logs() -> None:
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    model = LogTable()
    view = LogView(Look(app, "light"), model)
    view.resize(1000, 700)
    view.show()
    entries, more = build_entries(0, MAX_LINES), build_entries(MAX_LINES, 20_000)
    clock = StallClock()
    run_until(lambda: clock.longest_ms > 0)
    for name, action, is_done in (
        ("100,000 lines arrive", lambda: model.add(entries), lambda: not model.waiting_count),
        (
            "20,000 more, as many leave",
            lambda: model.add(more),
            lambda: not model.waiting_count,
        ),
        (
            "filter by words",
            lambda: model.set_filter(LogFilter.build(level="info", text="r77 request")),
            lambda: not model.is_filtering,
        ),
        ("filter off", lambda: model.set_filter(LogFilter()), lambda: True),
    ):
        began = time.perf_counter()
        clock.restart()
        action()
        run_until(is_done)
        run_until(lambda: clock.longest_ms > 0)
        took = (time.perf_counter() - began) * 1000
        print(f"{name:<28} {took:8.0f} in all, longest stall {clock.longest_ms:6.1f}")
    bar = view.table.verticalScrollBar()
    longest = 0.0
    for value in range(0, bar.maximum(), bar.maximum() // 400):
        began = time.perf_counter()
        bar.setValue(value)
        view.table.viewport().repaint()
        QApplication.processEvents()
        longest = max(longest, (time.perf_counter() - began) * 1000)
    print(f"{'scroll through all':<28} {'':8}        longest stall {longest:6.1f}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        paints = sorted(measure_first_paint(Path(folder)) for _ in range(5))
    print(f"first paint, 5 starts: median {paints[2]:.0f}, slowest {paints[-1]:.0f}")
    measure_logs()


if __name__ == "__main__":
    main()
