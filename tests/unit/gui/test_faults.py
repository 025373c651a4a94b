import logging
import sys

import pytest
from PySide6.QtCore import qInstallMessageHandler, qWarning

from gui.faults import LOG_NAME, record_faults


@pytest.fixture(autouse=True)
def restored():
    hook, logger = sys.excepthook, logging.getLogger("gui")
    state = (logger.propagate, logger.level, list(logger.handlers))
    yield
    sys.excepthook = hook
    qInstallMessageHandler(None)
    for handler in logger.handlers:
        handler.close()
    logger.propagate, logger.level, logger.handlers[:] = state


def test_an_uncaught_exception_is_recorded_and_announced(qtbot, tmp_path, capsys):
    faults = record_faults(tmp_path / "logs")
    with qtbot.waitSignal(faults.happened):
        sys.excepthook(ValueError, ValueError("a mistake"), None)
    assert "a mistake" in (tmp_path / "logs" / LOG_NAME).read_text()
    assert capsys.readouterr().err == ""


def test_qt_messages_go_to_the_file(tmp_path):
    record_faults(tmp_path)
    qWarning("something odd")
    assert "something odd" in (tmp_path / LOG_NAME).read_text()


def test_a_folder_that_cannot_be_written_does_not_stop_the_panel(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    record_faults(tmp_path / "file" / "logs")
    sys.excepthook(ValueError, ValueError("a mistake"), None)
    assert "a mistake" in capsys.readouterr().err
