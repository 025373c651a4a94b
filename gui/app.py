"""Puts the panel together and runs it.

Owns the application object and the order in which parts are made; each part's work is left to its
own module.
"""

from __future__ import annotations

import os
import signal

from PySide6.QtCore import QCoreApplication, QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from gui.api.client import ApiClient
from gui.context import PanelContext
from gui.faults import LOG_NAME, record_faults
from gui.main_window import MainWindow
from gui.options import PanelOptions
from gui.page import PageSpec, load_pages
from gui.screenshot import Screenshot
from gui.settings import PanelSettings
from gui.theme.icons import draw_pixmap
from gui.theme.look import Look
from gui.view_models.server import ServerMonitor, find_log_dir
from gui.view_models.session import Session


def run(options: PanelOptions) -> int:
    """Open the panel and return its exit code when it is closed.

    Returns:
        0, or 1 where a screenshot was asked for and could not be made.
    """
    if options.screenshot is not None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    log_dir = find_log_dir(options)
    faults = record_faults(log_dir)
    app = build_application()
    window = build_window(app, options, load_pages())
    faults.happened.connect(
        lambda: window.toast.say(
            QCoreApplication.translate(
                "Panel", "Something went wrong in the panel. See {0}."
            ).format(log_dir / LOG_NAME)
        )
    )
    # Without this, Ctrl+C in a terminal would wait for the next Python code to run.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    app.commitDataRequest.connect(lambda _manager: window.allow_close())
    screenshot = None
    if options.screenshot is not None:
        screenshot = Screenshot(window, options.screenshot)
    window.show()
    # The window is painted first, then the server is looked for.
    QTimer.singleShot(0, window.context.monitor.begin)
    exit_code = app.exec()
    if screenshot is not None and not screenshot.is_saved:
        return 1
    return exit_code


def build_application() -> QApplication:
    """Make the application object, named for the desktop."""
    app = QApplication(["csai"])
    app.setApplicationName("csai-panel")
    app.setApplicationDisplayName(
        QCoreApplication.translate("Panel", "CSAI Appliance – Control Panel")
    )
    app.setDesktopFileName("csai-panel")
    app.setWindowIcon(QIcon(draw_pixmap("app", "#000000", 128, 1.0)))
    return app


def build_window(app: QApplication, options: PanelOptions, pages: list[PageSpec]) -> MainWindow:
    """Make the window and all its parts; nothing is asked of the network yet."""
    settings = PanelSettings(options.settings_file)
    look = Look(app, options.theme or settings.theme)
    window = MainWindow(pages)
    client = ApiClient(options.admin_url, window)
    session = Session(client, options.data_dir, window)
    monitor = ServerMonitor(options, settings, client.transport, window)
    session.status_changed.connect(monitor.learn_status)
    window.fill(
        PanelContext(
            options=options,
            settings=settings,
            look=look,
            client=client,
            session=session,
            monitor=monitor,
            say=window.toast.say,
            go_to=window.go_to,
        )
    )
    window.go_to(options.page)
    return window
