"""How each fault of ``docs/faults.md`` is brought about, for each provider to which it applies."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from appliance.agent.circuit_breaker import FAILURES_TO_OPEN
from appliance.agent.model_calls import LEAST_ROOM_CHARS
from appliance.providers.deadlines import Deadlines
from tests.fakes.model_script import CutOff, Send, Stall
from tests.faults.providers import CLAUDE, KEY, OLLAMA, OPENAI, PROVIDERS, Provider, Script

WORDS = ["We open ", "at nine ", *["and we are glad to see you there. "] * 40]
HTML = b"<html><body>502 Bad Gateway</body></html>"
UNKNOWN_MODEL = "llama9"
AS_SHIPPED = Deadlines()


@dataclass(frozen=True)
class Case:
    """One fault of one provider.

    Args:
        script: What the server says, per request; ``None`` when there is no server.
        key: The key that is given, ``None`` when the provider is not set up.
        model: The operator's model.
        question: What the visitor asks.
        turns: How many turns there are; the last one is looked at.
        answers: How many whole answers the provider gave, whose tokens are told.
        deadlines: How long the provider waits; short where that is what happens.
    """

    script: Callable[[Provider], Script] | None
    key: str | None = KEY
    model: str | None = None
    question: str = "hours"
    turns: int = 1
    answers: int = 0
    deadlines: Deadlines = AS_SHIPPED


def steps(*names: Callable[[Provider], Any]) -> Callable[[Provider], Script]:
    """Say these one after another, then the last of them for ever."""

    def build(provider: Provider) -> Script:
        prepared = [name(provider) for name in names]
        waiting: Iterator[Any] = itertools.chain(prepared, itertools.repeat(prepared[-1]))
        return lambda body: next(waiting)

    return build


def answer(provider: Provider) -> Any:
    return provider.fake.Say(text=("We are ", "open."))


def nothing(provider: Provider) -> Any:
    return provider.fake.Say()


def hangs(provider: Provider) -> Any:
    return Stall(provider.fake.Say(), None)


def stops(provider: Provider) -> Any:
    return Stall(provider.fake.Say(text=WORDS), provider.to_first_word)


def runs_on(provider: Provider) -> Any:
    return provider.fake.Say(text=[*WORDS, " and on" * LEAST_ROOM_CHARS])


def is_cut(provider: Provider) -> Any:
    return CutOff(provider.fake.Say(text=WORDS), 2_500)


def is_html(provider: Provider) -> Any:
    return Send(HTML, content_type="text/html")


def is_malformed(provider: Provider) -> Any:
    """Ask for a tool with arguments that are no JSON object, or are cut."""
    call: dict[str, Any] = {"name": "get_order_status", "arguments": '{"order_number": 12'}
    if provider is CLAUDE:
        whole = {**call, "arguments": {"order_number": "12345"}}
        return provider.fake.Say(calls=[whole], cuts_last_call=True)
    return provider.fake.Say(calls=[{"id": "call_1", **call}])


def refusal(name: str) -> Callable[[Provider], Any]:
    return lambda provider: provider.refusals[name]


def calls_for_ever(provider: Provider) -> Script:
    numbers = itertools.count(1)

    def ask_again(body: dict[str, Any]) -> Any:
        number = str(next(numbers))
        call: dict[str, Any] = {
            "id": f"call_{number}",
            "name": "get_order_status",
            "arguments": {"order_number": number},
        }
        return provider.fake.Say(calls=[call])

    return ask_again


def everywhere(case: Case, *providers: Provider) -> dict[str, Case]:
    return {provider.column: case for provider in providers or PROVIDERS}


def only(*columns: tuple[Provider, Case]) -> dict[str, Case]:
    return {provider.column: case for provider, case in columns}


NOT_SET_UP = Case(None, key=None)
ALWAYS = "any"

CASES: dict[str, dict[str, Case]] = {
    "model not pulled": everywhere(Case(steps(answer), model=UNKNOWN_MODEL), OLLAMA),
    "unknown model": everywhere(Case(steps(answer), model=UNKNOWN_MODEL), CLAUDE, OPENAI),
    "wrong key": only(
        (OLLAMA, Case(steps(refusal("key")))),
        (CLAUDE, Case(steps(answer), key="sk-ant-not-the-one")),
        (OPENAI, Case(steps(answer), key="sk-not-the-one")),
    ),
    "no key": everywhere(NOT_SET_UP, CLAUDE, OPENAI),
    "context exceeded": everywhere(Case(steps(refusal("context")))),
    "too many requests, back in 2 s": everywhere(Case(steps(refusal("busy"), answer), answers=1)),
    "too many requests, back in 60 s": everywhere(Case(steps(refusal("busy long"), answer))),
    "overloaded for a moment": everywhere(
        Case(steps(refusal("overloaded"), refusal("overloaded"), answer), answers=1)
    ),
    "overloaded for long": everywhere(Case(steps(refusal("overloaded")))),
    "connection refused": everywhere(Case(None)),
    "hung model": everywhere(Case(steps(hangs), deadlines=Deadlines(first_token_s=0.1))),
    "a stream that stops": everywhere(Case(steps(stops), deadlines=Deadlines(idle_s=0.1))),
    "a connection cut in mid-answer": everywhere(Case(steps(is_cut))),
    "an answer without an end": everywhere(Case(steps(runs_on))),
    "HTML instead of JSON": everywhere(Case(steps(is_html))),
    "malformed tool call": everywhere(
        Case(steps(is_malformed, answer), question="order"), OLLAMA, CLAUDE
    ),
    "malformed tool call, mended": everywhere(Case(steps(is_malformed, answer), answers=2), OPENAI),
    "empty answer, once": everywhere(Case(steps(nothing, answer), answers=2)),
    "empty answer, twice": everywhere(Case(steps(nothing), answers=2)),
    "tool loop": everywhere(Case(calls_for_ever, question="order", answers=4)),
    "failed three times in a row": everywhere(Case(None, turns=FAILURES_TO_OPEN + 1)),
    "no model at all": {ALWAYS: Case(None)},
}


def all_cases() -> Iterable[tuple[str, str]]:
    """Return each fault with each column to which it applies."""
    return [(fault, column) for fault, columns in CASES.items() for column in columns]
