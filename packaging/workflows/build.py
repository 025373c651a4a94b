"""Writes the workflows of ``flows`` into ``bundled-workflows``; ``make workflows`` runs it."""

from __future__ import annotations

import json

from flows import build_flows
from graph import SHIPPED


def main() -> None:
    """Write every workflow."""
    for flow in build_flows():
        text = json.dumps(flow.export(), ensure_ascii=False, indent=1)
        (SHIPPED / f"{flow.name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
