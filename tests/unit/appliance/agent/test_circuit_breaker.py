"""When a provider is left alone, and when it is asked again."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from appliance.agent.circuit_breaker import (
    FAILURES_TO_OPEN,
    FIRST_REST_S,
    LONGEST_REST_S,
    ProviderBreakers,
)
from appliance.errors import (
    ApplianceError,
    AuthFailed,
    ContextWindowExceeded,
    Rejected,
    Unavailable,
)
from tests.fakes.clock import SettableClock

DOWN = Unavailable("Nothing answers at http://127.0.0.1:1.", code="connect_failed")
HUNG = Unavailable("It took too long.", code="timed_out")
WRONG_KEY = AuthFailed("The key was refused.")


class Stage:
    def __init__(self) -> None:
        self.clock = SettableClock()
        self.breakers = ProviderBreakers("ollama", self.clock)

    def fail(self, error: ApplianceError, *, times: int = 1, model: str | None = "m") -> None:
        for _ in range(times):
            self.breakers.note_failure(self.breakers.admit(model), error)

    def may_ask(self, model: str | None = "m") -> bool:
        try:
            self.breakers.admit(model)
        except Unavailable:
            return False
        return True


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.mark.parametrize("error", [DOWN, WRONG_KEY])
def test_failures_in_a_row_open_it_for_all_models(stage: Stage, error: ApplianceError) -> None:
    stage.fail(error, times=FAILURES_TO_OPEN - 1)
    assert stage.may_ask("m")
    stage.fail(error)
    assert not stage.may_ask("m")
    assert not stage.may_ask("other")


def test_a_success_between_failures_starts_the_count_anew(stage: Stage) -> None:
    stage.fail(DOWN, times=FAILURES_TO_OPEN - 1)
    stage.breakers.note_success("m")
    stage.fail(DOWN, times=FAILURES_TO_OPEN - 1)
    assert stage.may_ask()


@pytest.mark.parametrize("code", ["model_failed", "timed_out", "rate_limited"])
def test_what_one_model_does_wrong_leaves_the_others_alone(stage: Stage, code: str) -> None:
    stage.fail(Unavailable("x", code=code), times=FAILURES_TO_OPEN, model="big")
    assert not stage.may_ask("big")
    assert stage.may_ask("small")
    assert stage.may_ask(None)


@pytest.mark.parametrize("error", [Rejected("x"), ContextWindowExceeded("x")])
def test_a_request_that_is_wrong_never_opens_it(stage: Stage, error: ApplianceError) -> None:
    stage.fail(error, times=10 * FAILURES_TO_OPEN)
    assert stage.may_ask()
    assert stage.breakers.states() == []


def test_after_a_rest_one_call_is_let_through(stage: Stage) -> None:
    stage.fail(DOWN, times=FAILURES_TO_OPEN)
    stage.clock.advance(FIRST_REST_S - 1)
    assert not stage.may_ask()
    stage.clock.advance(1)
    assert [stage.may_ask() for _ in range(5)] == [True, False, False, False, False]


def test_a_probe_that_succeeds_lets_all_through(stage: Stage) -> None:
    stage.fail(DOWN, times=FAILURES_TO_OPEN)
    stage.clock.advance(FIRST_REST_S)
    stage.breakers.admit("m")
    stage.breakers.note_success("m")
    assert all(stage.may_ask() for _ in range(5))


def test_each_probe_that_fails_doubles_the_rest_up_to_a_limit(stage: Stage) -> None:
    stage.fail(DOWN, times=FAILURES_TO_OPEN)
    rests = []
    for _ in range(6):
        rests.append(stage.breakers.states()[0].retry_after_s)
        stage.clock.advance(rests[-1])
        stage.fail(DOWN)
    assert rests == [FIRST_REST_S, 60, 120, 240, LONGEST_REST_S, LONGEST_REST_S]


def test_a_probe_whose_visitor_left_is_followed_by_another_after_a_rest(stage: Stage) -> None:
    stage.fail(DOWN, times=FAILURES_TO_OPEN)
    stage.clock.advance(FIRST_REST_S)
    assert stage.may_ask()
    stage.clock.advance(FIRST_REST_S)
    assert stage.may_ask()


def test_many_that_failed_together_open_it_once(stage: Stage) -> None:
    admissions = [stage.breakers.admit("m") for _ in range(50)]
    with capture_logs() as logs:
        for admission in admissions:
            stage.breakers.note_failure(admission, DOWN)
    assert [entry["event"] for entry in logs] == ["breaker_opened"]
    assert stage.breakers.states()[0].retry_after_s == FIRST_REST_S


def test_a_provider_that_asks_for_a_longer_rest_gets_it(stage: Stage) -> None:
    stage.fail(Unavailable("Busy.", retry_after_s=90), times=FAILURES_TO_OPEN)
    assert stage.breakers.states()[0].retry_after_s == 90


def test_opening_and_closing_are_logged_with_the_reason(stage: Stage) -> None:
    with capture_logs() as logs:
        stage.fail(HUNG, times=FAILURES_TO_OPEN)
        stage.clock.advance(FIRST_REST_S)
        stage.breakers.note_success("m")
    assert [(entry["event"], entry["log_level"], entry["model"]) for entry in logs] == [
        ("breaker_opened", "warning", "m"),
        ("breaker_closed", "info", "m"),
    ]
    assert logs[0]["error"] == HUNG.message


def test_its_state_says_what_is_wrong_and_until_when(stage: Stage) -> None:
    assert stage.breakers.find_trouble("m") is None
    stage.fail(HUNG, times=FAILURES_TO_OPEN, model=None)
    stage.clock.advance(10)
    [state] = stage.breakers.states()
    assert (state.model, state.status, state.retry_after_s) == ("default", "open", 20)
    trouble = stage.breakers.find_trouble(None) or ""
    assert "in 20 s" in trouble
    assert HUNG.message in trouble
    stage.clock.advance(20)
    assert stage.breakers.states()[0].status == "half_open"
