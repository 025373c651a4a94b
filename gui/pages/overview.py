"""The first page: is the assistant there, are its parts well, where is it.

Owns showing the server's state and starting and stopping it; the state itself is left to
``gui.view_models.server``.
"""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from gui.api.models import Health, ServerStatus
from gui.context import PanelContext
from gui.first_login import FILE_NAME
from gui.page import Page, PageSpec
from gui.view_models.server_state import ServerState
from gui.view_models.session import SessionState
from gui.view_models.times import format_moment
from gui.widgets.basics import Button, Card, Pill, build_label
from gui.widgets.component_grid import ComponentGrid
from gui.widgets.copying import CopyField
from gui.widgets.reflow_grid import ReflowGrid
from gui.widgets.server_words import describe_phase

ADDRESS_PX = 330


def build_title() -> str:
    """Name the page in the operator's language."""
    return QCoreApplication.translate("OverviewPage", "Overview")


class OverviewPage(Page):
    """Server state, components and addresses."""

    def __init__(self, context: PanelContext) -> None:
        super().__init__(context, build_title())
        self.subtitle.setText(self.tr("Your assistant at a glance"))
        content = QWidget()
        content.setObjectName("scrolled")
        self._column = QVBoxLayout(content)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(16)
        area = QScrollArea(widgetResizable=True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(content)
        self.body.addWidget(area, 1)
        self._column.addWidget(self._build_server_card())
        self.components = ComponentGrid()
        self._column.addWidget(self._build_components_card())
        self._column.addWidget(self._build_addresses_card())
        self._column.addStretch(1)
        context.monitor.state_changed.connect(self._show_server)
        context.session.state_changed.connect(self._show_session)
        context.session.status_changed.connect(self._show_status)
        self._show_server(context.monitor.state)
        self._show_session(context.session.state)
        self._show_status(context.session.status or ServerStatus())

    def refresh(self) -> None:
        """Ask for health and status now."""
        self.context.monitor.probe()
        self.context.session.load_status()

    def _build_server_card(self) -> Card:
        look = self.context.look
        card = Card()
        self.pill = Pill()
        self.state_label = build_label("", "cardTitle", is_wrapped=True)
        self.facts_label = build_label("", "muted", is_wrapped=True)
        monitor = self.context.monitor
        self.start_button = Button(look, self.tr("Start"), icon="play", kind="primary")
        self.start_button.clicked.connect(monitor.start)
        self.restart_button = Button(look, self.tr("Restart"), icon="refresh")
        self.restart_button.clicked.connect(monitor.restart)
        self.stop_button = Button(look, self.tr("Stop"), icon="power")
        self.stop_button.clicked.connect(monitor.stop)
        words = QVBoxLayout()
        words.setSpacing(6)
        words.addWidget(self.pill, 0, Qt.AlignmentFlag.AlignLeading)
        words.addWidget(self.state_label)
        words.addWidget(self.facts_label)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addLayout(words, 1)
        for button in (self.start_button, self.restart_button, self.stop_button):
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        card.body.addLayout(row)
        self.keep_box = QCheckBox(self.tr("Keep the assistant running when this window closes"))
        self.keep_box.setChecked(self.context.settings.close_choice != "stop")
        self.keep_box.toggled.connect(self._on_keep_toggled)
        card.body.addWidget(self.keep_box)
        self.console = QPlainTextEdit(readOnly=True)
        self.console.setObjectName("mono")
        self.console.setAccessibleName(self.tr("The server's last words"))
        self.console.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.console.setFixedHeight(150)
        card.body.addWidget(self.console)
        return card

    def _build_components_card(self) -> Card:
        self.components_card = Card(self.tr("Parts"))
        self.components_card.body.addWidget(self.components)
        return self.components_card

    def _build_addresses_card(self) -> Card:
        look = self.context.look
        card = Card(self.tr("Addresses"))
        self.demo = CopyField(look, self.tr("Demo shop"), can_open=True)
        self.widget = CopyField(look, self.tr("Widget script"), can_open=True)
        self.public = CopyField(look, self.tr("For visitors"))
        self.admin = CopyField(look, self.tr("For operators, this machine only"))
        grid = ReflowGrid(column_px=ADDRESS_PX, most_columns=2)
        grid.replace_widgets([self.demo, self.widget, self.public, self.admin])
        card.body.addWidget(grid)
        return card

    def _show_server(self, state: ServerState) -> None:
        words = describe_phase(state)
        self.pill.show_state(words.short, words.tone)
        self.state_label.setText(words.sentence)
        self.start_button.setVisible(state.can_start)
        self.restart_button.setVisible(state.can_stop)
        self.stop_button.setVisible(state.can_stop)
        self.start_button.setText(
            self.tr("Try again")
            if state.phase == "occupied" or not self.context.options.is_local
            else self.tr("Start")
        )
        self.keep_box.setVisible(state.can_stop or state.can_start)
        problem = state.problem
        self.console.setVisible(problem is not None and bool(problem.console_tail))
        if problem is not None:
            self.console.setPlainText("\n".join(problem.console_tail))
        self.components_card.setVisible(state.health is not None)
        if state.health is not None:
            self.components.show_components(state.health.components)
        self._show_facts(state)
        self._settle()

    def _on_keep_toggled(self, is_kept: bool) -> None:
        self.context.settings.close_choice = "keep" if is_kept else "stop"

    def _settle(self) -> None:
        is_moving = self.context.monitor.state.phase in {"looking", "starting", "stopping"}
        if not is_moving and self.context.session.state.phase != "signing_in":
            self.settled.emit()

    def _show_facts(self, state: ServerState) -> None:
        if state.problem is not None:
            self.facts_label.setText(state.problem.remedy)
            return
        facts: list[str] = []
        if isinstance(state.health, Health):
            facts.append(self.tr("Version {0}").format(state.health.version))
        status = self.context.session.status
        if status is not None and status.started_at is not None and state.phase == "running":
            since = format_moment(status.started_at)
            facts.append(self.tr("running since {0}").format(since))
        if status is not None and status.data_dir:
            facts.append(self.tr("data in {0}").format(status.data_dir))
        if state.phase == "running" and state.origin == "elsewhere":
            facts.append(self.tr("started outside this panel"))
        self.facts_label.setText("  ·  ".join(facts))
        self.facts_label.setVisible(bool(facts))

    def _show_session(self, state: SessionState) -> None:
        if state.has_first_password:
            self.banner.show_notice(
                "info",
                self.tr("You are signed in with the password made at the first start."),
                hint=self.tr(
                    "It is kept in {0} in the data folder, which only you can read."
                ).format(FILE_NAME),
            )
        else:
            self.banner.hide()
        self._settle()

    def _show_status(self, status: ServerStatus) -> None:
        public_url = (status.public_url or self.context.options.public_url).rstrip("/")
        self.public.show_value(public_url)
        self.widget.show_value(f"{public_url}/widget.js")
        self.admin.show_value((status.admin_url or self.context.options.admin_url).rstrip("/"))
        self.demo.show_value(status.demo_url or "")
        self.demo.line.setPlaceholderText(self.tr("Off: start with “csai demo” to try it"))
        self._show_facts(self.context.monitor.state)
        self._settle()


PAGE = PageSpec(
    name="overview",
    title=build_title,
    icon="overview",
    order=10,
    build=OverviewPage,
    needs_sign_in=False,
)
