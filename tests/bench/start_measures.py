"""Time from starting the process to the first answer of ``/health``.

Owns these rows: an empty folder, as on a new machine, and one that was used before.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

from tests.bench.processes import ServerChild
from tests.bench.rows import Aim, Row, compare
from tests.bench.session import Session


def measure_start(session: Session) -> Iterator[Row]:
    """Start both in turn; program files are in the disk cache, as after the first time."""
    stage = session.stage
    folders = [
        (stage.new_folder("start-floor"), stage.new_folder("start-appliance"))
        for _ in range(session.effort.starts)
    ]
    for name, title, aim in (
        ("first", "start on an empty folder to /health", None),
        ("cold", "cold start to /health", Aim(2.0, "ratio")),
    ):
        floors, ours = [], []
        for floor_folder, folder in folders:
            floors.append([_time_s(lambda folder=floor_folder: stage.floor(folder))])
            ours.append([_time_s(lambda folder=folder: stage.appliance(folder))])
        value, floor, ratios = compare(ours, floors, statistics.median)
        yield Row(
            name=f"start.{name}",
            title=title,
            unit="s",
            value=value,
            floor=floor,
            ratios=ratios,
            aim=aim,
        )


def _time_s(start: Callable[[], ServerChild]) -> float:
    started = time.perf_counter()
    with start() as server:
        server.wait_until_healthy()
        return time.perf_counter() - started
