"""What a page is, and finding the pages there are.

Owns the contract between the window and its pages; a page is added by adding a module with a
``PAGE`` to ``gui.pages``.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

import gui.pages
from gui.context import PanelContext
from gui.widgets.banner import Banner
from gui.widgets.basics import build_label


class Page(QWidget):
    """A page with a heading, actions beside it and a place for notices.

    Pages are made when they are first shown. ``settled`` is sent when the first data, or the reason
    why there is none, is on the screen.
    """

    settled = Signal()

    def __init__(self, context: PanelContext, title: str, subtitle: str = "") -> None:
        super().__init__()
        self.context = context
        self.banner = Banner(context.look)
        self.heading_actions = QHBoxLayout()
        self.heading_actions.setSpacing(8)
        self.subtitle = build_label(subtitle, "subtitle")
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(build_label(title, "pageTitle"))
        words.addWidget(self.subtitle)
        heading = QHBoxLayout()
        heading.addLayout(words, 1)
        heading.addLayout(self.heading_actions)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(28, 24, 28, 24)
        self.body.setSpacing(16)
        self.body.addLayout(heading)
        self.body.addWidget(self.banner)

    def enter(self) -> None:
        """Called each time the page comes to the front and may load."""

    def leave(self) -> None:
        """Called when another page comes to the front, or the operator signs out."""

    def refresh(self) -> None:
        """Load again, as F5 asks."""

    def focus_search(self) -> None:
        """Put the cursor into the page's search field, if it has one."""


@dataclass(frozen=True)
class PageSpec:
    """How the window finds, names and makes a page.

    ``title`` is called when the sidebar is built, so that it is translated by then. Pages are
    listed by ``order``.
    """

    name: str
    title: Callable[[], str]
    icon: str
    order: int
    build: Callable[[PanelContext], Page]
    needs_sign_in: bool = True


def list_page_modules() -> list[str]:
    """List the import names of all page modules; a frozen build includes exactly these."""
    found = pkgutil.iter_modules(gui.pages.__path__, "gui.pages.")
    return sorted(module.name for module in found)


def load_pages() -> list[PageSpec]:
    """Import the page modules and return their pages in the order of the sidebar."""
    specs: list[PageSpec] = []
    for name in list_page_modules():
        spec = import_module(name).PAGE
        if not isinstance(spec, PageSpec) or spec.name != name.rpartition(".")[2]:
            raise TypeError(f"{name}.PAGE is not a PageSpec named as its module")
        specs.append(spec)
    return sorted(specs, key=lambda spec: spec.order)
