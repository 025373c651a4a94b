"""The tenants as a table that can be searched and sorted.

Owns rows, columns and their words; loading and changing tenants is left to
``gui.view_models.tenants``.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
)

from gui.api.models import Tenant
from gui.view_models.tenant_form import LANGUAGES
from gui.view_models.times import format_day

AnyIndex = QModelIndex | QPersistentModelIndex
NO_PARENT = QModelIndex()

SORT_ROLE = Qt.ItemDataRole.UserRole
TENANT_ROLE = Qt.ItemDataRole.UserRole + 1
SEARCH_ROLE = Qt.ItemDataRole.UserRole + 2

COLUMN_NAME, COLUMN_DOMAIN, COLUMN_PLAN, COLUMN_STATUS, COLUMN_LANGUAGE, COLUMN_CREATED = range(6)


class TenantTable(QAbstractTableModel):
    """One row a tenant."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tenants: list[Tenant] = []
        self._language_names = dict(LANGUAGES)

    def replace_all(self, tenants: list[Tenant]) -> None:
        """Show these tenants and no others."""
        self.beginResetModel()
        self.tenants = list(tenants)
        self.endResetModel()

    def put(self, tenant: Tenant) -> None:
        """Show a tenant: in its row where it has one, else in a new one."""
        for row, known in enumerate(self.tenants):
            if known.id == tenant.id:
                self.tenants[row] = tenant
                self.dataChanged.emit(self.index(row, 0), self.index(row, COLUMN_CREATED))
                return
        self.beginInsertRows(QModelIndex(), len(self.tenants), len(self.tenants))
        self.tenants.append(tenant)
        self.endInsertRows()

    def rowCount(self, parent: AnyIndex = NO_PARENT) -> int:  # noqa: D102
        return 0 if parent.isValid() else len(self.tenants)

    def columnCount(self, parent: AnyIndex = NO_PARENT) -> int:  # noqa: D102
        return 0 if parent.isValid() else COLUMN_CREATED + 1

    def headerData(  # noqa: D102
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignLeading | Qt.AlignmentFlag.AlignVCenter)
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        translate = QCoreApplication.translate
        return (
            translate("Tenants", "Name"),
            translate("Tenants", "Domain"),
            translate("Tenants", "Plan"),
            translate("Tenants", "Status"),
            translate("Tenants", "Language"),
            translate("Tenants", "Created"),
        )[section]

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102
        if not index.isValid():
            return None
        tenant = self.tenants[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._describe(tenant, index.column())
            case Qt.ItemDataRole.ToolTipRole:
                return self._describe(tenant, index.column())
            case _ if role == TENANT_ROLE:
                return tenant
            case _ if role == SEARCH_ROLE:
                return f"{tenant.name} {tenant.domain or ''} {tenant.id}".casefold()
            case _ if role == SORT_ROLE:
                if index.column() == COLUMN_CREATED:
                    return tenant.created_at.timestamp() if tenant.created_at else 0.0
                return self._describe(tenant, index.column()).casefold()
            case _:
                return None

    def _describe(self, tenant: Tenant, column: int) -> str:
        translate = QCoreApplication.translate
        match column:
            case 0:
                return tenant.name
            case 1:
                return tenant.domain or "–"
            case 2:
                return tenant.plan.capitalize() or "–"
            case 3:
                is_active = tenant.is_active
                return (
                    translate("Tenants", "Active")
                    if is_active
                    else translate("Tenants", "Deactivated")
                )
            case 4:
                return self._language_names.get(tenant.language, tenant.language)
            case _:
                if tenant.created_at is None:
                    return "–"
                return format_day(tenant.created_at)


class TenantSearch(QSortFilterProxyModel):
    """The table's rows that contain every word searched for, in the chosen order."""

    def __init__(self, table: TenantTable, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words: list[str] = []
        self.setSourceModel(table)
        self.setSortRole(SORT_ROLE)
        self.setSortLocaleAware(True)

    def search(self, text: str) -> None:
        """Keep the rows in whose name, domain or id every word of ``text`` occurs."""
        self.beginFilterChange()
        self._words = text.casefold().split()
        self.endFilterChange(QSortFilterProxyModel.Direction.Rows)

    def filterAcceptsRow(self, source_row: int, source_parent: AnyIndex) -> bool:  # noqa: D102
        index = self.sourceModel().index(source_row, 0, source_parent)
        haystack = index.data(SEARCH_ROLE)
        return all(word in haystack for word in self._words)
