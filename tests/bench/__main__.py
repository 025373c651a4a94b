"""``python -m tests.bench``: measure the appliance beside the floor application.

Owns the command line, the choice of rows and the end of everything that was started.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from tests.bench.builtin_measures import measure_builtin
from tests.bench.leaving_measures import measure_leaving
from tests.bench.machine import Neighbours, describe_load
from tests.bench.memory_measures import measure_endurance, measure_memory
from tests.bench.processes import BenchFailure, Stage
from tests.bench.report import save_rows, write_heading, write_line, write_row
from tests.bench.rows import Row
from tests.bench.session import FULL, QUICK, Session
from tests.bench.start_measures import measure_start
from tests.bench.tool_measures import measure_tools
from tests.bench.turn_measures import (
    measure_first_token,
    measure_plain,
    measure_postgres,
    measure_stream,
    measure_throughput,
)
from tests.bench.widget_measures import measure_widget

Measure = Callable[[Session], Iterator[Row]]
MEASURES: dict[str, Measure] = {
    "plain": measure_plain,
    "stream": measure_stream,
    "throughput": measure_throughput,
    "postgres": measure_postgres,
    "tools": measure_tools,
    "first_token": measure_first_token,
    "leaving": measure_leaving,
    "builtin": measure_builtin,
    "memory": measure_memory,
    "start": measure_start,
    "widget": measure_widget,
    "endurance": measure_endurance,
}
ONLY_WHEN_NAMED = frozenset({"endurance"})
"""Takes minutes."""


def choose_measures(only: Sequence[str]) -> list[str]:
    """Return the measurements that yield the wanted rows, in the table's order.

    Raises:
        ValueError: A name is not one of a measurement, nor of one of its rows.
    """
    groups = {name.partition(".")[0] for name in only}
    if unknown := groups - MEASURES.keys():
        raise ValueError(f"{sorted(unknown)} is none of {', '.join(MEASURES)}")
    return [
        name for name in MEASURES if (name in groups if groups else name not in ONLY_WHEN_NAMED)
    ]


def is_wanted(row: Row, only: Sequence[str]) -> bool:
    """Say whether a row, or a group it belongs to, was named; all are when none was."""
    return not only or any(f"{row.name}.".startswith(f"{name}.") for name in only)


def run(only: Sequence[str], *, is_quick: bool) -> list[Row]:
    """Measure, write each row as it comes, and return all."""
    rows: list[Row] = []
    neighbours = Neighbours()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="csai-bench-")))
        stage = stack.enter_context(Stage(folder))
        session = Session(stage, QUICK if is_quick else FULL, stack)
        write_line(describe_load())
        write_heading()
        for name in choose_measures(only):
            for row in MEASURES[name](session):
                if is_wanted(row, only):
                    rows.append(row)
                    write_row(row)
    write_line()
    write_line(f"Other programs used {neighbours.read_share():.0%} of the machine meanwhile.")
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything: under 40 s")
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="ROW",
        help="rows or groups: " + ", ".join(MEASURES),
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="save the figures too")
    given = parser.parse_args(arguments)
    if sys.platform != "linux":
        parser.error("it reads /proc, so it needs Linux")
    try:
        choose_measures(given.only)
    except ValueError as error:
        parser.error(str(error))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    try:
        rows = run(given.only, is_quick=given.quick)
    except BenchFailure as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    if given.json:
        save_rows(given.json, rows, machine=describe_load())
    missed = [row.name for row in rows if row.verdict == "missed"]
    write_line(f"Missed: {', '.join(missed)}" if missed else "Every aim is met.")
    return 0


def _end(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
