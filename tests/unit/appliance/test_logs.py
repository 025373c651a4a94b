from __future__ import annotations

import asyncio
import io
import json
import logging
import logging.handlers
import threading
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from appliance.logs import BUFFER_ENTRIES, LEVELS, LogBuffer, configure_logs
from appliance.redaction import MASK
from tests.unit.appliance.test_redaction import BY_LOOK


@dataclass
class Logs:
    """Configured logs and where they went."""

    file: Path
    terminal: io.StringIO
    buffer: LogBuffer

    @property
    def lines(self) -> list[dict[str, Any]]:
        for handler in logging.getLogger().handlers:
            handler.flush()
        return [json.loads(line) for line in self.file.read_text("utf-8").splitlines()]

    @property
    def shown(self) -> str:
        return self.terminal.getvalue()


@pytest.fixture
def _untouched() -> Iterator[None]:
    """Put the process's logging back as it was."""
    root, raises = logging.getLogger(), logging.raiseExceptions
    handlers, level = list(root.handlers), root.level
    for handler in handlers:  # so that they are not closed
        root.removeHandler(handler)
    yield
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)
    logging.raiseExceptions = raises
    structlog.reset_defaults()


@pytest.fixture
def logs(_untouched: None, tmp_path: Path) -> Logs:
    logs = Logs(tmp_path / "csai.log", io.StringIO(), LogBuffer())
    configure_logs(level="info", file=logs.file, terminal=logs.terminal, buffer=logs.buffer)
    return logs


def fail(message: str = "no pizza") -> None:
    raise ValueError(message)


def test_the_file_holds_one_json_object_a_line(logs: Logs) -> None:
    structlog.get_logger("csai.test").info("turn_finished", duration_ms=31, text="two\nlines שלום")
    logging.getLogger("library").warning("took %d ms", 5)
    first, second = logs.lines
    assert (first["event"], first["level"], first["duration_ms"]) == ("turn_finished", "info", 31)
    assert (first["logger"], first["text"]) == ("csai.test", "two\nlines שלום")
    assert first["timestamp"].endswith("Z")
    assert (second["event"], second["level"]) == ("took 5 ms", "warning")
    assert second["logger"] == "library"
    assert "שלום" in logs.file.read_text("utf-8")


def test_a_traceback_is_in_the_file_and_never_on_the_terminal(
    logs: Logs, capfd: pytest.CaptureFixture[str]
) -> None:
    for log in (structlog.get_logger().exception, logging.getLogger("library").exception):
        try:
            fail("no pizza")
        except ValueError:
            log("it_broke")
    try:
        fail("later")
    except ValueError as error:
        structlog.get_logger().error("it_broke", exc_info=error)
    assert ["Traceback" in line["exception"] for line in logs.lines] == [True] * 3
    assert "Traceback" not in logs.shown
    assert "test_logs.py" not in logs.shown
    assert logs.shown.count("ValueError: no pizza") == 2
    assert len(logs.shown.splitlines()) == 3
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("secret", BY_LOOK)
def test_no_secret_gets_anywhere(logs: Logs, secret: str) -> None:
    log = structlog.get_logger()
    log.warning(f"refused {secret}", detail=secret, error=ValueError(secret))
    log.info("positional %s", secret)
    logging.getLogger("httpx").warning("GET %s", secret)
    try:
        fail(secret)
    except ValueError:
        log.exception("broken", nested={"list": [secret]})
        logging.getLogger("library").exception("broken")
    assert len(logs.lines) == 5
    buffered = msgspec.json.encode(logs.buffer.newest(limit=100)).decode()
    for place in (logs.file.read_text("utf-8"), logs.shown, buffered):
        assert "canary" not in place
        assert "c2lnbmF0dXJl" not in place
        assert MASK in place


def test_a_request_id_is_on_every_line_of_its_request(logs: Logs) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger().info("a")
        logging.getLogger("library").warning("b")
    structlog.get_logger().info("c")
    assert [line.get("request_id") for line in logs.lines] == ["r1", "r1", None]


def test_what_is_below_the_level_is_not_kept(logs: Logs) -> None:
    for level in LEVELS:
        structlog.get_logger().log(getattr(logging, level.upper()), level)
        logging.getLogger("library").log(getattr(logging, level.upper()), level)
    assert [line["event"] for line in logs.lines] == [
        level for level in LEVELS[1:] for _ in range(2)
    ]


def test_libraries_that_say_much_are_heard_from_warnings_on(logs: Logs) -> None:
    for name in ("httpx", "httpcore", "httpx2", "openai", "alembic", "asyncio", "granian"):
        logging.getLogger(name).info("chatter")
        logging.getLogger(name).warning("matter")
    assert {line["event"] for line in logs.lines} == {"matter"}


def test_configuring_again_replaces_the_places(logs: Logs, tmp_path: Path) -> None:
    configure_logs(level="debug", file=tmp_path / "second.log", terminal=None)
    structlog.get_logger().debug("only_there")
    assert logs.lines == []
    assert logs.shown == ""
    assert json.loads((tmp_path / "second.log").read_text("utf-8"))["event"] == "only_there"


class Unspeakable:
    def __str__(self) -> str:
        raise ZeroDivisionError


