import pytest

from gui.api import log_stream
from gui.api.log_stream import LogStream
from tests.gui.panel_fixtures import WAIT_MS


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(log_stream, "FIRST_DELAY_MS", 20)


@pytest.fixture
def followed(qtbot, client, admin_server):
    """A stream that is live, and the events it has brought."""
    for number in range(3):
        admin_server.log(f"old {number}")
    stream, seen = LogStream(client, client), []
    stream.entries.connect(lambda entries: seen.extend(entry.event for entry in entries))
    stream.start()
    qtbot.waitUntil(lambda: bool(admin_server.stream_starts), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: stream.state.kind == "live", timeout=WAIT_MS)
    yield stream, seen
    stream.stop()


def test_the_backlog_comes_first_then_what_happens(qtbot, followed, admin_server):
    _, seen = followed
    admin_server.log("new")
    qtbot.waitUntil(lambda: "new" in seen, timeout=WAIT_MS)
    assert seen == ["old 0", "old 1", "old 2", "new"]


def test_after_a_cut_nothing_is_lost_or_doubled(qtbot, followed, admin_server):
    stream, seen = followed
    expected = ["old 0", "old 1", "old 2"]
    for round_number in range(5):
        admin_server.log(f"before {round_number}")
        admin_server.cut_streams()
        admin_server.log(f"while away {round_number}")
        expected += [f"before {round_number}", f"while away {round_number}"]
        qtbot.waitUntil(lambda: len(seen) >= len(expected), timeout=WAIT_MS)  # noqa: B023
        qtbot.waitUntil(lambda: stream.state.kind == "live", timeout=WAIT_MS)
    assert seen == expected


def test_an_expired_token_does_not_end_the_log(qtbot, followed, admin_server):
    stream, seen = followed
    admin_server.expire_access()
    admin_server.cut_streams()
    admin_server.log("after")
    qtbot.waitUntil(lambda: seen[-1] == "after", timeout=WAIT_MS)
    assert stream.state.kind == "live"


def test_a_refusal_is_said_and_not_repeated(qtbot, followed, admin_server):
    stream, _ = followed
    admin_server.fail("GET /api/admin/logs/stream", 403, detail="Only owners read logs.")
    admin_server.cut_streams()
    qtbot.waitUntil(lambda: stream.state.kind == "failed", timeout=WAIT_MS)
    assert stream.state.error is not None
    assert stream.state.error.message == "Only owners read logs."
    admin_server.heal()
    stream.start()
    qtbot.waitUntil(lambda: stream.state.kind == "live", timeout=WAIT_MS)


def test_a_failing_server_is_asked_again_at_growing_intervals(qtbot, followed, admin_server):
    stream, _ = followed
    delays = []
    stream.state_changed.connect(
        lambda state: delays.append(state.retry_in_ms) if state.kind == "waiting" else None
    )
    admin_server.fail("GET /api/admin/logs/stream", 500)
    admin_server.cut_streams()
    qtbot.waitUntil(lambda: len(delays) >= 4, timeout=WAIT_MS)
    admin_server.heal()
    assert 0 < delays[0] <= 20 < delays[3] <= 160


def test_stopping_keeps_the_place(qtbot, followed, admin_server):
    stream, seen = followed
    stream.stop()
    admin_server.log("while stopped")
    stream.start()
    qtbot.waitUntil(lambda: seen[-1] == "while stopped", timeout=WAIT_MS)
    assert seen.count("old 2") == 1


def test_a_silent_connection_is_given_up_and_made_again(qtbot, followed, admin_server):
    stream, _ = followed
    starts = len(admin_server.stream_starts)
    stream._silence.start(1)
    qtbot.waitUntil(lambda: len(admin_server.stream_starts) > starts, timeout=WAIT_MS)


def test_a_flood_is_read_in_slices_and_whole(qtbot, followed, admin_server, monkeypatch):
    _, seen = followed
    monkeypatch.setattr(log_stream, "SLICE_BYTES", 997)
    with admin_server.lock:
        for number in range(2_000):
            admin_server.log(f"flood {number}")
    qtbot.waitUntil(lambda: seen[-1] == "flood 1999", timeout=WAIT_MS)
    assert seen[3:] == [f"flood {number}" for number in range(2_000)]


def test_a_restarted_server_begins_to_count_anew_and_nothing_is_missed(
    qtbot, followed, admin_server
):
    stream, seen = followed
    with admin_server.lock:
        admin_server.logs.clear()
        admin_server.status["started_at"] = "2026-03-02T09:00:00Z"
        admin_server.cut_streams()
        admin_server.log("second start")
    qtbot.waitUntil(lambda: "second start" in seen, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: stream.state.kind == "live", timeout=WAIT_MS)
    admin_server.log("and on")
    qtbot.waitUntil(lambda: seen[-1] == "and on", timeout=WAIT_MS)
    assert seen.count("second start") == 1
