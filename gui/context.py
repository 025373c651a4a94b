"""What every page is given.

Owns the bundle handed to pages, so that a new page needs no new wiring; making its parts is left to
``gui.app``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gui.api.client import ApiClient
from gui.options import PanelOptions
from gui.settings import PanelSettings
from gui.theme.look import Look
from gui.view_models.server import ServerMonitor
from gui.view_models.session import Session


@dataclass(frozen=True)
class PanelContext:
    """The panel's long-lived parts; ``say`` confirms something in a few words."""

    options: PanelOptions
    settings: PanelSettings
    look: Look
    client: ApiClient
    session: Session
    monitor: ServerMonitor
    say: Callable[[str], None]
    go_to: Callable[[str], None]
