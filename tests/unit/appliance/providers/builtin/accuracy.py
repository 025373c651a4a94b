"""How many labelled utterances the builtin answerer understands, by part, language and kind.

Owns telling a right answer from a missed and from a wrong one; the floors are the test's. Printed
by ``python -m tests.unit.appliance.providers.builtin.accuracy``; ``--wrong tuning`` shows what went
wrong in the part that rules may be made for.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from tests.unit.appliance.providers.builtin.shops import FOLDER, Reply, Visitor, load_shop

Verdict = Literal["right", "missed", "wrong"]
INFORMATION = frozenset({"faq", "policy", "contact", "hours", "about"})
NO_ANSWER = frozenset({"unknown"})


class Outcome(msgspec.Struct, frozen=True):
    expected: dict[str, Any]
    reply: Reply
    verdict: Verdict

    @property
    def language(self) -> str:
        return "he" if any("א" <= char <= "ת" for char in self.expected["text"]) else "en"


class Tally(msgspec.Struct):
    right: int = 0
    missed: int = 0
    wrong: int = 0

    @property
    def total(self) -> int:
        return self.right + self.missed + self.wrong

    @property
    def accuracy(self) -> float:
        return self.right / self.total

    @property
    def precision(self) -> float:
        """Of what was said as an answer, how much was right."""
        return self.right / max(1, self.right + self.wrong)

    def add(self, verdict: Verdict) -> None:
        setattr(self, verdict, getattr(self, verdict) + 1)


def load_utterances(part: str | None = None) -> list[dict[str, Any]]:
    """The labelled utterances; no rule may be made for those that are ``held_out``."""
    loaded = json.loads((FOLDER / "utterances.json").read_text(encoding="utf-8"))
    return [utterance for utterance in loaded if part in (None, utterance["part"])]


async def hear(utterance: dict[str, Any]) -> Reply:
    """What is answered to an utterance after the messages before it; any call succeeds."""
    visitor = Visitor(load_shop(utterance["business"]))
    for text in utterance.get("before", ()):
        reply = await visitor.say(text)
        if reply.calls:
            await visitor.tool_returns({"status": "ready"})
    return await visitor.say(utterance["text"])


def judge(expected: dict[str, Any], reply: Reply) -> Verdict:
    """Whether the visitor was served, was told that nothing is known, or was misled."""
    intent = reply.state["intent"]
    has_tool = "tool" not in expected or (
        reply.tool == expected["tool"]
        and expected.get("arguments", {}).items() <= reply.arguments.items()
    )
    if expected["intent"] == "tool":
        is_right = has_tool
    elif expected["intent"] in INFORMATION and "contains" in expected:
        is_right = has_tool and intent in INFORMATION and expected["contains"] in reply.text
    else:
        is_right = intent == expected["intent"] and has_tool
    if is_right:
        return "right"
    return "missed" if intent in NO_ANSWER else "wrong"


async def measure(part: str) -> list[Outcome]:
    outcomes = []
    for expected in load_utterances(part):
        reply = await hear(expected)
        outcomes.append(Outcome(expected, reply, judge(expected, reply)))
    return outcomes


def tally(outcomes: Sequence[Outcome]) -> dict[str, Tally]:
    """Counted in all, by language and by kind."""
    tallies: dict[str, Tally] = {}
    for outcome in outcomes:
        for name in ("all", outcome.language, outcome.expected.get("kind", "other")):
            tallies.setdefault(name, Tally()).add(outcome.verdict)
    return tallies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wrong", choices=["tuning"], help="show what went wrong in this part")
    shown = parser.parse_args().wrong
    for part in ("tuning", "held_out"):
        outcomes = asyncio.run(measure(part))
        print(f"{part:<18}{'right':>6}{'missed':>8}{'wrong':>7}{'accuracy':>10}{'precision':>11}")
        for name, counted in sorted(tally(outcomes).items(), key=lambda item: -item[1].total):
            print(
                f"  {name:<16}{counted.right:>6}{counted.missed:>8}{counted.wrong:>7}"
                f"{counted.accuracy:>10.1%}{counted.precision:>11.1%}"
            )
        if part == shown:
            for outcome in outcomes:
                if outcome.verdict != "right":
                    print(outcome.verdict, json.dumps(outcome.expected, ensure_ascii=False))
                    reply = outcome.reply
                    print(
                        "    ", reply.state["intent"], reply.tool, reply.arguments, repr(reply.text)
                    )


if __name__ == "__main__":
    main()
