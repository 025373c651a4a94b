"""None of n8n's parameters is passed over in silence, and none is declared that n8n does not have.

``n8n-parameters.json`` holds the names and defaults; ``n8n_parameters.py`` says how it is made.
"""

from __future__ import annotations

import json

import pytest

from appliance.workflows.parameter_rules import find_parameter_problems
from appliance.workflows.registry import find_kind, supported_types
from tests.workflows.n8n_parameters import KEPT

KNOWN = json.loads(KEPT.read_text(encoding="utf-8"))["parameters"]


def rules_of(node_type):
    kind = find_kind(node_type)
    assert kind is not None
    return kind.parameters


def is_covered(name, rules):
    parts = name.split(".")
    return any(".".join(parts[: depth + 1]) in rules for depth in range(len(parts)))


def set_to(path, value):
    for part in reversed(path.split(".")):
        value = {part: value}
    return value


@pytest.mark.parametrize("node_type", supported_types())
def test_every_parameter_is_declared_or_refused(node_type):
    rules = rules_of(node_type)
    for path, default in KNOWN[node_type].items():
        if is_covered(path, rules):
            continue
        # One that is not declared passes where it is empty, so empty must be n8n's default.
        assert not default, f"{path} has the default {default!r}: declare it"
        assert find_parameter_problems(set_to(path, "other"), rules), path


@pytest.mark.parametrize("node_type", supported_types())
def test_every_declared_parameter_is_one_of_n8ns(node_type):
    known = KNOWN[node_type]
    strangers = [
        name
        for name in rules_of(node_type)
        if not any(path == name or path.startswith(f"{name}.") for path in known)
    ]
    assert strangers == []
