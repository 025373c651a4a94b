"""What a shop's page downloads.

Owns the widget's size as a web server sends it.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator

from tests.bench.processes import ROOT, BenchFailure
from tests.bench.rows import Aim, Row
from tests.bench.session import Session

BUNDLE = ROOT / "widget" / "dist" / "widget.js"
LIMIT_KB = 20.0


def measure_widget(_: Session) -> Iterator[Row]:
    """Compress the bundle as it was built."""
    if not BUNDLE.is_file():
        raise BenchFailure("The widget is not built; run `make widget`.")
    content = BUNDLE.read_bytes()
    yield Row(
        name="widget.gzip",
        title="widget, gzip",
        unit="kB",
        value=len(gzip.compress(content, 9)) / 1000,
        aim=Aim(LIMIT_KB),
        note=f"{len(content) / 1000:.1f} kB uncompressed",
    )
