"""What processes cost, as Linux counts it.

Owns reading the processor time and memory of a process and all its descendants.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

PROC = Path("/proc")
KIB = 1024


def list_tree(pid: int) -> list[int]:
    """Return ``pid`` and its living descendants."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (parent := _parent(entry)) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    tree = [pid]
    for known in tree:
        tree += children.get(known, [])
    return tree


def read_cpu_s(pid: int) -> float:
    """Return the processor seconds that a tree has used, to the nanosecond.

    Children that ended before are not counted: nothing measured here starts any.
    """
    return sum(time.clock_gettime(_process_clock(member)) for member in list_tree(pid))


def read_memory_bytes(pid: int) -> tuple[int, int]:
    """Return a tree's proportional (PSS) and resident (RSS) memory."""
    pss = rss = 0
    for member in list_tree(pid):
        for line in (PROC / str(member) / "smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name == "Pss":
                pss += int(rest.split()[0]) * KIB
            elif name == "Rss":
                rss += int(rest.split()[0]) * KIB
    return pss, rss


class Neighbours:
    """Watches how much of the machine other programs take from its making on."""

    def __init__(self) -> None:
        self._start = self._read()

    def read_share(self) -> float:
        """Return their part of all cores' time, 0 to 1; our children must have ended."""
        elapsed_s, busy_s, own_s = (
            now - then for now, then in zip(self._read(), self._start, strict=True)
        )
        return max(0.0, busy_s - own_s) / (elapsed_s * (os.cpu_count() or 1))

    def _read(self) -> tuple[float, float, float]:
        total = (PROC / "stat").read_text().split("\n", 1)[0].split()[1:]
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, total[:8])
        busy = user + nice + system + irq + softirq + steal
        own = os.times()
        own_s = own.user + own.system + own.children_user + own.children_system
        return time.monotonic(), busy / os.sysconf("SC_CLK_TCK"), own_s


def describe_load() -> str:
    """Return how many cores there are and how busy the machine is with anything."""
    return f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}"


def _parent(entry: Path) -> int | None:
    try:
        stat = (entry / "stat").read_text()
    except OSError:  # it has just ended
        return None
    return int(stat.rpartition(")")[2].split()[1])


def _process_clock(pid: int) -> int:
    """Return the id of a process's own clock, as ``clock_getcpuclockid(3)`` makes it on Linux."""
    return (~pid << 3) | 2
