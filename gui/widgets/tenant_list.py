"""The list of tenants with its search and the actions on a row.

Owns the table and which action the selection allows; what an action does is left to
``gui.pages.tenants``.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QProgressBar,
    QStackedWidget,
    QTableView,
)

from gui.api.models import Tenant
from gui.theme.look import Look
from gui.view_models.tenant_table import (
    COLUMN_CREATED,
    COLUMN_DOMAIN,
    COLUMN_LANGUAGE,
    COLUMN_NAME,
    COLUMN_PLAN,
    COLUMN_STATUS,
    TENANT_ROLE,
    TenantSearch,
)
from gui.view_models.tenants import TenantStore
from gui.widgets.basics import Button, Card, build_divider, build_label
from gui.widgets.empty_state import EmptyState
from gui.widgets.search_field import SearchField
from gui.widgets.tables import AnyIndex, StatePill, build_table

ROW_PX = 44
COMPACT_PX = 760


class TenantListCard(Card):
    """Search, table, row actions and a count; an invitation where the table would be empty."""

    edit_asked = Signal()
    embed_asked = Signal()
    toggle_asked = Signal()
    add_asked = Signal()

    def __init__(self, look: Look, store: TenantStore) -> None:
        super().__init__(margin_px=0)
        self._look = look
        self._store = store
        self._can_write = False
        self._is_compact = False
        self._selected_id = ""
        self.rows = TenantSearch(store.table, self)
        self.search = SearchField(
            look, self.tr("Search by name or domain"), name=self.tr("Search tenants")
        )
        self.search.setMinimumWidth(150)
        self.search.setMaximumWidth(320)
        self.search.textChanged.connect(self.rows.search)
        self.table = self._build_table()
        self.empty = EmptyState(look, "tenants")
        self.empty.button.clicked.connect(self._on_empty_clicked)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.table)
        self.stack.addWidget(self.empty)
        self.progress = QProgressBar(maximum=0, textVisible=False)
        self.progress.setAccessibleName(self.tr("Loading"))
        self.count = build_label("", "fieldHint")
        self.count.setContentsMargins(16, 8, 16, 8)
        self._build_layout()
        store.loading_changed.connect(self._on_loading)
        for signal in (self.rows.rowsInserted, self.rows.rowsRemoved, self.rows.modelReset):
            signal.connect(self._show_rows)
        self.rows.dataChanged.connect(self._show_selection)
        self.rows.modelAboutToBeReset.connect(self._remember_selection)
        self.rows.modelReset.connect(self._restore_selection)
        self._on_loading(store.is_loading)

    def allow_changes(self, *, can_write: bool) -> None:
        """Offer the actions that change something, or not."""
        self._can_write = can_write
        self._show_rows()

    def selected_tenant(self) -> Tenant | None:
        """Find the tenant of the selected row."""
        selected = self.table.selectionModel().selectedRows()
        tenant = selected[0].data(TENANT_ROLE) if selected else None
        return tenant if isinstance(tenant, Tenant) else None

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self._is_compact = event.size().width() < COMPACT_PX
        for column in (COLUMN_PLAN, COLUMN_LANGUAGE):
            self.table.setColumnHidden(column, self._is_compact)
        self._show_selection()

    def _build_table(self) -> QTableView:
        table = build_table(self.tr("Tenants"), row_px=ROW_PX)
        table.setModel(self.rows)
        table.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        table.setItemDelegateForColumn(
            COLUMN_STATUS, StatePill(self._look, choose_status_tone, table)
        )
        table.setSortingEnabled(True)
        table.sortByColumn(COLUMN_NAME, Qt.SortOrder.AscendingOrder)
        header = table.horizontalHeader()
        header.setMinimumSectionSize(64)
        header.setStretchLastSection(False)
        for column in (COLUMN_NAME, COLUMN_DOMAIN):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        for column in range(COLUMN_DOMAIN + 1, COLUMN_CREATED + 1):
            header.resizeSection(column, 128 if column == COLUMN_STATUS else 96)
        table.selectionModel().selectionChanged.connect(self._show_selection)
        table.activated.connect(self._on_activated)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(self._open_menu)
        return table

    def _build_layout(self) -> None:
        self.edit_button = Button(self._look, self.tr("Edit"), icon="edit")
        self.edit_button.clicked.connect(self.edit_asked)
        self.embed_button = Button(self._look, self.tr("Embed code"), icon="code")
        self.embed_button.clicked.connect(self.embed_asked)
        self.toggle_button = Button(self._look, self.tr("Deactivate"), icon="power")
        self.toggle_button.clicked.connect(self.toggle_asked)
        self._row_buttons = (self.edit_button, self.embed_button, self.toggle_button)
        tools = QHBoxLayout()
        tools.setContentsMargins(14, 12, 14, 10)
        tools.setSpacing(8)
        tools.addWidget(self.search, 1)
        tools.addStretch(1)
        for button in self._row_buttons:
            tools.addWidget(button)
        kept = self.progress.sizePolicy()
        kept.setRetainSizeWhenHidden(True)
        self.progress.setSizePolicy(kept)
        self.body.setSpacing(0)
        self.body.addLayout(tools)
        self.body.addWidget(self.progress)
        self.body.addWidget(self.stack, 1)
        self.body.addWidget(build_divider())
        self.body.addWidget(self.count)

    def _remember_selection(self) -> None:
        tenant = self.selected_tenant()
        self._selected_id = tenant.id if tenant is not None else ""

    def _restore_selection(self) -> None:
        for row in range(self.rows.rowCount() if self._selected_id else 0):
            tenant = self.rows.index(row, 0).data(TENANT_ROLE)
            if tenant.id == self._selected_id:
                # Not selectRow: Qt misses the first column in a mirrored table.
                self.table.setCurrentIndex(self.rows.index(row, 0))
                return

    def _on_activated(self) -> None:
        if self.edit_button.isEnabled():
            self.edit_asked.emit()

    def _on_empty_clicked(self) -> None:
        if self.search.text():
            self.search.clear()
        else:
            self.add_asked.emit()

    def _on_loading(self, is_loading: bool) -> None:
        self.progress.setVisible(is_loading)
        self._show_rows()

    def _open_menu(self, place: QPoint) -> None:
        if self.selected_tenant() is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for button in self._row_buttons:
            action = menu.addAction(button.accessibleName())
            action.setEnabled(button.isEnabled())
            action.triggered.connect(button.click)
        menu.popup(self.table.viewport().mapToGlobal(place))

    def _show_rows(self) -> None:
        shown, known = self.rows.rowCount(), len(self._store.table.tenants)
        self.stack.setCurrentWidget(self.table if shown else self.empty)
        if known and not shown:
            self.empty.show_words(
                self.tr("No tenant matches"),
                self.tr("No name or domain contains what you search for."),
                self.tr("Clear the search"),
            )
        elif self._store.has_loaded:
            self.empty.show_words(
                self.tr("No tenants yet"),
                self.tr("Add a shop to get its embed code; its widget answers at once."),
                self.tr("Add tenant") if self._can_write else "",
            )
        elif self._store.is_loading:
            self.empty.show_words(self.tr("Loading tenants…"), "")
        else:
            self.empty.show_words(self.tr("The tenants could not be loaded"), "")
        if shown == known:
            words = self.tr("1 tenant") if known == 1 else self.tr("{0} tenants").format(known)
            self.count.setText(words)
        else:
            self.count.setText(self.tr("{0} of {1} tenants").format(shown, known))
        self._show_selection()

    def _show_selection(self) -> None:
        tenant = self.selected_tenant()
        self.edit_button.setEnabled(tenant is not None and self._can_write)
        self.embed_button.setEnabled(tenant is not None)
        self.toggle_button.setEnabled(tenant is not None and self._can_write)
        is_off = tenant is not None and not tenant.is_active
        toggle = self.tr("Activate") if is_off else self.tr("Deactivate")
        for button, words in (
            (self.edit_button, self.tr("Edit")),
            (self.embed_button, self.tr("Embed code")),
            (self.toggle_button, toggle),
        ):
            button.setText("" if self._is_compact else words)
            button.setAccessibleName(words)
            button.setToolTip(words)


def choose_status_tone(index: AnyIndex) -> str:
    """Choose the colour of a row's state."""
    tenant = index.data(TENANT_ROLE)
    return "success" if isinstance(tenant, Tenant) and tenant.is_active else "neutral"
