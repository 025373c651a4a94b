"""What holds for every test: the right SQLite library, and who runs beside whom.

Owns what the workers of one run owe each other; the library comes before anything imports it.
"""

import fcntl
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.storage.sqlite_library import install

install()

DOOR = Path(__file__)
ROOM = DOOR.with_name("__init__.py")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run a test marked ``alone`` while no worker runs another one."""
    with _in_room(fcntl.LOCK_EX if item.get_closest_marker("alone") else fcntl.LOCK_SH):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a report hold no half characters: a worker could not send them."""
    report = yield
    report.sections = [
        (name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections
    ]
    return report


@contextmanager
def _in_room(lock: int) -> Iterator[None]:
    """Who waits for an empty room stands in the door, so that nobody goes in meanwhile."""
    with DOOR.open() as door, ROOM.open() as room:
        fcntl.flock(door, fcntl.LOCK_EX)
        fcntl.flock(room, lock)
        fcntl.flock(door, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(room, fcntl.LOCK_UN)
