"""What may stand in the repository, and what must be written down."""

from __future__ import annotations

import re

from appliance.settings import SETTINGS
from tests.architecture.source_tree import ROOT, tracked_files

TEXT_SUFFIXES = {
    ".py", ".ts", ".md", ".toml", ".json", ".txt", ".lock", ".yml", ".html", ".sh", ".spec", ".cfg",
}  # fmt: skip
REGISTRY = re.compile(
    r'"resolved"\s*:|^\s*--(?:extra-)?index-url|registry\.npmjs\.org|pypi\.org/simple', re.MULTILINE
)
MACHINE_PATH = re.compile(r"(?<![\w./])/(?:work|root|home/[a-z]\w*)/")
PINNED = re.compile(r"^[A-Za-z0-9_.-]+(?:\[[^]]*\])?==\S+")


def _texts():
    for path in tracked_files():
        is_own = path.name != "test_repository.py"
        if is_own and (path.suffix in TEXT_SUFFIXES or path.name == "Makefile"):
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")


def test_no_registry_address_is_committed():
    assert [str(path) for path, text in _texts() if REGISTRY.search(text)] == []


def test_no_path_of_one_machine_is_committed():
    assert [str(path) for path, text in _texts() if MACHINE_PATH.search(text)] == []


def test_every_requirement_is_pinned_with_hashes():
    for name in ("requirements.lock", "requirements-dev.lock"):
        blocks = re.split(r"\n(?=\S)", (ROOT / name).read_text(encoding="utf-8").strip())
        requirements = [block for block in blocks if not block.startswith("#")]
        assert requirements
        for block in requirements:
            assert PINNED.match(block), block
            assert "--hash=sha256:" in block, block


def test_every_setting_is_documented():
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"CSAI_[A-Z0-9_]+", text))
    assert {spec.variables[0] for spec in SETTINGS} - documented == set()


def test_every_make_target_is_explained():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"make ([a-z0-9-]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    explained = set(re.findall(r"^([a-z0-9-]+):.*## ", text, re.MULTILINE))
    assert named <= explained
