"""Takes a picture of each state in each look: ``python -m tests.browser.gallery FOLDER [LOOK …]``.

For people who look at them; what must be true of the layout is left to the tests.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.browser.chromium import open_browser
from tests.browser.scripted_server import run_scripted_server
from tests.browser.widget_states import LOOKS, STATES, show


def main() -> int:
    """Write ``<look>/<state>.png`` for every look, or for those that are named."""
    folder = Path(sys.argv[1])
    with open_browser() as browser, run_scripted_server() as origin:
        for look in sys.argv[2:] or LOOKS:
            (folder / look).mkdir(parents=True, exist_ok=True)
            for state in STATES:
                with show(browser, origin, LOOKS[look], state) as (chat, _):
                    chat.page.screenshot(path=folder / look / f"{state}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
