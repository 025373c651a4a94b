"""The page of the server's live log.

Owns the toolbar and the line that says whether lines arrive; following is left to
``gui.api.log_stream``, keeping lines to ``gui.view_models.logs``.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QStandardPaths, Qt, QTimer
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QStackedWidget

from gui.api.log_stream import LogStream, StreamState
from gui.context import PanelContext
from gui.page import Page, PageSpec
from gui.view_models.log_export import LogExport
from gui.view_models.log_line import LogFilter
from gui.view_models.logs import LogTable
from gui.view_models.session import SessionState
from gui.widgets.basics import Button, Card, Pill, build_divider, build_label
from gui.widgets.empty_state import EmptyState
from gui.widgets.log_view import LogView
from gui.widgets.search_field import SearchField

TYPING_PAUSE_MS = 150
LONGEST_COPY_LINES = 20_000


def build_title() -> str:
    """Name the page in the operator's language."""
    return QCoreApplication.translate("LogsPage", "Logs")


class LogsPage(Page):
    """Live lines with filter, pause, follow, copy and export."""

    def __init__(self, context: PanelContext) -> None:
        super().__init__(context, build_title())
        self.subtitle.setText(self.tr("What the server does, as it happens"))
        self.model = LogTable(self)
        self.stream = LogStream(context.client, self)
        self.stream.entries.connect(self.model.add)
        self.stream.state_changed.connect(self._show_stream)
        self._typing = QTimer(self, singleShot=True, interval=TYPING_PAUSE_MS)
        self._typing.timeout.connect(self._apply_filter)
        self._settling = QTimer(self, singleShot=True, interval=TYPING_PAUSE_MS)
        self._settling.timeout.connect(self.settled)
        self._build_heading()
        self._build_card()
        self.model.counts_changed.connect(self._show_counts)
        self.view.follow_changed.connect(self.follow_button.setChecked)
        context.session.state_changed.connect(self._on_session)
        self._show_stream(self.stream.state)
        self._show_counts()

    def enter(self) -> None:
        """Follow the log; it goes on in the background until the operator signs out."""
        self.stream.start()

    def refresh(self) -> None:
        """Try to connect at once."""
        self.stream.start()

    def focus_search(self) -> None:
        """Put the cursor into the filter."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def export_to(self, file: Path) -> None:
        """Write the lines shown now to ``file``."""
        export = LogExport(file, self.model.shown_lines(), self)
        export.finished.connect(
            lambda count: self.context.say(
                self.tr("{0} lines are saved in {1}.").format(f"{count:,}", file.name)
            )
        )
        export.failed.connect(
            lambda reason: self.banner.show_notice(
                "danger",
                self.tr("The log could not be saved: {0}").format(reason),
                action=self.tr("Choose another file"),
                on_action=self._ask_for_file,
            )
        )
        export.finished.connect(self.banner.hide)
        export.finished.connect(export.deleteLater)
        export.failed.connect(export.deleteLater)
        export.start()

    def _build_heading(self) -> None:
        look = self.context.look
        self.pause_button = Button(look, self.tr("Pause"), icon="pause")
        self.pause_button.setCheckable(True)
        self.pause_button.toggled.connect(self._on_pause)
        self.follow_button = Button(look, self.tr("Follow"), icon="follow")
        self.follow_button.setCheckable(True)
        self.follow_button.setChecked(True)
        self.follow_button.setToolTip(self.tr("Keep the newest line in sight"))
        self.follow_button.toggled.connect(lambda on: self.view.follow(is_following=on))
        for button in (self.follow_button, self.pause_button):
            self.heading_actions.addWidget(button)

    def _build_card(self) -> None:
        look = self.context.look
        self.level = QComboBox()
        self.level.setAccessibleName(self.tr("Lowest level shown"))
        for level, text in (
            ("debug", self.tr("All levels")),
            ("info", self.tr("Info and above")),
            ("warning", self.tr("Warnings and above")),
            ("error", self.tr("Errors only")),
        ):
            self.level.addItem(text, level)
        self.level.currentIndexChanged.connect(self._apply_filter)
        self.search = SearchField(look, self.tr("Filter"), name=self.tr("Filter lines by words"))
        self.search.textChanged.connect(self._typing.start)
        self.view = LogView(look, self.model)
        self.empty = EmptyState(look, "logs")
        self.empty.button.clicked.connect(self._show_everything)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.view)
        self.stack.addWidget(self.empty)
        tools = QHBoxLayout()
        tools.setContentsMargins(14, 12, 14, 10)
        tools.setSpacing(8)
        tools.addWidget(self.search, 3)
        tools.addWidget(self.level, 1)
        tools.addStretch(1)
        self._build_line_actions(tools)
        self.stream_pill = Pill()
        self.counts = build_label("", "fieldHint")
        foot = QHBoxLayout()
        foot.setContentsMargins(14, 8, 14, 8)
        foot.setSpacing(10)
        foot.addWidget(self.stream_pill)
        foot.addWidget(self.counts)
        foot.addStretch(1)
        card = Card(margin_px=0)
        card.body.setSpacing(0)
        card.body.addLayout(tools)
        card.body.addWidget(self.stack, 1)
        card.body.addWidget(build_divider())
        card.body.addLayout(foot)
        self.body.addWidget(card, 1)

    def _build_line_actions(self, tools: QHBoxLayout) -> None:
        look = self.context.look
        self.copy_button = Button(
            look, icon="copy", kind="quiet", name=self.tr("Copy the selected or all shown lines")
        )
        self.copy_button.clicked.connect(self._on_copy)
        self.export_button = Button(
            look, icon="download", kind="quiet", name=self.tr("Save the shown lines to a file")
        )
        self.export_button.clicked.connect(self._ask_for_file)
        self.clear_button = Button(look, icon="clear", kind="quiet", name=self.tr("Clear the view"))
        self.clear_button.clicked.connect(self.model.clear)
        for button in (self.copy_button, self.export_button, self.clear_button):
            tools.addWidget(button)

    def _apply_filter(self) -> None:
        level = str(self.level.currentData())
        self.model.set_filter(LogFilter.build(level=level, text=self.search.text()))

    def _show_everything(self) -> None:
        self.level.setCurrentIndex(0)
        self.search.clear()

    def _on_pause(self, is_paused: bool) -> None:
        self.model.pause(is_paused=is_paused)
        self.pause_button.set_icon("play" if is_paused else "pause")

    def _on_copy(self) -> None:
        if not self.view.selected_lines() and self.model.shown_count > LONGEST_COPY_LINES:
            self.context.say(self.tr("That is too much to copy: save it to a file instead."))
            return
        self.context.say(self.tr("{0} lines copied.").format(f"{self.view.copy():,}"))

    def _ask_for_file(self) -> None:
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        name = f"assistant-log-{datetime.now().astimezone():%Y-%m-%d-%H%M}.txt"
        dialog = QFileDialog(self, self.tr("Save the log"), folder)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.selectFile(name)
        dialog.fileSelected.connect(lambda file: self.export_to(Path(file)))
        dialog.open()

    def _on_session(self, state: SessionState) -> None:
        if state.phase == "signed_out":
            self.stream.stop()
            self.stream.forget_place()
            self.model.clear()

    def _show_stream(self, state: StreamState) -> None:
        error = state.error
        match state.kind:
            case "live":
                self.stream_pill.show_state(self.tr("Live"), "success")
                self.banner.hide()
                self._settling.start()
            case "connecting":
                self.stream_pill.show_state(self.tr("Connecting…"), "info")
            case "waiting":
                seconds = max(1, round(state.retry_in_ms / 1000))
                words = self.tr("Trying again in {0} s").format(seconds)
                self.stream_pill.show_state(words, "warning")
            case "failed":
                self.stream_pill.show_state(self.tr("Not connected"), "danger")
            case _:
                self.stream_pill.show_state(self.tr("Off"), "neutral")
        if error is not None:
            self.banner.show_error(error, on_retry=self.stream.start)
            self._settling.start()

    def _show_counts(self) -> None:
        model = self.model
        kept, shown = model.kept_count, model.shown_count
        words = self.tr("1 line") if shown == 1 else self.tr("{0} lines").format(f"{shown:,}")
        if shown != kept:
            words = self.tr("{0} of {1} lines").format(f"{shown:,}", f"{kept:,}")
        self.counts.setText(words)
        pause = self.tr("Pause")
        if model.is_paused:
            waiting = model.waiting_count
            resume = self.tr("Resume")
            pause = f"{resume} ({waiting:,})" if waiting else resume
        self.pause_button.setText(pause)
        has_lines = shown > 0
        self.copy_button.setEnabled(has_lines)
        self.export_button.setEnabled(has_lines)
        self.clear_button.setEnabled(kept > 0)
        self.stack.setCurrentWidget(self.view if has_lines or model.is_filtering else self.empty)
        if not has_lines and kept:
            self.empty.show_words(
                self.tr("No line matches"),
                self.tr("Every line is hidden by the filter."),
                self.tr("Show everything"),
            )
        elif not has_lines:
            self.empty.show_words(
                self.tr("No lines yet"), self.tr("New lines appear here as the server writes them.")
            )


PAGE = PageSpec(name="logs", title=build_title, icon="logs", order=90, build=LogsPage)
