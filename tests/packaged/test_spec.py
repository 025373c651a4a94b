"""The PyInstaller specification against what the program looks for at run time.

Owns running the specification without PyInstaller's building: its steps are replaced by a recorder.
"""

from __future__ import annotations

import ast
import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import appliance
import gui
from appliance.plugins import walk_all
from appliance.workflows.registry import node_module_names

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "appliance.spec"
CODE_SUFFIXES = {".py", ".pyc"}


class Recorder:
    """Stands for a step of the build: keeps its arguments, and lists where the next step reads."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.arguments = arguments
        self.options = options
        self.pure: list[Any] = []
        self.scripts: list[Any] = []
        self.binaries: list[Any] = []
        self.datas: list[Any] = []


@pytest.fixture(scope="module")
def analysis() -> Recorder:
    """Run the specification; the paths it puts in front of the imports are taken back."""
    import sys

    steps = dict.fromkeys(("Analysis", "PYZ", "EXE", "COLLECT"), Recorder)
    scope: dict[str, Any] = {"SPECPATH": str(ROOT), **steps}
    paths = sys.path.copy()
    try:
        exec(compile(SPEC.read_text(encoding="utf-8"), str(SPEC), "exec"), scope)
    finally:
        sys.path[:] = paths
    found: Recorder = scope["analysis"]
    found.options["is_used"] = scope["is_used"]
    return found


@pytest.fixture(scope="module")
def hidden(analysis: Recorder) -> set[str]:
    return set(analysis.options["hiddenimports"])


@pytest.fixture(scope="module")
def shipped(analysis: Recorder) -> set[str]:
    """Every data file by its path inside the package."""
    return {str(Path(target) / Path(source).name) for source, target in analysis.options["datas"]}


def test_everything_the_program_walks_is_taken_along(hidden):
    assert set(walk_all()) <= hidden
    assert set(node_module_names()) <= hidden
    assert {"appliance.providers.builtin", "appliance.tools.workflow"} <= hidden


@pytest.mark.parametrize("package", [appliance.__name__ + ".cli", gui.__name__])
def test_every_module_loaded_by_name_is_taken_along(hidden, package):
    found = import_module(package)
    names = {name for _, name, _ in pkgutil.walk_packages(found.__path__, f"{package}.")}
    assert names
    assert names <= hidden


def test_every_hidden_import_exists(hidden):
    """A name that went stale would be a warning in the build's log, and nobody reads that."""
    from importlib.util import find_spec

    assert [name for name in sorted(hidden) if find_spec(name) is None] == []


def test_every_migration_is_taken_along(shipped):
    folder = ROOT / "appliance" / "storage" / "migrations"
    migrations = {str(path.relative_to(ROOT)) for path in folder.rglob("*.py")}
    assert len(migrations) >= 2
    assert migrations <= shipped


def test_every_file_beside_the_code_is_taken_along(shipped):
    wanted = {
        str(path.relative_to(ROOT))
        for package in ("appliance", "gui", "bundled-workflows")
        for path in (ROOT / package).rglob("*")
        if path.is_file()
        and path.suffix not in CODE_SUFFIXES
        and not {"__pycache__", ".mypy_cache"} & set(path.parts)
    }
    assert wanted
    assert wanted <= shipped


def test_the_widget_is_taken_along(shipped):
    assert {"widget/dist/widget.js", "widget/dist/widget.js.map", "LICENSE"} <= shipped


def test_every_data_file_exists(analysis: Recorder):
    assert [source for source, _ in analysis.options["datas"] if not Path(source).is_file()] == []


def test_nothing_that_the_program_imports_is_left_out(analysis: Recorder):
    """``sqlite3`` is left out on purpose: pysqlite3 takes its name before anything asks for it."""
    excluded = set(analysis.options["excludes"]) - {"sqlite3", "_sqlite3"}
    imported = {
        name
        for package in ("appliance", "gui")
        for path in (ROOT / package).rglob("*.py")
        for name in imported_names(ast.parse(path.read_text(encoding="utf-8")))
    }
    clashes = {
        name
        for name in imported
        if any(name == left_out or name.startswith(f"{left_out}.") for left_out in excluded)
    }
    assert clashes == set()


def imported_names(tree: ast.Module) -> set[str]:
    """Return the modules that the code names in its imports."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize(
    ("place", "is_taken"),
    [
        ("botocore/data/s3/2006-03-01/service-2.json.gz", True),
        ("botocore/data/sts/2011-06-15/service-2.json.gz", True),
        ("botocore/data/endpoints.json", True),
        ("botocore/data/partitions.json", True),
        ("botocore/data/_retry.json", True),
        ("botocore/data/sdk-default-configuration.json", True),
        ("botocore\\data\\s3\\2006-03-01\\service-2.json.gz", True),
        ("botocore/data/s3control/2018-08-20/service-2.json.gz", False),
        ("botocore/data/ec2/2016-11-15/service-2.json.gz", False),
        ("botocore/cacert.pem", False),
        ("certifi/cacert.pem", True),
    ],
)
def test_of_amazons_services_only_the_archives_is_described(analysis, place, is_taken):
    assert analysis.options["is_used"]((place, "source", "DATA")) is is_taken
