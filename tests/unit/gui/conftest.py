"""Fixtures of the panel's tests."""

from tests.gui.panel_fixtures import admin_server, client, open_panel

__all__ = ["admin_server", "client", "open_panel"]
