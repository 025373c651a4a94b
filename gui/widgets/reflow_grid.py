"""A grid with as many columns as fit.

Owns placing its items again when its width changes; the items are left to whoever adds them.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget


class ReflowGrid(QWidget):
    """Places widgets row by row; no column is narrower than ``column_px`` while there are two."""

    def __init__(self, *, column_px: int, most_columns: int) -> None:
        super().__init__()
        self._column_px = column_px
        self._most_columns = most_columns
        self._widgets: list[QWidget] = []
        self._columns = 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(20)
        self._grid.setVerticalSpacing(14)

    def replace_widgets(self, widgets: list[QWidget]) -> None:
        """Show these widgets and no others; those that leave are deleted."""
        for widget in self._widgets:
            self._grid.removeWidget(widget)
            if widget not in widgets:
                widget.deleteLater()
        self._widgets = list(widgets)
        self._columns = 0
        self._place()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self._place()

    def _place(self) -> None:
        spacing = self._grid.horizontalSpacing()
        fitting = (self.width() + spacing) // (self._column_px + spacing)
        columns = max(1, min(self._most_columns, fitting))
        if columns == self._columns:
            return
        self._columns = columns
        for column in range(self._most_columns):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        for place, widget in enumerate(self._widgets):
            row, column = divmod(place, columns)
            self._grid.addWidget(widget, row, column, Qt.AlignmentFlag.AlignTop)
