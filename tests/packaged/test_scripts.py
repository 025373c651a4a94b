"""The shell scripts of the set-up: one clear sentence when something is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
NEEDED = "20"


def run_script(
    name: str, *arguments: str, path: Path, cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run a script where only the programs in ``path`` exist."""
    return subprocess.run(
        ["/bin/sh", str(PACKAGING / name), *arguments],
        env={"PATH": str(path), "LANG": "C.UTF-8"},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def put_program(folder: Path, name: str, script: str) -> None:
    """Put a program into ``folder`` that is a shell script."""
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def put_node(folder: Path, version: str) -> None:
    """Put a Node of this version into ``folder``, as far as a version check can tell."""
    major = version.partition(".")[0]
    put_program(folder, "node", f'[ "$1" = --version ] && echo v{version} || echo {major}')
    put_program(folder, "npm", "exit 0")


@pytest.mark.parametrize("script", sorted(path.name for path in PACKAGING.glob("*.sh")))
def test_every_script_may_be_run_and_parses(script):
    assert os.access(PACKAGING / script, os.X_OK)
    checked = subprocess.run(
        ["/bin/sh", "-n", str(PACKAGING / script)], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_without_node_one_sentence_says_so(tmp_path):
    ended = run_script("require-node.sh", path=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.count("\n") == 1
    assert f"Node.js {NEEDED} or newer" in ended.stderr


def test_without_npm_one_sentence_says_so(tmp_path):
    put_node(tmp_path, "20.11.0")
    (tmp_path / "npm").unlink()
    ended = run_script("require-node.sh", path=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "npm" in ended.stderr


def test_an_old_node_is_named(tmp_path):
    put_node(tmp_path, "18.19.0")
    ended = run_script("require-node.sh", path=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.count("\n") == 1
    assert "v18.19.0" in ended.stderr


@pytest.mark.parametrize("version", ["20.0.0", "22.4.1", "100.0.0"])
def test_a_new_enough_node_passes_silently(tmp_path, version):
    put_node(tmp_path, version)
    ended = run_script("require-node.sh", path=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def put_debian(folder: Path, *, installed: bool, user: int) -> None:
    """Put a Debian's package tools into ``folder``; installing writes down what was asked."""
    put_program(folder, "dpkg-query", "echo install ok installed" if installed else "exit 1")
    put_program(folder, "id", f"echo {user}")
    put_program(folder, "apt-get", f'echo "$@" >> {folder}/asked.txt')
    put_program(folder, "python3", "exit 0")
    os.symlink(shutil.which("env") or "/usr/bin/env", folder / "env")


def test_installed_packages_are_left_alone(tmp_path):
    put_debian(tmp_path, installed=True, user=0)
    ended = run_script("system-packages.sh", "test", path=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert not (tmp_path / "asked.txt").exists()


def test_root_installs_what_is_missing_and_says_so(tmp_path):
    put_debian(tmp_path, installed=False, user=0)
    ended = run_script("system-packages.sh", "test", path=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("Installing system packages: ")
    asked = (tmp_path / "asked.txt").read_text()
    assert "update" in asked
    assert "chromium" in asked


def test_without_rights_the_command_to_give_is_shown(tmp_path):
    put_debian(tmp_path, installed=False, user=1000)
    ended = run_script("system-packages.sh", "test", path=tmp_path)
    assert ended.returncode == 1
    assert "apt-get install" in ended.stderr
    assert "chromium" in ended.stderr
    assert not (tmp_path / "asked.txt").exists()


def test_running_without_the_panels_packages_is_possible(tmp_path):
    put_debian(tmp_path, installed=False, user=1000)
    ended = run_script("system-packages.sh", "run", path=tmp_path)
    assert ended.returncode == 0
    assert "The server runs without them" in ended.stderr
    assert "chromium" not in ended.stderr


def test_another_system_is_not_touched(tmp_path):
    put_program(tmp_path, "python3", "exit 0")
    ended = run_script("system-packages.sh", "test", path=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_the_checkout_gets_its_command(tmp_path):
    checkout = tmp_path / "a checkout"
    programs = checkout / ".venv" / "bin"
    programs.mkdir(parents=True)
    packages = tmp_path / "site-packages"
    packages.mkdir()
    put_program(programs, "python", f'case "$1" in -c) echo {packages} ;; *) echo "$@" ;; esac')
    system = Path(shutil.which("chmod") or "/bin/chmod").parent
    ended = run_script("link-checkout.sh", ".venv", path=system, cwd=checkout)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (packages / "csai-checkout.pth").read_text() == f"{checkout}\n"
    said = subprocess.run(
        [programs / "csai", "serve", "--port", "0"], capture_output=True, text=True, check=True
    )
    assert said.stdout == "-m appliance serve --port 0\n"


def test_the_check_of_the_frozen_program_finds_faults(tmp_path):
    """A program whose self-test fails, or that says something unexpected, is not shipped."""

    def check(script: str) -> subprocess.CompletedProcess[str]:
        put_program(tmp_path, "csai", script)
        return subprocess.run(
            [sys.executable, str(PACKAGING / "check_frozen.py"), str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert check('[ "$1" = selftest ] && echo selftest passed').returncode == 0
    failing = check("echo it broke; exit 1")
    assert failing.returncode == 1
    assert "selftest ended with 1" in failing.stderr
    loud = check("echo odd >&2")
    assert loud.returncode == 1
    assert "odd" in loud.stderr
