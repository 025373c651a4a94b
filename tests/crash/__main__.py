"""``python -m tests.crash``: kill the server over and over again and see that nothing is lost.

Owns the one thing that must come first: reading with the product's own SQLite library.
"""

from __future__ import annotations

import sys

from appliance.storage.sqlite_library import install


def main() -> None:
    """Run the harness and end the process with its exit code."""
    install()
    from tests.crash.command import main as run

    sys.exit(run())


if __name__ == "__main__":
    main()
