"""Up to a hundred thousand log lines in a table that never holds the window up.

Owns batching, the bound and filtering in slices; where lines come from is left to
``gui.api.log_stream``, their wording to ``gui.view_models.log_line``.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)

from gui.api.models import LogEntry
from gui.view_models.log_line import LogFilter, LogLine

AnyIndex = QModelIndex | QPersistentModelIndex

MAX_LINES = 100_000
FLUSH_INTERVAL_MS = 60
SLICE_S = 0.012  # longest work per turn of the event loop
SLICE_LINES = 500
COLUMN_TIME, COLUMN_LEVEL, COLUMN_LOGGER, COLUMN_MESSAGE = range(4)
LINE_ROLE = Qt.ItemDataRole.UserRole
NO_PARENT = QModelIndex()


class LogTable(QAbstractTableModel):
    """The newest lines, oldest first; what the filter hides is kept and counted.

    New lines wait until the next flush, and while paused until it is resumed; beyond ``max_lines``
    the oldest leave.
    """

    counts_changed = Signal()

    def __init__(self, parent: QObject | None = None, *, max_lines: int = MAX_LINES) -> None:
        super().__init__(parent)
        self._max_lines = max_lines
        self._lines: list[LogLine] = []
        self._shown: list[LogLine] = []
        self._waiting: list[LogEntry] = []
        self._filter = LogFilter()
        self._is_paused = False
        self._filtered_up_to: int | None = None  # while a new filter is being applied
        self._flush_timer = QTimer(self, singleShot=True, interval=FLUSH_INTERVAL_MS)
        self._flush_timer.timeout.connect(self._flush_slice)
        self._filter_timer = QTimer(self, singleShot=True, interval=0)
        self._filter_timer.timeout.connect(self._filter_slice)

    @property
    def kept_count(self) -> int:
        """Lines in memory, shown or hidden."""
        return len(self._lines)

    @property
    def shown_count(self) -> int:
        """Lines the filter lets through."""
        return len(self._shown)

    @property
    def waiting_count(self) -> int:
        """Lines that have arrived and are not in the table yet."""
        return len(self._waiting)

    @property
    def is_paused(self) -> bool:
        """Whether new lines wait."""
        return self._is_paused

    @property
    def is_filtering(self) -> bool:
        """Whether a new filter has not reached the newest line yet."""
        return self._filtered_up_to is not None

    def add(self, entries: list[LogEntry]) -> None:
        """Take new lines, oldest first."""
        self._waiting += entries
        if len(self._waiting) > self._max_lines:
            del self._waiting[: len(self._waiting) - self._max_lines]
        if self._is_paused:
            self.counts_changed.emit()
        elif not self._flush_timer.isActive():
            self._flush_timer.start()

    def pause(self, *, is_paused: bool) -> None:
        """Hold new lines back, or let those that waited in."""
        self._is_paused = is_paused
        if not is_paused and self._waiting:
            self._flush_timer.start(0)
        self.counts_changed.emit()

    def clear(self) -> None:
        """Empty the view; the server's log is not touched."""
        self.beginResetModel()
        self._lines, self._shown, self._waiting = [], [], []
        self._filtered_up_to = None
        self.endResetModel()
        self.counts_changed.emit()

    def set_filter(self, log_filter: LogFilter) -> None:
        """Show other lines; long logs are gone through in slices, oldest first."""
        if log_filter == self._filter:
            return
        self._filter = log_filter
        self.beginResetModel()
        self._shown = list(self._lines) if log_filter.shows_all else []
        self._filtered_up_to = None if log_filter.shows_all else 0
        self.endResetModel()
        if self.is_filtering:
            self._filter_slice()
        self.counts_changed.emit()

    def shown_lines(self) -> list[LogLine]:
        """Copy the list of lines shown now, oldest first."""
        return list(self._shown)

    def rowCount(self, parent: AnyIndex = NO_PARENT) -> int:  # noqa: D102
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: AnyIndex = NO_PARENT) -> int:  # noqa: D102
        return 0 if parent.isValid() else COLUMN_MESSAGE + 1

    def headerData(  # noqa: D102
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignLeading | Qt.AlignmentFlag.AlignVCenter)
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        translate = QCoreApplication.translate
        return (
            translate("Logs", "Time"),
            translate("Logs", "Level"),
            translate("Logs", "Source"),
            translate("Logs", "Message"),
        )[section]

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if not index.isValid():
            return None
        line = self._shown[index.row()]
        if role == LINE_ROLE:
            return line
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        match index.column():
            case 0:
                at = line.entry.at.astimezone()
                return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"
            case 1:
                return line.entry.level
            case 2:
                return line.entry.logger
            case _:
                return line.message

    def _flush_slice(self) -> None:
        if self._is_paused or not self._waiting:
            return
        if self.is_filtering:  # order: what is there first, then what is new
            self._flush_timer.start()
            return
        until = perf_counter() + SLICE_S
        fresh: list[LogLine] = []
        while not fresh or (len(fresh) < len(self._waiting) and perf_counter() < until):
            start = len(fresh)
            fresh += [LogLine(entry) for entry in self._waiting[start : start + SLICE_LINES]]
        del self._waiting[: len(fresh)]
        self._lines += fresh
        self._show(fresh)
        self._trim()
        self.counts_changed.emit()
        if self._waiting:
            self._flush_timer.start(0)

    def _show(self, lines: list[LogLine]) -> None:
        shown = lines if self._filter.shows_all else [x for x in lines if self._filter.accepts(x)]
        if shown:
            first = len(self._shown)
            self.beginInsertRows(QModelIndex(), first, first + len(shown) - 1)
            self._shown += shown
            self.endInsertRows()

    def _trim(self) -> None:
        excess = len(self._lines) - self._max_lines
        if excess <= 0:
            return
        leaving = self._lines[:excess]
        del self._lines[:excess]
        shown = (
            excess
            if self._filter.shows_all
            else sum(1 for line in leaving if self._filter.accepts(line))
        )
        if shown:
            self.beginRemoveRows(QModelIndex(), 0, shown - 1)
            del self._shown[:shown]
            self.endRemoveRows()

    def _filter_slice(self) -> None:
        if self._filtered_up_to is None:
            return
        until = perf_counter() + SLICE_S
        found: list[LogLine] = []
        start = self._filtered_up_to
        while start < len(self._lines):
            part = self._lines[start : start + SLICE_LINES]
            found += [line for line in part if self._filter.accepts(line)]
            start += len(part)
            if perf_counter() >= until:
                break
        self._filtered_up_to = start if start < len(self._lines) else None
        if self.is_filtering:
            self._filter_timer.start()
        if found:
            first = len(self._shown)
            self.beginInsertRows(QModelIndex(), first, first + len(found) - 1)
            self._shown += found
            self.endInsertRows()
        self.counts_changed.emit()
