"""Leaving alone what does not work, and noticing when it works again.

Owns when that begins and ends, above all for a provider and for each of its models; asking is left
to ``appliance.agent.resilient_model``, which error is whose to ``FAULTS_OF_ONE_MODEL``, tools to
``appliance.agent.tool_breakers``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import structlog
from msgspec import Struct

from appliance.errors import ApplianceError, AuthFailed, Unavailable
from appliance.ports.clock import Clock

logger = structlog.get_logger(__name__)

FAILURES_TO_OPEN = 3
FIRST_REST_S = 30.0
LONGEST_REST_S = 300.0
FAULTS_OF_ONE_MODEL = frozenset({"model_failed", "timed_out", "rate_limited"})
"""Codes of failures that say nothing of the provider's other models."""

BreakerStatus = Literal["closed", "open", "half_open"]


class BreakerState(Struct, frozen=True, kw_only=True):
    """One breaker as operators see it; ``model`` is ``None`` for the provider as a whole.

    Open, nothing is asked for ``retry_after_s``; half open, the next question is the probe.
    """

    model: str | None
    status: BreakerStatus
    retry_after_s: float
    last_error: str


class CircuitBreaker:
    """Opens after some failures in a row, then lets one call through in each rest.

    A probe that fails doubles the rest, one that succeeds ends it, and one that comes to nothing
    because the visitor left is simply followed by the next after another rest.
    """

    def __init__(self, clock: Clock) -> None:
        self.last_error = ""
        self._clock = clock
        self._failures = 0
        self._rest_s = FIRST_REST_S
        self._opened_at: float | None = None
        self._retry_at = 0.0

    @property
    def status(self) -> BreakerStatus:
        """Whether all, none, or one call passes."""
        if self._opened_at is None:
            return "closed"
        return "open" if self.retry_after_s > 0 else "half_open"

    @property
    def retry_after_s(self) -> float:
        """The seconds until a call passes again, 0 when it passes now."""
        if self._opened_at is None:
            return 0.0
        return max(0.0, self._retry_at - self._clock.monotonic())

    def begin(self) -> float:
        """Note that a call begins and return when; while open this is the probe of this rest."""
        now = self._clock.monotonic()
        if self._opened_at is not None:
            self._retry_at = now + self._rest_s
        return now

    def note_success(self) -> bool:
        """Close; return whether it was open."""
        was_open = self._opened_at is not None
        self._failures, self._rest_s, self._opened_at = 0, FIRST_REST_S, None
        return was_open

    def note_failure(self, error: ApplianceError, *, began_at: float) -> bool:
        """Count a failed call that began at ``began_at``; return whether it opened (again) now."""
        self._failures += 1
        if self._opened_at is None:
            if self._failures < FAILURES_TO_OPEN:
                return False
        elif began_at <= self._opened_at:
            return False  # begun before the others failed; it tells nothing new
        else:
            self._rest_s = min(2 * self._rest_s, LONGEST_REST_S)
        if isinstance(error, Unavailable) and error.retry_after_s is not None:
            self._rest_s = min(max(self._rest_s, error.retry_after_s), LONGEST_REST_S)
        self._opened_at = self._clock.monotonic()
        self._retry_at = self._opened_at + self._rest_s
        self.last_error = error.message
        return True

    def describe(self) -> str:
        """Return the operator's sentence on what is left alone, or only probed."""
        rest_s = self.retry_after_s
        when = f"in {rest_s:.0f} s" if rest_s > 0 else "with the next question"
        return (
            f"It failed {FAILURES_TO_OPEN} times or more in a row and is asked again {when}: "
            f"{self.last_error}"
        )


class Admission(Struct, frozen=True):
    """A call that may be made; tell ``ProviderBreakers`` how it ended."""

    model: str | None
    began_at: float


class ProviderBreakers:
    """The breakers of one provider: its own, and one for each model that has failed."""

    def __init__(self, provider: str, clock: Clock) -> None:
        self._provider = provider
        self._clock = clock
        self._own = CircuitBreaker(clock)
        self._of_models: dict[str | None, CircuitBreaker] = {}

    def admit(self, model: str | None) -> Admission:
        """Let a call of ``model`` begin; ``None`` is the model that the provider chooses.

        Raises:
            Unavailable: Provider or model rest.
        """
        concerned = list(self._concerned(model))
        for breaker in concerned:
            if breaker.status == "open":
                raise Unavailable(
                    breaker.describe(),
                    code="breaker_open",
                    retry_after_s=breaker.retry_after_s,
                )
        began_at = self._clock.monotonic()
        for breaker in concerned:
            breaker.begin()
        return Admission(model, began_at)

    def note_success(self, model: str | None) -> None:
        """Note that ``model`` gave a whole answer."""
        was_open = [breaker.note_success() for breaker in self._concerned(model)]
        self._of_models.pop(model, None)
        if any(was_open):
            logger.info("breaker_closed", provider=self._provider, model=model)

    def note_failure(self, admission: Admission, error: ApplianceError) -> None:
        """Note why a call failed; what is only wrong with the request counts for nothing."""
        if not isinstance(error, Unavailable | AuthFailed):
            return
        breaker = self._own
        if error.code in FAULTS_OF_ONE_MODEL:
            breaker = self._of_models.setdefault(admission.model, CircuitBreaker(self._clock))
        if breaker.note_failure(error, began_at=admission.began_at):
            logger.warning(
                "breaker_opened",
                provider=self._provider,
                model=None if breaker is self._own else admission.model,
                rest_s=round(breaker.retry_after_s),
                error=error.message,
            )

    def find_trouble(self, model: str | None) -> str | None:
        """Return the operator's sentence when ``model`` is not asked, or only probed."""
        troubled = (b for b in self._concerned(model) if b.status != "closed")
        return next((breaker.describe() for breaker in troubled), None)

    def states(self) -> list[BreakerState]:
        """Return every breaker that is not closed."""
        named: list[tuple[str | None, CircuitBreaker]] = [(None, self._own)]
        named += [(model or "default", breaker) for model, breaker in self._of_models.items()]
        return [
            BreakerState(
                model=model,
                status=breaker.status,
                retry_after_s=round(breaker.retry_after_s, 1),
                last_error=breaker.last_error,
            )
            for model, breaker in named
            if breaker.status != "closed"
        ]

    def _concerned(self, model: str | None) -> Iterable[CircuitBreaker]:
        yield self._own
        if model in self._of_models:
            yield self._of_models[model]
