"""``python -m tests.browser.bad_line``: visitors in a browser talk through a line that breaks.

Owns one run, its report and the command line; visitors are ``line_visit``'s, the line and all that
is behind it ``line_stage``'s.
"""

from __future__ import annotations

import argparse
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser
from playwright.sync_api import Error as PlaywrightError

from tests.browser.chromium import open_browser
from tests.browser.line_stage import open_stage
from tests.browser.line_visit import Deviation, Visit


@dataclass
class Report:
    """What one run came to."""

    visits: int = 0
    messages: int = 0
    cuts: Counter[str] = field(default_factory=Counter)


def run(browser: Browser, folder: Path, *, seed: int, cuts: int, progress: bool = False) -> Report:
    """Visit the shop until so many requests met a fault.

    Raises:
        Deviation: Something is lost or doubled; its notes tell what was done.
    """
    rng = random.Random(seed)
    report = Report()
    with open_stage(browser, folder, seed) as stage:
        while stage.proxy.cuts.total() < cuts:
            visit_seed = rng.getrandbits(32)
            visit = Visit(stage, random.Random(visit_seed))
            before = len(stage.proxy.record)
            try:
                visit.run()
                report.visits += 1
                found = stage.count_conversations()
                if found != report.visits:
                    raise Deviation(f"{found} conversations after {report.visits} visits")
            except (Deviation, PlaywrightError) as error:
                error.add_note("Done: " + "; ".join(visit.done))
                error.add_note("Line: " + "; ".join(stage.proxy.record[before:]))
                raise
            report.messages += visit.messages
            if progress:
                total = stage.proxy.cuts.total()
                print(
                    f"{total} of {cuts} cuts, {report.messages} messages in {report.visits} visits",
                    flush=True,
                )
        report.cuts = stage.proxy.cuts
    return report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: 1 when something was lost or doubled."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.bad_line", description=__doc__)
    parser.add_argument("--cuts", type=int, default=1000, help="how many requests meet a fault")
    parser.add_argument("--seed", type=int, help="to do again what was done before")
    options = parser.parse_args(arguments)
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    print(f"Seed {seed}", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        try:
            report = run(browser, Path(folder), seed=seed, cuts=options.cuts, progress=True)
        except Deviation as deviation:
            print(f"\nBROKEN, seed {seed}: {deviation}", file=sys.stderr)
            print("\n".join(getattr(deviation, "__notes__", [])), file=sys.stderr)
            return 1
    minutes = (time.monotonic() - started) / 60
    print(f"{report.cuts.total()} cuts in {minutes:.1f} min:")
    print("\n".join(f"  {count:5}  {kind}" for kind, count in report.cuts.most_common()))
    messages, visits = report.messages, report.visits
    print(f"{messages} messages in {visits} conversations: none lost, none doubled, all in order")
    return 0


if __name__ == "__main__":
    sys.exit(main())
