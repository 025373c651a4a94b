"""The window: a sidebar, and one page at a time.

Owns which page is in front, signing in where a page needs it, shortcuts and closing; what is on a
page is left to ``gui.pages``.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QStackedWidget, QWidget

from gui.context import PanelContext
from gui.options import ThemeChoice
from gui.page import Page, PageSpec
from gui.view_models.server_state import ServerState
from gui.view_models.session import SessionState
from gui.widgets.dialogs import Question
from gui.widgets.sidebar import Sidebar
from gui.widgets.sign_in import SignIn
from gui.widgets.toast import Toast

USUAL_SIZE = (1200, 800)
SMALLEST_SIZE = (820, 540)


class MainWindow(QMainWindow):
    """The panel's only window; pages are made when they are first needed."""

    settled = Signal()
    """What was asked for, or the reason why it cannot be shown, is on the screen."""

    def __init__(self, pages: list[PageSpec]) -> None:
        super().__init__()
        self._specs = {spec.name: spec for spec in pages}
        self._pages: dict[str, Page] = {}
        self._name = pages[0].name
        self._may_close = False
        self._was_running = False
        self._context: PanelContext | None = None
        self.setWindowTitle(self.tr("CSAI Appliance – Control Panel"))
        self.setMinimumSize(*SMALLEST_SIZE)
        self.toast = Toast(self)

    @property
    def context(self) -> PanelContext:
        """The parts handed over by ``fill``."""
        if self._context is None:
            raise RuntimeError("the window has not been filled yet")
        return self._context

    @property
    def current_page(self) -> Page | None:
        """The page in front; ``None`` while signing in stands in its place."""
        page = self.stack.currentWidget()
        return page if isinstance(page, Page) else None

    def fill(self, context: PanelContext) -> None:
        """Build what is in the window and listen to the context's parts."""
        self._context = context
        self.sidebar = Sidebar(context.look, list(self._specs.values()))
        self.sidebar.page_chosen.connect(self.go_to)
        self.sidebar.theme_chosen.connect(self._on_theme)
        self.sidebar.sign_out_asked.connect(context.session.sign_out)
        self.sign_in = SignIn(context.look, context.session)
        self.stack = QStackedWidget()
        self.stack.setObjectName("content")
        self.stack.addWidget(self.sign_in)
        self._central = central = QWidget()
        row = QHBoxLayout(central)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.sidebar)
        row.addWidget(self.stack, 1)
        # Something has the focus from the start; without this it would be the first button.
        central.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setCentralWidget(central)
        central.setFocus()
        self.toast.raise_()
        context.monitor.state_changed.connect(self._on_server)
        context.session.state_changed.connect(self._on_session)
        self.sidebar.show_server(context.monitor.state)
        self.sidebar.show_session(context.session.state)
        self._add_shortcuts()
        geometry = context.settings.geometry
        if context.options.window_size is not None:
            self.resize(*context.options.window_size)
        elif geometry is None or not self.restoreGeometry(geometry):
            self.resize(*USUAL_SIZE)

    def go_to(self, name: str) -> None:
        """Bring a page to the front, or signing in where the page needs it."""
        spec = self._specs[name]
        leaving = self.current_page
        self._name = name
        self.sidebar.mark(name)
        if spec.needs_sign_in and not self.context.session.is_signed_in:
            self.stack.setCurrentWidget(self.sign_in)
            self.sign_in.focus()
            self._settle_sign_in()
            return
        page = self._find_page(spec)
        if self.sign_in.isAncestorOf(self.focusWidget() or self):
            self._central.setFocus()  # else hiding the form would move it to a button
        if leaving is not None and leaving is not page:
            leaving.leave()
        self.stack.setCurrentWidget(page)
        page.enter()

    def allow_close(self) -> None:
        """Let the next close pass without a question, as when the desktop session ends."""
        self._may_close = True

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: D102
        context = self.context
        if self._may_close or not context.monitor.is_own_process_running:
            context.settings.geometry = self.saveGeometry()
            event.accept()
            return
        event.ignore()
        if context.options.screenshot is not None:
            self._close_with(keep_running=False)
        elif context.settings.close_choice == "ask":
            self._ask_about_server()
        else:
            self._close_with(keep_running=context.settings.close_choice == "keep")

    def _find_page(self, spec: PageSpec) -> Page:
        page = self._pages.get(spec.name)
        if page is None:
            page = spec.build(self.context)
            page.settled.connect(self.settled)
            self._pages[spec.name] = page
            self.stack.addWidget(page)
        return page

    def _add_shortcuts(self) -> None:
        for number, name in enumerate(self._specs, start=1):
            self._add_shortcut(f"Ctrl+{number}").activated.connect(
                lambda name=name: self.go_to(name)
            )
        for keys in ("F5", "Ctrl+R"):
            self._add_shortcut(keys).activated.connect(self._on_refresh)
        self._add_shortcut("Ctrl+F").activated.connect(self._on_search)
        for keys in ("Ctrl+Q", "Ctrl+W"):
            self._add_shortcut(keys).activated.connect(self.close)

    def _add_shortcut(self, keys: str) -> QShortcut:
        return QShortcut(QKeySequence(keys), self, context=Qt.ShortcutContext.WindowShortcut)

    def _on_refresh(self) -> None:
        self.context.monitor.probe()
        if self.current_page is not None:
            self.current_page.refresh()

    def _on_search(self) -> None:
        if self.current_page is not None:
            self.current_page.focus_search()

    def _on_theme(self, choice: ThemeChoice) -> None:
        self.context.settings.theme = choice
        self.context.look.choose(choice)

    def _on_server(self, state: ServerState) -> None:
        self.sidebar.show_server(state)
        is_running = state.phase == "running"
        if is_running and not self._was_running:
            self.context.session.try_first_login()
            if self.context.session.is_signed_in:
                self.context.session.load_status()
                self.go_to(self._name)
        self._was_running = is_running
        self._settle_sign_in()

    def _on_session(self, state: SessionState) -> None:
        self.sidebar.show_session(state)
        if state.phase == "signed_out":
            for page in self._pages.values():
                page.leave()
        if state.phase != "signing_in":
            self.go_to(self._name)

    def _settle_sign_in(self) -> None:
        is_undecided = self.context.monitor.state.phase in {"looking", "starting", "stopping"}
        is_asking = self.context.session.state.phase == "signed_out"
        if self.stack.currentWidget() is self.sign_in and is_asking and not is_undecided:
            self.settled.emit()

    def _ask_about_server(self) -> None:
        question = Question(
            self.context.look,
            self,
            self.tr("Keep the assistant running?"),
            self.tr(
                "Visitors go on getting answers while this window is closed. If you stop it, the"
                " chat bubble on the shops' pages stays silent until it is started again."
            ),
            remember=self.tr("Do this every time"),
        )

        def choose(*, keep_running: bool) -> None:
            if question.remember.isChecked():
                self.context.settings.close_choice = "keep" if keep_running else "stop"
            self._close_with(keep_running=keep_running)

        question.add_answer(self.tr("Stop it"), lambda: choose(keep_running=False))
        question.add_answer(
            self.tr("Keep running"),
            lambda: choose(keep_running=True),
            kind="primary",
            is_default=True,
        )
        question.open()

    def _close_with(self, *, keep_running: bool) -> None:
        if not keep_running:
            self.toast.say(self.tr("Stopping the assistant…"))
        self.setEnabled(False)
        self.context.monitor.close(keep_running=keep_running, on_closed=self._on_server_released)

    def _on_server_released(self) -> None:
        self._may_close = True
        QTimer.singleShot(0, self.close)  # this may run inside the close that was refused
