import random
from datetime import UTC, datetime

import pytest

from gui.api.models import LogEntry
from gui.view_models import logs
from gui.view_models.log_line import LogFilter
from gui.view_models.logs import COLUMN_LEVEL, COLUMN_MESSAGE, LINE_ROLE, LogTable
from tests.gui.panel_fixtures import WAIT_MS

AT = datetime(2026, 3, 1, tzinfo=UTC)
LEVELS = ("debug", "info", "warning", "error")


def entries(start: int, stop: int) -> list[LogEntry]:
    return [LogEntry(n, AT, f"event {n}", LEVELS[n % 4]) for n in range(start, stop)]


@pytest.fixture
def table(qapp, qtmodeltester):
    table = LogTable(max_lines=1_000)
    qtmodeltester.check(table)
    return table


@pytest.fixture
def fill(qtbot, table):
    def run(start, stop):
        table.add(entries(start, stop))
        qtbot.waitUntil(
            lambda: table.waiting_count == 0 and not table.is_filtering, timeout=WAIT_MS
        )

    return run


def shown_ids(table) -> list[int]:
    return [table.index(row, 0).data(LINE_ROLE).entry.id for row in range(table.rowCount())]


def test_lines_appear_in_order(table, fill):
    fill(0, 3)
    fill(3, 5)
    assert shown_ids(table) == [0, 1, 2, 3, 4]
    assert table.index(2, COLUMN_MESSAGE).data() == "event 2"
    assert table.index(2, COLUMN_LEVEL).data() == "warning"


def test_many_lines_come_in_few_steps(table, fill):
    steps = []
    table.rowsInserted.connect(lambda _parent, first, last: steps.append(last - first + 1))
    for start in range(0, 500, 10):
        table.add(entries(start, start + 10))
    fill(500, 510)
    assert sum(steps) == 510
    assert len(steps) < 20


def test_the_oldest_leave_beyond_the_bound(table, fill):
    fill(0, 900)
    fill(900, 1_500)
    assert shown_ids(table) == list(range(500, 1_500))
    fill(1_500, 5_000)
    assert shown_ids(table) == list(range(4_000, 5_000))


def test_paused_lines_wait_and_are_bounded(table, fill, qtbot):
    fill(0, 10)
    table.pause(is_paused=True)
    table.add(entries(10, 2_000))
    assert (table.shown_count, table.waiting_count) == (10, 1_000)
    table.pause(is_paused=False)
    qtbot.waitUntil(lambda: table.waiting_count == 0, timeout=WAIT_MS)
    assert shown_ids(table) == list(range(1_000, 2_000))


def test_a_filter_hides_without_forgetting(table, fill, qtbot):
    fill(0, 100)
    table.set_filter(LogFilter.build(level="error", text=""))
    qtbot.waitUntil(lambda: not table.is_filtering, timeout=WAIT_MS)
    assert shown_ids(table) == list(range(3, 100, 4))
    assert table.kept_count == 100
    fill(100, 108)
    assert shown_ids(table)[-2:] == [103, 107]
    table.set_filter(LogFilter())
    assert shown_ids(table) == list(range(108))


def test_clearing_empties_only_the_view(table, fill):
    fill(0, 10)
    table.clear()
    assert (table.shown_count, table.kept_count) == (0, 0)
    fill(10, 12)
    assert shown_ids(table) == [10, 11]


@pytest.mark.parametrize("seed", range(5))
def test_whatever_happens_the_view_is_the_filtered_newest_lines(
    table, fill, qtbot, monkeypatch, seed
):
    monkeypatch.setattr(logs, "SLICE_S", 0.0)
    monkeypatch.setattr(logs, "SLICE_LINES", 37)
    chance, known = random.Random(seed), 0
    filters = [LogFilter(), LogFilter(30), LogFilter(0, ("7",)), LogFilter(40, ("1", "2"))]
    chosen = filters[0]
    for _ in range(12):
        count = chance.randrange(0, 700)
        table.add(entries(known, known + count))
        known += count
        chosen = chance.choice(filters)
        table.set_filter(chosen)
        if chance.random() < 0.3:
            qtbot.wait(0)
    fill(known, known + 1)
    known += 1
    expected = [line.entry.id for line in table._lines if chosen.accepts(line)]
    assert shown_ids(table) == expected
    assert [line.entry.id for line in table._lines] == list(range(max(0, known - 1_000), known))
