"""Where the panel's own mistakes go: into a file, never onto the operator's screen as a traceback.

Owns the hook for uncaught exceptions and Qt's own messages; saying that something failed is left to
the window.
"""

from __future__ import annotations

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QObject, QtMsgType, Signal, qInstallMessageHandler

LOG_NAME = "panel.log"
MAX_LOG_BYTES = 512 * 1024

_log = logging.getLogger("gui")

QT_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


class Faults(QObject):
    """Says that an exception was recorded."""

    happened = Signal()


def record_faults(log_dir: Path) -> Faults:
    """Write uncaught exceptions and Qt's messages to ``panel.log``, and say so for the former.

    Where the folder cannot be written they go to standard error, as without this.
    """
    faults = Faults()
    try:
        log_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler: logging.Handler = RotatingFileHandler(
            log_dir / LOG_NAME, maxBytes=MAX_LOG_BYTES, backupCount=1, encoding="utf-8", delay=True
        )
    except OSError:
        handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    _log.propagate = False

    def on_exception(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        _log.error("uncaught exception", exc_info=(kind, error, trace))
        faults.happened.emit()

    def on_qt_message(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        _log.log(QT_LEVELS[kind], "qt %s: %s", context.category or "default", text)

    sys.excepthook = on_exception
    qInstallMessageHandler(on_qt_message)
    return faults
