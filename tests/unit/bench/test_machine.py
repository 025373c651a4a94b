"""What processes cost, read for this very process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from subprocess import PIPE

import pytest

from tests.bench import machine

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_a_tree_holds_a_process_and_its_children():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        tree = machine.list_tree(os.getpid())
    finally:
        child.communicate()
    assert tree[0] == os.getpid()
    assert child.pid in tree


def test_processor_time_grows_with_work():
    before_s = machine.read_cpu_s(os.getpid())
    end_s = time.process_time() + 0.02
    while time.process_time() < end_s:
        pass
    assert machine.read_cpu_s(os.getpid()) - before_s >= 0.02


HOLDER = """
import os
print(flush=True)
input()
held = bytearray(os.urandom(30_000_000))
print(flush=True)
input()
"""


def test_memory_grows_with_what_is_held():
    # Looked at from outside: other tests of this process give memory back meanwhile.
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdin=PIPE, stdout=PIPE, text=True) as it:
        assert it.stdin is not None
        assert it.stdout is not None
        it.stdout.readline()
        before_bytes = machine.read_memory_bytes(it.pid)[0]
        print(file=it.stdin, flush=True)
        it.stdout.readline()
        assert machine.read_memory_bytes(it.pid)[0] - before_bytes > 20_000_000
        print(file=it.stdin, flush=True)
