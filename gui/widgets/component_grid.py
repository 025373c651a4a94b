"""The server's parts, each with its state.

Owns their names in words and the tiles; asking for their health is left to
``gui.view_models.server``.
"""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from gui.api.models import Component
from gui.widgets.basics import Pill, Tone, build_label
from gui.widgets.reflow_grid import ReflowGrid

MOST_COLUMNS = 4
TILE_PX = 130
TONES: dict[str, Tone] = {
    "ok": "success",
    "degraded": "warning",
    "disabled": "neutral",
    "off": "neutral",
    "unknown": "neutral",
}


class ComponentTile(QWidget):
    """One part: its name, its state and a detail."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.pill = Pill()
        self.detail: QLabel = build_label("", "fieldHint")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(build_label(describe_name(name), "fieldLabel"))
        column.addWidget(self.pill, 0, Qt.AlignmentFlag.AlignLeading)
        column.addWidget(self.detail)
        column.addStretch(1)

    def show_component(self, component: Component) -> None:
        """Show a part's state; an unknown state is shown as it is."""
        self.pill.show_state(
            describe_status(component.status), TONES.get(component.status, "danger")
        )
        parts = [component.provider, component.model, component.detail]
        detail = " · ".join(part for part in parts if part)
        self.detail.setText(detail)
        self.detail.setToolTip(detail)


class ComponentGrid(ReflowGrid):
    """Tiles in the order the server names them."""

    def __init__(self) -> None:
        super().__init__(column_px=TILE_PX, most_columns=MOST_COLUMNS)
        self.tiles: dict[str, ComponentTile] = {}

    def show_components(self, components: dict[str, Component]) -> None:
        """Show these parts and no others."""
        if list(self.tiles) != list(components):
            self.tiles = {name: ComponentTile(name) for name in components}
            self.replace_widgets(list(self.tiles.values()))
        for name, component in components.items():
            self.tiles[name].show_component(component)


def describe_name(name: str) -> str:
    """Name a part in the operator's words; one this version does not know keeps its own name."""
    translate = QCoreApplication.translate
    names = {
        "database": translate("Components", "Database"),
        "cache": translate("Components", "Cache"),
        "llm": translate("Components", "Language model"),
        "workflows": translate("Components", "Workflows"),
    }
    return names.get(name, name.replace("_", " ").capitalize())


def describe_status(status: str) -> str:
    """Put a part's state into a word."""
    translate = QCoreApplication.translate
    words = {
        "ok": translate("Components", "OK"),
        "degraded": translate("Components", "Degraded"),
        "unavailable": translate("Components", "Not available"),
        "error": translate("Components", "Failing"),
        "disabled": translate("Components", "Off"),
        "off": translate("Components", "Off"),
    }
    return words.get(status, status.replace("_", " ").capitalize())
