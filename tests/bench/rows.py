"""The rows of the benchmark's table and the arithmetic behind them.

Owns percentiles, ratios, spreads and verdicts; how figures are got is left to the measurements,
how they look to ``report``.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct

Verdict = Literal["met", "missed", ""]


class Aim(Struct, frozen=True):
    """A limit on a figure, or on its ratio to the floor's.

    ``of`` is what is compared; ``is_least`` turns the limit from an upper into a lower one.
    """

    limit: float
    of: Literal["value", "ratio", "over_floor"] = "value"
    is_least: bool = False

    def describe(self, unit: str) -> str:
        """Return the aim as the table shows it."""
        sign = "≥" if self.is_least else "≤"
        if self.of == "ratio":
            return f"{sign} {self.limit:g} × floor"
        if self.of == "over_floor":
            return f"{sign} floor + {self.limit:g} {unit}"
        return f"{sign} {self.limit:g} {unit}"


class Row(Struct, frozen=True, kw_only=True):
    """One figure beside the floor's.

    ``ratios`` are those of the single rounds: their median is the row's ratio, which disturbances
    that hit one round do not move, and their spread tells how noisy the run was.
    """

    name: str
    title: str
    unit: str
    value: float
    floor: float | None = None
    aim: Aim | None = None
    ratios: list[float] = []
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times the floor's figure it is."""
        if self.ratios:
            return statistics.median(self.ratios)
        return None if not self.floor else self.value / self.floor

    @property
    def verdict(self) -> Verdict:
        """Whether the aim is met; empty without one."""
        if self.aim is None:
            return ""
        figure = {
            "value": self.value,
            "ratio": self.ratio,
            "over_floor": None if self.floor is None else self.value - self.floor,
        }[self.aim.of]
        if figure is None:
            raise ValueError(f"The row {self.name!r} has an aim against a floor, but no floor.")
        is_met = figure >= self.aim.limit if self.aim.is_least else figure <= self.aim.limit
        return "met" if is_met else "missed"


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least ``percent`` of all are not above (nearest rank).

    Raises:
        ValueError: There are no values, or ``percent`` is not above 0 and at most 100.
    """
    if not values or not 0 < percent <= 100:
        raise ValueError(f"no {percent!r}th percentile of {len(values)} values")
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


def p50(values: Sequence[float]) -> float:
    return percentile(values, 50)


def p95(values: Sequence[float]) -> float:
    return percentile(values, 95)


def compare(
    ours: Sequence[Sequence[float]],
    floors: Sequence[Sequence[float]],
    figure: Callable[[Sequence[float]], float],
) -> tuple[float, float, list[float]]:
    """Return our figure, the floor's, and the ratio of each round; one inner list per round.

    A figure is the median of the rounds' figures: a disturbance in one round is not in it.
    """
    our_figures = [figure(values) for values in ours]
    floor_figures = [figure(values) for values in floors]
    ratios = [ours / floor for ours, floor in zip(our_figures, floor_figures, strict=True)]
    return statistics.median(our_figures), statistics.median(floor_figures), ratios
