"""The bundled workflows are those that ``packaging/workflows`` writes: ``make workflows``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRINT = """
import json, sys
sys.path.insert(0, "packaging/workflows")
sys.dont_write_bytecode = True
from flows import build_flows
print(json.dumps({flow.name: flow.export() for flow in build_flows()}))
"""


def test_the_bundled_workflows_are_as_they_are_written():
    printed = subprocess.run(
        [sys.executable, "-c", PRINT], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    folder = ROOT / "bundled-workflows"
    stored = {
        path.name.removesuffix(".tool.json"): json.loads(
            path.with_name(path.name.replace(".tool.json", ".json")).read_text("utf-8")
        )
        for path in folder.glob("*.tool.json")
    }
    assert json.loads(printed) == stored


def test_every_node_leads_on_and_can_be_reached():
    for path in (ROOT / "bundled-workflows").glob("*.tool.json"):
        workflow = json.loads(
            path.with_name(path.name.replace(".tool.json", ".json")).read_text("utf-8")
        )
        names = {node["name"] for node in workflow["nodes"]}
        assert len(names) == len(workflow["nodes"])
        reached = {
            link["node"]
            for node in workflow["connections"].values()
            for output in node["main"]
            for link in output
        }
        assert names - reached == {"Webhook"}, path
        ends = {"Respond", "Respond: not known"}
        assert names - set(workflow["connections"]) == ends, path
