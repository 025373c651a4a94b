"""The table of log lines: follows the end, copies, shows one line whole.

Owns scrolling, selection and colours; the lines are left to ``gui.view_models.logs``.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QFontDatabase, QGuiApplication, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QHeaderView, QPlainTextEdit, QSplitter, QTableView

from gui.theme.look import Look
from gui.view_models.log_line import LogLine, build_details, build_text
from gui.view_models.logs import (
    COLUMN_LEVEL,
    COLUMN_LOGGER,
    COLUMN_MESSAGE,
    COLUMN_TIME,
    LINE_ROLE,
    LogTable,
)
from gui.widgets.tables import AnyIndex, ColoredText, build_table

COMPACT_PX = 760
ERROR_RANK, WARNING_RANK, INFO_RANK = 40, 30, 20


class LogView(QSplitter):
    """Lines above, the selected line's details below while there is one."""

    follow_changed = Signal(bool)

    def __init__(self, look: Look, model: LogTable) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self._model = model
        self._is_following = True
        self.table = build_table(self.tr("Log lines"), row_px=24)
        self.table.setObjectName("log")
        self.table.setModel(model)
        self.table.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        self.table.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._build_columns(look)
        self.details = QPlainTextEdit(readOnly=True)
        self.details.setObjectName("details")
        self.details.setAccessibleName(self.tr("Details of the selected line"))
        self.details.setTabChangesFocus(True)
        self.details.hide()
        for part in (self.table, self.details):
            # Logs are technical English: mirrored they would be cut at the wrong end.
            part.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        self.addWidget(self.table)
        self.addWidget(self.details)
        self.setStretchFactor(0, 4)
        self.setStretchFactor(1, 1)
        self.setChildrenCollapsible(False)
        self.setHandleWidth(4)
        model.rowsInserted.connect(self._on_rows_inserted)
        model.modelReset.connect(self._on_reset)
        bar = self.table.verticalScrollBar()
        bar.actionTriggered.connect(self._on_scrolled_by_hand)
        bar.rangeChanged.connect(self._on_range_changed)
        self.table.selectionModel().selectionChanged.connect(self._on_selected)
        copy = QShortcut(QKeySequence.StandardKey.Copy, self.table)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(self.copy)
        close = QShortcut(QKeySequence(Qt.Key.Key_Escape), self)
        close.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        close.activated.connect(self.table.clearSelection)

    @property
    def is_following(self) -> bool:
        """Whether the newest line is kept in sight."""
        return self._is_following

    def follow(self, *, is_following: bool) -> None:
        """Keep the newest line in sight, or stay where the reader is."""
        if is_following:
            self.table.scrollToBottom()
        if is_following != self._is_following:
            self._is_following = is_following
            self.follow_changed.emit(is_following)

    def selected_lines(self) -> list[LogLine]:
        """Collect the selected lines, oldest first."""
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        return [self._model.index(row, 0).data(LINE_ROLE) for row in rows]

    def copy(self) -> int:
        """Copy the selected lines, or all shown where none is; returns how many."""
        lines = self.selected_lines() or self._model.shown_lines()
        QGuiApplication.clipboard().setText("\n".join(build_text(line) for line in lines))
        return len(lines)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self.table.setColumnHidden(COLUMN_LOGGER, event.size().width() < COMPACT_PX)

    def _build_columns(self, look: Look) -> None:
        table = self.table
        header = table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        metrics = table.fontMetrics()
        for column, sample in (
            (COLUMN_TIME, "00:00:00.000"),
            (COLUMN_LEVEL, "critical"),
            (COLUMN_LOGGER, "appliance.web.chat"),
        ):
            header.resizeSection(column, metrics.horizontalAdvance(sample) + 26)
        muted = ColoredText(look, lambda _index: "text_muted", table, bold=False)
        table.setItemDelegateForColumn(COLUMN_TIME, muted)
        table.setItemDelegateForColumn(COLUMN_LOGGER, muted)
        table.setItemDelegateForColumn(
            COLUMN_LEVEL, ColoredText(look, choose_level_color, table, bold=True)
        )
        table.setItemDelegateForColumn(
            COLUMN_MESSAGE, ColoredText(look, choose_message_color, table, bold=False)
        )

    def _on_rows_inserted(self) -> None:
        if self._is_following:
            self.table.scrollToBottom()

    def _on_range_changed(self, _minimum: int, maximum: int) -> None:
        if self._is_following:
            self.table.verticalScrollBar().setValue(maximum)

    def _on_reset(self) -> None:
        self.details.hide()
        if self._is_following:
            self.table.scrollToBottom()

    def _on_scrolled_by_hand(self) -> None:
        bar = self.table.verticalScrollBar()
        self.follow(is_following=bar.sliderPosition() >= bar.maximum())

    def _on_selected(self) -> None:
        rows = self.table.selectionModel().selectedRows()
        if len(rows) != 1:
            self.details.hide()
            return
        line: LogLine = rows[0].data(LINE_ROLE)
        self.details.setPlainText(build_details(line.entry))
        if not self.details.isVisible():
            self.details.show()
            height = self.height()
            self.setSizes([height * 7 // 10, height * 3 // 10])
            # Once the pane has its place, the line may be behind it.
            QTimer.singleShot(0, lambda: self.table.scrollTo(self.table.currentIndex()))
        self.follow(is_following=False)


def choose_level_color(index: AnyIndex) -> str:
    """Choose the colour of a line's level."""
    line: LogLine = index.data(LINE_ROLE)
    if line.rank >= ERROR_RANK:
        return "danger"
    if line.rank >= WARNING_RANK:
        return "warning"
    return "accent" if line.rank >= INFO_RANK else "text_muted"


def choose_message_color(index: AnyIndex) -> str:
    """Choose the colour of a line's message."""
    line: LogLine = index.data(LINE_ROLE)
    return "danger" if line.rank >= ERROR_RANK else "text"
