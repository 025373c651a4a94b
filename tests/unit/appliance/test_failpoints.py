from __future__ import annotations

import ast
import signal
import subprocess
import sys
from collections import Counter

import pytest

from appliance import failpoints
from appliance.errors import ConfigurationError
from tests.architecture.source_tree import ROOT, python_modules

POSTGRES = ("appliance", "storage", "postgres")


@pytest.fixture(autouse=True)
def disarmed():
    yield
    failpoints.arm("")


def placed_names() -> tuple[Counter[str], Counter[str]]:
    """Return how often each name is passed, outside and inside the Postgres side of storage."""
    elsewhere: Counter[str] = Counter()
    postgres: Counter[str] = Counter()
    for path, tree in python_modules("appliance"):
        names = postgres if path.parts[:3] == POSTGRES else elsewhere
        for node in ast.walk(tree):
            is_passage = (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and (node.func.value.id, node.func.attr) == ("failpoints", "passed")
            )
            if is_passage:
                assert isinstance(node, ast.Call)
                (argument,) = node.args
                assert isinstance(argument, ast.Constant), f"{path}:{node.lineno}"
                names[argument.value] += 1
    return elsewhere, postgres


def test_every_name_is_placed_once():
    elsewhere, postgres = placed_names()
    assert elsewhere == dict.fromkeys(failpoints.NAMES, 1)
    both = {"before_begin", "uncommitted", "before_commit", "after_commit"}
    assert postgres == {f"storage.{name}": 1 for name in both}


def test_unarmed_points_are_harmless():
    for name in failpoints.NAMES:
        failpoints.passed(name)


def run_armed(setting: str, *passages: str) -> subprocess.CompletedProcess[str]:
    lines = [f"failpoints.passed({name!r}); print('{name}', flush=True)" for name in passages]
    program = [
        "from appliance import failpoints",
        f"failpoints.arm({setting!r})",
        *lines,
    ]
    return subprocess.run(
        [sys.executable, "-c", "\n".join(program)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_process_dies_at_the_passage_that_was_named():
    ended = run_armed("turn.stored:2", "turn.stored", "turn.finished", "turn.stored", "turn.failed")
    assert ended.returncode == -signal.SIGKILL
    assert ended.stdout.split() == ["turn.stored", "turn.finished"]
    assert ended.stderr == ""


def test_a_passage_that_is_not_reached_ends_nothing():
    ended = run_armed("turn.stored:3", "turn.stored", "turn.stored")
    assert ended.returncode == 0


@pytest.mark.parametrize(
    "setting", ["turn.stored", "turn.stored:", "turn.stored:0", "turn.stored:x", "turn.stored:-1"]
)
def test_a_passage_must_be_counted(setting):
    with pytest.raises(ConfigurationError, match="give the passage"):
        failpoints.arm(setting)


@pytest.mark.parametrize("setting", ["turn.strored:1", ":1", "everything:1"])
def test_an_unknown_name_is_refused_with_the_known_ones(setting):
    with pytest.raises(ConfigurationError) as caught:
        failpoints.arm(setting)
    assert all(name in caught.value.message for name in failpoints.NAMES)
