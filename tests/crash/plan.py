"""When the server dies: at which point, at which passage, in which situation.

Owns the choice, the same for the same seed; killing is left to ``arena``.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal, NamedTuple

from appliance.failpoints import NAMES, FailpointName

Situation = Literal["load", "leaving", "renewal", "stop", "moment", "start"]
"""``load``: while visitors write. ``leaving``: while they leave before the answer. ``renewal``:
while an answer takes longer than a lease's renewal. ``stop``: when it is told to stop. ``moment``:
at a random time under load. ``start``: at a random time after it was started."""


class _Scene(NamedTuple):
    situation: Situation = "load"
    max_passage: int = 40


SCENES: dict[FailpointName, _Scene] = {
    "server.before_recover": _Scene(max_passage=1),
    "server.recovered": _Scene(max_passage=1),
    "server.draining": _Scene("stop", max_passage=1),
    "server.drained": _Scene("stop", max_passage=1),
    "storage.before_begin": _Scene(max_passage=80),
    "storage.uncommitted": _Scene(max_passage=80),
    "storage.before_commit": _Scene(max_passage=80),
    "storage.after_commit": _Scene(max_passage=80),
    "storage.before_checkpoint": _Scene("stop", max_passage=1),
    "storage.after_checkpoint": _Scene("stop", max_passage=1),
    "turn.stored": _Scene(),
    "turn.started": _Scene(),
    "turn.before_claim": _Scene(max_passage=4),
    "turn.claimed": _Scene(max_passage=4),
    "turn.before_renewal": _Scene("renewal", max_passage=1),
    "turn.renewed": _Scene("renewal", max_passage=1),
    "turn.before_finish": _Scene(),
    "turn.finished": _Scene(),
    "turn.before_fail": _Scene("leaving", max_passage=4),
    "turn.failed": _Scene("leaving", max_passage=4),
    "tool.before_run": _Scene(max_passage=12),
    "tool.after_run": _Scene(max_passage=12),
    "tool.recorded": _Scene(max_passage=4),
}
RANDOM_SHARE = 0.4
MAX_RENEWAL_SHARE = 0.01
"""These take a lease's renewal each, ten seconds."""


@dataclass(frozen=True)
class Kill:
    """One death to come."""

    situation: Situation
    failpoint: FailpointName | None = None
    passage: int = 1

    @property
    def setting(self) -> str:
        """The armed failpoint, as the server reads it; empty without one."""
        return f"{self.failpoint}:{self.passage}" if self.failpoint else ""

    def __str__(self) -> str:
        return self.setting or f"a random {self.situation}"


def build_plan(kills: int, rng: random.Random, *, has_checkpoints: bool = True) -> list[Kill]:
    """Return the deaths in order: each point at its first passage, then points and moments mixed.

    Args:
        kills: How many; fewer than there are points leaves some out.
        rng: Decides.
        has_checkpoints: Whether the database is one with a log to fold, as SQLite is.
    """
    names = [name for name in NAMES if has_checkpoints or not name.endswith("_checkpoint")]
    rng.shuffle(names)
    plan = [Kill(SCENES[name].situation, name) for name in names]
    renewals = int(MAX_RENEWAL_SHARE * kills)
    waiting: list[FailpointName] = []
    while len(plan) < kills:
        if rng.random() < RANDOM_SHARE:
            plan.append(Kill(rng.choice(("moment", "moment", "start"))))
            continue
        if not waiting:
            waiting = names.copy()
            rng.shuffle(waiting)
        name = waiting.pop()
        scene = SCENES[name]
        if scene.situation == "renewal":
            renewals -= 1
            if renewals < 0:
                continue
        plan.append(Kill(scene.situation, name, rng.randint(1, scene.max_passage)))
    return plan[:kills]


def share_out(plan: list[Kill], arenas: int) -> list[list[Kill]]:
    """Deal the deaths to ``arenas``; those that take long go to the last one, first of all."""
    slow = [kill for kill in plan if kill.situation == "renewal"]
    quick = [kill for kill in plan if kill.situation != "renewal"]
    if arenas == 1:
        return [plan]
    # One slow death takes about as long as ten quick ones.
    total = len(quick) + 10 * len(slow)
    first = min(len(quick), round(total * (arenas - 1) / arenas))
    shares = [quick[:first][index :: arenas - 1] for index in range(arenas - 1)]
    return [*shares, [*slow, *quick[first:]]]
