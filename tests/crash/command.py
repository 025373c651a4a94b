"""One run of the crash harness: the arenas side by side, the report, the command line.

Owns what a person sees of it and the exit code; the killing is left to ``arena``.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import secrets
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.crash.arena import Arena, PromiseBroken
from tests.crash.plan import build_plan, share_out
from tests.http.running_server import ROOT

FOLDER = ROOT / "build" / "crash"
ARENAS = 3
"""More than cores: a server that has just been started, or awaits its death, needs little."""
REPORT_EVERY = 25


class Run:
    """All the killing of one seed.

    Args:
        folder: For the data folders.
        kills: How many times.
        seed: Decides everything but the timing of processes.
        database_url: Of an empty Postgres database, instead of SQLite; one arena then.
    """

    def __init__(
        self, folder: Path, *, kills: int, seed: int, database_url: str | None = None
    ) -> None:
        rng = random.Random(seed)
        plan = build_plan(kills, rng, has_checkpoints=database_url is None)
        self._total = len(plan)
        self._started = time.monotonic()
        self.arenas = [
            Arena(
                folder / f"arena-{number}",
                share,
                random.Random(rng.random()),
                on_death=self._tell_progress,
                database_url=database_url,
            )
            for number, share in enumerate(share_out(plan, 1 if database_url else ARENAS), start=1)
        ]

    @property
    def deaths(self) -> Counter[str]:
        """How often the server died of what."""
        return sum((arena.deaths for arena in self.arenas), Counter())

    async def run(self, *, minutes: float | None = None) -> None:
        """Kill until the plan or the time is over.

        Raises:
            PromiseBroken: Something did not hold.
        """
        deadline = float("inf") if minutes is None else self._started + 60 * minutes
        tasks = [asyncio.create_task(arena.run(deadline=deadline)) for arena in self.arenas]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _tell_progress(self) -> None:
        deaths = self.deaths.total()
        if deaths % REPORT_EVERY == 0:
            minutes = (time.monotonic() - self._started) / 60
            print(f"{deaths} of {self._total} kills after {minutes:.1f} min", flush=True)

    def describe(self) -> list[str]:
        """Return the report's lines."""
        journals = [arena.journal for arena in self.arenas]
        counts: Counter[str] = sum((journal.counts for journal in journals), Counter())
        bookings = [one for journal in journals for one in journal.bookings.values()]
        calls = [call for journal in journals for call in journal.webhook_calls.values()]
        restarts = sorted(one for arena in self.arenas for one in arena.restarts_s)
        messages = sum(len(journal.messages) for journal in journals)
        return [
            f"{self.deaths.total()} kills in {(time.monotonic() - self._started) / 60:.1f} min:",
            *(f"  {count:5}  {name}" for name, count in sorted(self.deaths.items())),
            f"{messages} messages, {counts['acknowledged']} acknowledged, all of them stored once",
            f"{counts['answered']} answers read, all of them stored as they were read",
            "  ".join(f"{name}: {count}" for name, count in sorted(counts.items())),
            f"{sum(one.is_told_done for one in bookings)} of {len(bookings)} bookings done, none "
            f"twice; {sum(map(len, calls))} webhook calls with "
            f"{sum(len(set(keys)) for keys in calls)} idempotency keys",
            f"{sum(arena.checks for arena in self.arenas)} comparisons; restarts took "
            f"{restarts[len(restarts) // 2]:.2f} s in the middle, {restarts[-1]:.2f} s at most",
        ]


async def run_interruptibly(run: Run, minutes: float | None) -> None:
    """Do the run; a signal ends it, and the servers with it."""
    task = asyncio.ensure_future(run.run(minutes=minutes))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await task


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="how often the server dies")
    parser.add_argument("--seed", type=int, help="to do again what was done before")
    parser.add_argument("--minutes", type=float, help="stop killing after this time")
    parser.add_argument("--database-url", help="an empty Postgres database, instead of SQLite")
    options = parser.parse_args(arguments)
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    folder = FOLDER / f"seed-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    print(f"Seed {seed}, data in {folder}", flush=True)
    run = Run(folder, kills=options.kills, seed=seed, database_url=options.database_url)
    try:
        asyncio.run(run_interruptibly(run, options.minutes))
    except PromiseBroken as broken:
        print(f"\nBROKEN after {run.deaths.total()} kills, seed {seed}:", file=sys.stderr)
        for line in broken.lines:
            print(f"  {line}", file=sys.stderr)
        print(f"The data is kept in {folder}", file=sys.stderr)
        return 1
    except asyncio.CancelledError:
        print(f"Interrupted after {run.deaths.total()} kills.", file=sys.stderr)
        return 130
    print("\n".join(run.describe()))
    shutil.rmtree(folder)
    return 0
