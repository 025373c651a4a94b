"""A disk of a few megabytes, in memory, that a test can fill.

Owns mounting and unmounting: as root in place, else in a namespace of its own, which the programs
that use the disk must be started in.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DEADLINE_S = 10.0
FILLER = "filler"
_BLOCK = 4096


@dataclass(frozen=True)
class SmallDisk:
    """A mounted disk.

    ``place`` is its folder as the programs on it see it, ``seen`` as this process does;
    ``launcher`` starts a program that sees it.
    """

    place: Path
    seen: Path
    launcher: tuple[str, ...]

    def fill(self, *, but_bytes: int = 0) -> None:
        """Leave no free block, or about ``but_bytes``."""
        with (self.seen / FILLER).open("ab", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(_BLOCK))
            except OSError:
                filler.truncate(max(0, filler.tell() - but_bytes))

    def free(self) -> None:
        """Remove what filled it."""
        (self.seen / FILLER).unlink(missing_ok=True)


@contextmanager
def small_disk(place: Path, size_bytes: int) -> Iterator[SmallDisk]:
    """Mount an empty disk on the folder ``place``; whatever is on it is gone afterwards."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, timeout=DEADLINE_S, check=False).returncode == 0:
        try:
            yield SmallDisk(place, place, ())
        finally:
            subprocess.run(["umount", "--lazy", str(place)], timeout=DEADLINE_S, check=True)
        return
    holder = subprocess.Popen(
        ["unshare", "-Urm", "sh", "-c", '"$@" && echo mounted && exec cat', "sh", *mount],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    with holder, holder.stdin, holder.stdout:  # the end of its input ends it, and the namespace
        assert holder.stdout.readline() == b"mounted\n", "no disk can be mounted here"
        enter = ("nsenter", f"--target={holder.pid}", "--user", "--mount", "--preserve-credentials")
        yield SmallDisk(place, Path(f"/proc/{holder.pid}/root{place}"), (*enter, "--no-fork"))
