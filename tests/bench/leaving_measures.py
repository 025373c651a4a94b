"""How long a model goes on for a visitor who has left.

Owns this row: from closing the connection in mid-answer to the model server seeing its caller gone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.bench.load_jobs import Job, Question
from tests.bench.processes import BenchFailure, ServerChild
from tests.bench.rows import Aim, Row
from tests.bench.session import Session

SLOW = [Question("Please tell me everything about your shop, {nonce}. pace=20ms")]
LIMIT_MS = 1_000.0
PATIENCE_S = 6.0


def measure_leaving(session: Session) -> Iterator[Row]:
    """The longest of several times, one visitor after the other."""
    yield Row(
        name="leaving.cancelled",
        title="visitor leaves: model call cancelled after, worst",
        unit="ms",
        value=_longest_ms(session, session.appliance),
        floor=_longest_ms(session, session.floor),
        aim=Aim(LIMIT_MS),
    )


def _longest_ms(session: Session, server: ServerChild) -> float:
    job = Job(
        port=server.port,
        headers=server.headers,
        questions=SLOW,
        turns=session.effort.departures,
        reply="sse",
        turns_per_conversation=1,
        leaves_early=True,
    )
    left_at = session.stage.load.run(job).left_at
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        hung_up_at = session.stage.model.read_hangups()
        if left_at.keys() <= hung_up_at.keys():
            return max(hung_up_at[nonce] - at for nonce, at in left_at.items()) * 1000
        time.sleep(0.05)
    raise BenchFailure(f"Model calls go on {PATIENCE_S} s after the visitor has left.")
