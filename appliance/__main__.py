"""The program's entry.

Owns the one thing that must come first: which SQLite library the whole process uses. The commands
are left to ``appliance.cli``.
"""

from __future__ import annotations

import sys

from appliance.errors import ApplianceError
from appliance.storage.sqlite_library import install


def main() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        install()
    except ApplianceError as error:
        sys.exit(f"csai: {error.message}")
    from appliance.cli.main import run

    sys.exit(run())


if __name__ == "__main__":
    main()
