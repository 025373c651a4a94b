"""The embedded runner gives what n8n gave, workflow by workflow (recorded by ``real_n8n``)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.fakes.echo_server import echo_server
from tests.workflows.conformance_cases import conformance_workflows, load_answers, with_echo
from tests.workflows.real_n8n import bundled_rows, is_same, run_embedded

CASES = {export["name"]: (export, inputs) for export, inputs in conformance_workflows()}
EXPORTS = {name: export for name, (export, _) in CASES.items()}


def test_every_workflow_has_an_answer_for_every_input():
    recorded = {name: len(answers) for name, answers in load_answers().items()}
    assert recorded == {name: len(inputs) for name, (_, inputs) in CASES.items()}


@pytest.mark.parametrize("name", sorted(CASES))
def test_gives_what_n8n_gave(name):
    _, inputs = CASES[name]
    with echo_server() as url:
        calls = [(name, with_echo(body, url)) for body in inputs]
        answers = asyncio.run(run_embedded(EXPORTS, calls, bundled_rows()))
    different: list[Any] = [
        {"input": body, "embedded": ours, "n8n": theirs}
        for body, ours, theirs in zip(inputs, answers, load_answers()[name], strict=True)
        if not is_same(ours, theirs)
    ]
    assert different == []
