"""Takes the README's pictures: ``python -m tests.browser.screenshots FOLDER``."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.browser.chat_page import ChatPage
from tests.browser.chromium import open_browser, open_page
from tests.browser.scripted_server import run_scripted_server
from tests.browser.widget_states import LOOKS, show
from tests.http.clients import Operator
from tests.http.running_server import ADMIN_PASSWORD, RunningServer, build_environment

SHOPS = (
    ("Harbour Cycles", {"domain": "harbour-cycles.example", "time_zone": "Europe/Dublin"}),
    ("מאפיית הגליל", {"domain": "galil-bakery.example", "language": "he"}),
    ("Northside Dental", {"domain": "northside-dental.example", "plan": "pro"}),
)


TAKEN = {
    "dark": ("dark", "rated by a thumb"),
    "hebrew": ("hebrew", "rated by a thumb"),
    "dark-hebrew": ("dark hebrew", "form"),
    "phone": ("phone", "a person has taken over"),
}
"""Pictures of the widget alone: in which look, in which state."""


def main() -> int:
    """Write ``widget.png``, ``panel.png`` and the widget's looks into the given folder."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        server = RunningServer(Path(scratch))
        with server:
            operator = Operator(server)
            for name, fields in SHOPS:
                operator.make_shop(name, **fields)
            operator.http.close()
            take_widget(server, folder / "widget.png")
            take_panel(server, folder / "panel.png")
    take_looks(folder)
    return 0


def take_widget(server: RunningServer, file: Path) -> None:
    """Show the demo shop with two answered questions."""
    options = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}
    with open_browser() as browser, open_page(browser, **options) as (page, watch):
        page.goto(f"{server.base_url}/demo")
        chat = ChatPage(page)
        chat.open()
        chat.ask("Do you have pepperoni pizza?", "Pepperoni pizza")
        chat.ask("Book a table for tomorrow at 19:00 for 4 people, my name is Dana Levi", "Dana")
        page.screenshot(path=file)
        assert watch.complaints == []


def take_looks(folder: Path) -> None:
    """Show the widget as others see it, with what stands around its window left out."""
    with open_browser() as browser, run_scripted_server() as origin:
        for name, (look, state) in TAKEN.items():
            with show(browser, origin, LOOKS[look], state) as (chat, _):
                box = chat.window.bounding_box()
                assert box is not None
                frame = {**box, "x": max(box["x"] - 14, 0), "y": max(box["y"] - 14, 0)}
                frame["width"] = box["width"] + 2 * (box["x"] - frame["x"])
                frame["height"] = box["height"] + 2 * (box["y"] - frame["y"])
                chat.page.screenshot(path=folder / f"widget-{name}.png", clip=frame)


def take_panel(server: RunningServer, file: Path) -> None:
    """Show the panel's list of tenants."""
    (server.data_dir / "first-login.txt").write_text(
        f"username=admin\npassword={ADMIN_PASSWORD}\n", encoding="utf-8"
    )
    public_port, admin_port = server.ports
    subprocess.run(
        [
            *(sys.executable, "-m", "appliance", "panel", "--page", "tenants"),
            *("--data-dir", str(server.data_dir)),
            *("--port", str(public_port), "--admin-port", str(admin_port)),
            *("--screenshot", str(file.resolve())),
        ],
        env=build_environment(server.folder / "panel-home"),
        check=True,
    )


if __name__ == "__main__":
    sys.exit(main())