@pytest.mark.parametrize("value", [Unspeakable(), "\ud800", {("a", "b"): 1}])
def test_a_value_that_cannot_be_written_breaks_nobody(
    logs: Logs, capfd: pytest.CaptureFixture[str], value: Any
) -> None:
    structlog.get_logger().info("odd", value=value)
    logging.getLogger("library").info("%s", value)
    structlog.get_logger().info("next")
    assert logs.lines[-1]["event"] == "next"
    assert logs.lines[0]["event"] in ("odd", "log_entry_lost")
    assert capfd.readouterr() == ("", "")


def test_a_disk_that_cannot_be_written_breaks_nobody(
    logs: Logs, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(logging.handlers.RotatingFileHandler, "shouldRollover", full)
    structlog.get_logger().info("turn_finished")
    assert "turn_finished" in logs.shown
    assert [entry.event for entry in logs.buffer.newest(limit=5)] == ["turn_finished"]
    assert capfd.readouterr() == ("", "")


def test_a_value_that_json_cannot_hold_is_written_as_text(logs: Logs) -> None:
    structlog.get_logger().info("odd", path=Path("/x"), kinds={1}, number=float("inf"))
    (line,) = logs.lines
    assert line["path"] == "/x"


@pytest.mark.usefixtures("_untouched")
def test_the_file_is_rotated_and_old_ones_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.logs.FILE_SIZE_BYTES", 2_000)
    configure_logs(level="info", file=tmp_path / "csai.log", terminal=None)
    for number in range(300):
        structlog.get_logger().info("filler", number=number, text="x" * 50)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["csai.log", *(f"csai.log.{number}" for number in range(1, 5))]
    assert all(path.stat().st_size <= 2_000 for path in tmp_path.iterdir())


def test_the_buffer_shows_entries_by_their_parts(logs: Logs) -> None:
    structlog.get_logger("csai.test").warning("tool_failed", tool="book", attempts=2)
    (entry,) = logs.buffer.newest(limit=10)
    assert (entry.level, entry.event) == ("warning", "tool_failed")
    assert (entry.logger, entry.fields) == ("csai.test", {"tool": "book", "attempts": 2})
    assert entry.at
    assert logs.buffer.last_id == entry.id


def fill(buffer: LogBuffer, *events: str, level: str = "info") -> None:
    for event in events:
        buffer.append({"event": event, "level": level, "timestamp": "", "logger": ""})


def test_the_buffer_keeps_the_newest() -> None:
    buffer = LogBuffer(size=3)
    assert (buffer.last_id, buffer.newest(limit=5)) == (0, [])
    fill(buffer, "a", "b", "c", "d")
    assert [entry.event for entry in buffer.newest(limit=5)] == ["b", "c", "d"]
    assert [entry.event for entry in buffer.newest(limit=2)] == ["c", "d"]
    after_c = buffer.last_id - 1
    assert [entry.event for entry in buffer.newest(limit=5, after_id=after_c)] == ["d"]
    found = buffer.newest(limit=1, matches=lambda entry: entry.event < "d")
    assert [entry.event for entry in found] == ["c"]


async def test_a_follower_gets_what_is_there_and_what_comes() -> None:
    buffer = LogBuffer()
    fill(buffer, "old", "a", "b")
    async with aclosing(buffer.follow(after_id=buffer.last_id - 2)) as batches:
        assert [entry.event for entry in await anext(batches)] == ["a", "b"]
        coming = asyncio.ensure_future(anext(batches))
        await asyncio.sleep(0)
        assert not coming.done()
        fill(buffer, "c")
        assert [entry.event for entry in await coming] == ["c"]


async def test_a_follower_sees_only_what_matches_and_misses_none_of_it() -> None:
    buffer = LogBuffer()
    fill(buffer, "x", "y")
    matches = buffer.follow(after_id=0, matches=lambda entry: entry.level == "error")
    async with aclosing(matches) as batches:
        coming = asyncio.ensure_future(anext(batches))
        await asyncio.sleep(0)
        fill(buffer, "noise")
        for _ in range(5):
            await asyncio.sleep(0)
        assert not coming.done()
        fill(buffer, "broken", level="error")
        assert [entry.event for entry in await coming] == ["broken"]


async def test_followers_hear_every_thread_in_order(logs: Logs) -> None:
    """Requests, the database's thread and the tools' log at the same time."""
    threads, each = 4, 200

    def work(name: str) -> None:
        for number in range(each):
            structlog.get_logger().info("work", thread=name, number=number)

    heard: list[Any] = []
    workers = [threading.Thread(target=work, args=(str(n),)) for n in range(threads)]
    async with aclosing(logs.buffer.follow(after_id=0)) as batches:
        for worker in workers:
            worker.start()
        while len(heard) < threads * each:
            heard += await anext(batches)
        await asyncio.gather(*(asyncio.to_thread(worker.join) for worker in workers))
    first = heard[0].id
    assert [entry.id for entry in heard] == list(range(first, first + threads * each))
    for name in map(str, range(threads)):
        numbers = [entry.fields["number"] for entry in heard if entry.fields["thread"] == name]
        assert numbers == list(range(each))


async def test_a_follower_that_left_is_forgotten() -> None:
    buffer = LogBuffer()
    fill(buffer, "a")
    follower = buffer.follow(after_id=0)
    await anext(follower)
    assert len(buffer._wakers) == 1
    await follower.aclose()
    assert not buffer._wakers
    fill(buffer, *["more"] * (BUFFER_ENTRIES + 5))
    assert len(buffer.newest(limit=BUFFER_ENTRIES * 2)) == BUFFER_ENTRIES
