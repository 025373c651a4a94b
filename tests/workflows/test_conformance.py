"""The embedded runner gives what n8n gave, workflow by workflow (recorded by ``real_n8n``)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from appliance.workflows.registry import find_kind
from tests.fakes.echo_server import echo_server
from tests.workflows.conformance_cases import conformance_workflows, load_answers, with_echo
from tests.workflows.n8n_parameters import KEPT
from tests.workflows.real_n8n import bundled_rows, is_same, run_embedded

CASES = {export["name"]: (export, inputs) for export, inputs in conformance_workflows()}
EXPORTS = {name: export for name, (export, _) in CASES.items()}


NOT_COMPARED = {
    # It starts by a click or by the clock, where a webhook calls both runners here.
    "n8n-nodes-base.manualTrigger",
    "n8n-nodes-base.scheduleTrigger",
    # It needs a mail server and a credential; its own tests have a real mail server.
    "n8n-nodes-base.emailSend",
}


def test_every_version_of_every_node_is_compared():
    versions = json.loads(KEPT.read_text(encoding="utf-8"))["versions"]
    compared = {
        (node["type"], float(node["typeVersion"]))
        for export in EXPORTS.values()
        for node in export["nodes"]
    }
    missing = [
        (node_type, version)
        for node_type, known in versions.items()
        for version in known
        if node_type not in NOT_COMPARED and (node_type, float(version)) not in compared
    ]
    assert missing == []


def test_every_version_of_every_node_can_run():
    versions = json.loads(KEPT.read_text(encoding="utf-8"))["versions"]
    kinds = {node_type: find_kind(node_type) for node_type in versions}
    refused = [
        (node_type, version)
        for node_type, kind in kinds.items()
        for version in versions[node_type]
        if kind is None or not kind.supports(version)
    ]
    assert refused == []


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
