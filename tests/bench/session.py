"""One run of the benchmark: how much to measure, and the servers that measurements share.

Owns the effort and taking turns between the floor and the appliance; what is asked of them is left
to the measurements.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cached_property

from msgspec import Struct

from tests.bench.load_jobs import Job, Outcome
from tests.bench.processes import ApplianceChild, FloorChild, ServerChild, Stage
from tests.bench.shops import Admin, find_demo_key
from tests.fakes.postgres_server import start_postgres

WARM_UP_TURNS = 30


class Effort(Struct, frozen=True, kw_only=True):
    """How much of everything."""

    rounds: int
    turns: int
    turns_at_once: int
    starts: int
    departures: int
    settle_s: float
    memory_turns: int
    slow_answers: int
    endurance_turns: int
    talks: int
    messages_a_talk: int


FULL = Effort(
    rounds=11,
    turns=100,
    turns_at_once=300,
    starts=5,
    departures=10,
    settle_s=3.0,
    memory_turns=500,
    slow_answers=100,
    endurance_turns=50_000,
    talks=100,
    messages_a_talk=100,
)
QUICK = Effort(
    rounds=3,
    turns=24,
    turns_at_once=50,
    starts=2,
    departures=3,
    settle_s=0.3,
    memory_turns=150,
    slow_answers=10,
    endurance_turns=5_000,
    talks=12,
    messages_a_talk=20,
)


class Round(Struct, frozen=True):
    """A server's turns in one round and the processor time it took for each."""

    outcome: Outcome
    cpu_ms_per_turn: float

    @property
    def turns_per_s(self) -> float:
        """How many turns a second were answered."""
        return len(self.outcome.latencies_ms) / self.outcome.elapsed_s


class Session:
    """The stage, and a floor and an appliance with its demo shop, started when first needed."""

    def __init__(self, stage: Stage, effort: Effort, stack: ExitStack) -> None:
        self.stage = stage
        self.effort = effort
        self._stack = stack

    @cached_property
    def floor(self) -> FloorChild:
        """The shared floor application."""
        floor = self._stack.enter_context(self.stage.floor())
        floor.wait_until_healthy()
        return floor

    @cached_property
    def appliance(self) -> ApplianceChild:
        """The shared appliance; it answers for the demo shop."""
        appliance = self._stack.enter_context(self.stage.appliance())
        appliance.wait_until_healthy()
        appliance.headers = {"X-API-Key": find_demo_key(appliance)}
        return appliance

    @cached_property
    def appliance_on_postgres(self) -> ApplianceChild:
        """An appliance whose database is a PostgreSQL that syncs to disk."""
        postgres = start_postgres(is_durable=True)
        self._stack.callback(postgres.stop)
        url = asyncio.run(postgres.create_database())
        settings = {"CSAI_DATABASE_URL": url}
        appliance = self._stack.enter_context(self.stage.appliance(settings=settings))
        appliance.wait_until_healthy()
        appliance.headers = {"X-API-Key": find_demo_key(appliance)}
        return appliance

    @cached_property
    def admin(self) -> Admin:
        """The shared appliance's operator."""
        return Admin(self.appliance)

    def take_turns(self, server: ServerChild, job: Job) -> Round:
        """Do a job on a server."""
        before_s = server.cpu_s
        outcome = self.stage.load.run(job)
        cpu_ms = (server.cpu_s - before_s) * 1000
        return Round(outcome, cpu_ms / job.turns)

    def interleave(self, jobs: Sequence[tuple[ServerChild, Job]]) -> list[list[Round]]:
        """Do the jobs in turn, again in each round, in the other direction every second time.

        Returns:
            For each job its rounds.
        """
        rounds: list[list[Round]] = [[] for _ in jobs]
        numbered = list(enumerate(jobs))
        for number in range(self.effort.rounds):
            for index, (server, job) in numbered if number % 2 == 0 else reversed(numbered):
                rounds[index].append(self.take_turns(server, job))
        return rounds


def pick(rounds: Sequence[Round], figure: Callable[[Round], float]) -> list[list[float]]:
    """Return one figure of each round, in the form that ``rows.compare`` takes."""
    return [[figure(one)] for one in rounds]


def latencies(rounds: Sequence[Round]) -> list[list[float]]:
    """Return the latencies of each round."""
    return [one.outcome.latencies_ms for one in rounds]
