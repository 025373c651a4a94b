from datetime import UTC, datetime

import pytest

from gui.api.models import LogEntry
from gui.view_models.log_export import LogExport
from gui.view_models.log_line import LogLine
from tests.gui.panel_fixtures import WAIT_MS

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("count", [0, 1, 501, 5_000])
def test_every_line_is_written(qtbot, qapp, tmp_path, count):
    lines = [LogLine(LogEntry(n, AT, f"אירוע {n}")) for n in range(count)]
    export = LogExport(tmp_path / "log.txt", lines, qapp)
    with qtbot.waitSignal(export.finished, timeout=WAIT_MS) as done:
        export.start()
    assert done.args == [count]
    written = (tmp_path / "log.txt").read_text("utf-8").splitlines()
    assert [text.rpartition(" ")[2] for text in written] == [str(n) for n in range(count)]


def test_a_folder_that_cannot_be_written_is_said(qtbot, qapp, tmp_path):
    export = LogExport(tmp_path / "nowhere" / "log.txt", [], qapp)
    with qtbot.waitSignal(export.failed, timeout=WAIT_MS) as failed:
        export.start()
    assert failed.args[0]
