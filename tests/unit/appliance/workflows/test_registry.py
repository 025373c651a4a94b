from __future__ import annotations

from pathlib import Path

from appliance.workflows import nodes
from appliance.workflows.registry import find_kind, node_module_names, supported_types


def test_every_file_in_the_folder_is_a_node():
    files = {path.stem for path in Path(nodes.__file__).parent.glob("*.py")} - {"__init__"}
    assert {name.rpartition(".")[2] for name in node_module_names()} == files
    assert len(supported_types()) == len(files)


def test_finds_a_kind_by_its_type():
    kind = find_kind("n8n-nodes-base.set")
    assert kind is not None
    assert kind.supports(3.4)
    assert not kind.supports(4)
    assert find_kind("n8n-nodes-base.gmail") is None
