"""The shape of the source: sizes, names, docstrings, mirrored tests."""

from __future__ import annotations

import ast
import re
import statistics

from tests.architecture.source_tree import PACKAGES, ROOT, functions, python_modules, tracked_files

MAX_MODULE_LINES = 450
MAX_MEDIAN_LINES = 160
MAX_FUNCTION_LINES = 60
MAX_FOLDER_DEPTH = 4
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "data2"}

# Modules that a test of their own name would not serve: entry points, declarations without rules,
# and adapters whose whole behaviour is what a contract, HTTP or window test sees.
COVERED_ELSEWHERE = re.compile(
    r"appliance/(__main__|clock)\.py"
    r"|appliance/(bootstrap|domain|ports)/.*"
    r"|appliance/cli/.*"
    r"|appliance/web/(apps|listeners)\.py|appliance/web/(controllers|schemas)/.*"
    r"|appliance/storage/(tables|migrations|repositories)/.*|appliance/storage/backend\.py"
    r"|gui/(__main__|app)\.py|gui/(pages|widgets)/.*"
    r"|.*/__init__\.py"
)


def test_modules_are_small():
    lengths = {
        str(path): len((ROOT / path).read_text(encoding="utf-8").splitlines())
        for path, _ in python_modules(*PACKAGES)
    }
    assert {path: lines for path, lines in lengths.items() if lines > MAX_MODULE_LINES} == {}
    assert statistics.median(lengths.values()) <= MAX_MEDIAN_LINES


def test_functions_fit_on_a_screen():
    too_long = {
        f"{path}:{function.name}": length
        for path, tree in python_modules(*PACKAGES)
        for function in functions(tree)
        if (length := (function.end_lineno or 0) - function.lineno + 1) > MAX_FUNCTION_LINES
    }
    assert too_long == {}


def test_every_module_says_what_it_owns():
    silent = [
        str(path)
        for path, tree in python_modules(*PACKAGES)
        if path.name != "__init__.py" and not ast.get_docstring(tree)
    ]
    assert silent == []


def test_no_vague_names_and_no_deep_folders():
    for path in tracked_files():
        relative = path.relative_to(ROOT)
        if relative.parts[0] in PACKAGES:
            assert not VAGUE_NAMES & {part.removesuffix(".py") for part in relative.parts}, relative
            assert len(relative.parts) <= MAX_FOLDER_DEPTH + 1, relative


def test_tests_mirror_the_source():
    missing = []
    for path, tree in python_modules(*PACKAGES):
        if COVERED_ELSEWHERE.fullmatch(path.as_posix()) or not list(functions(tree)):
            continue
        test = ROOT / "tests" / "unit" / path.parent / f"test_{path.name}"
        if not test.is_file():
            missing.append(str(test.relative_to(ROOT)))
    assert missing == []


def test_nothing_runs_at_import():
    """Modules only declare: no call at the top level but to build constants."""
    loud = []
    for path, tree in python_modules(*PACKAGES):
        for node in tree.body:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                loud.append(f"{path}:{node.lineno}")
    assert loud == []
