from datetime import UTC, datetime

import pytest

from gui.api.models import LogEntry
from gui.view_models.log_line import LogFilter, LogLine, build_details, build_message, build_text

AT = datetime(2026, 3, 1, 8, 0, 0, 123_456, tzinfo=UTC)


def line(event="http.request", level="info", **fields) -> LogLine:
    return LogLine(LogEntry(1, AT, event, level, "appliance.web", fields))


def test_a_line_is_its_event_and_its_fields():
    message = line(
        path="/chat", status=200, ok=True, note="two words", empty="", tags=["a"]
    ).message
    assert message == (
        'http.request  path=/chat  status=200  ok=true  note="two words"  empty=""  tags=["a"]'
    )


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[31mb", "a\u2028b", "a\r\nb"])
def test_a_line_stays_on_one_line(text):
    message = build_message(LogEntry(1, AT, text, fields={"detail": text}))
    assert len(message.splitlines()) == 1
    assert "\x1b" not in message


def test_an_exported_line_has_utc_time_level_and_source():
    assert build_text(line("hello")) == "2026-03-01T08:00:00.123Z INFO     appliance.web hello"


def test_details_show_every_field_in_full():
    details = build_details(line("tool.failed", trace={"a": [1]}, text="one\ntwo").entry)
    assert "tool.failed" in details
    assert '"a": [' in details
    assert "text: one\ntwo" in details


@pytest.mark.parametrize(
    ("level", "text", "is_shown"),
    [
        ("debug", "", True),
        ("info", "", True),
        ("warning", "", False),
        ("nonsense", "", True),
        ("info", "REQUEST chat", True),
        ("info", "request nowhere", False),
        ("info", "appliance.web", True),
        ("info", "שלום", True),
    ],
)
def test_a_filter_asks_for_level_and_every_word(level, text, is_shown):
    log_filter = LogFilter.build(level=level, text=text)
    assert log_filter.accepts(line(path="/chat", note="שלום")) is is_shown


def test_an_unknown_level_counts_as_info():
    assert LogFilter.build(level="info", text="").accepts(line(level="notice"))


def test_a_filter_that_hides_nothing_says_so():
    assert LogFilter.build(level="debug", text="  ").shows_all
    assert not LogFilter.build(level="info", text="").shows_all
