import pytest

from gui.api.sse import MAX_EVENT_BYTES, EventTooLarge, SseEvent, SseParser

STREAM = (
    b"\xef\xbb\xbf: keep-alive\r\n"
    b'event: log\r\nid: 7\r\ndata: {"a": 1,\r\ndata: "b": "\xd7\xa9\xd7\x9c"}\r\n\r\n'
    b"data:no space\rretry: 1500\r\r"
    b"id: 8\n\n"
    b"unknown: field\ndata\n\n"
    b"event: log\nid: bad\0id\ndata: last\n\n"
    b"data: never finished"
)
EVENTS = [
    SseEvent("log", '{"a": 1,\n"b": "של"}', "7"),
    SseEvent("message", "no space", "7"),
    SseEvent("message", "", "8"),
    SseEvent("log", "last", "8"),
]


def test_a_whole_stream_gives_its_events():
    parser = SseParser()
    assert parser.feed(STREAM) == EVENTS
    assert (parser.last_event_id, parser.retry_ms) == ("8", 1500)


@pytest.mark.parametrize("cut", range(len(STREAM) + 1))
def test_a_cut_at_any_byte_changes_nothing(cut):
    parser = SseParser()
    assert parser.feed(STREAM[:cut]) + parser.feed(STREAM[cut:]) == EVENTS


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
def test_pieces_of_any_size_change_nothing(size):
    parser = SseParser()
    pieces = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert [event for piece in pieces for event in parser.feed(piece)] == EVENTS


def test_an_empty_piece_between_cr_and_lf_does_not_end_the_event():
    parser = SseParser()
    assert parser.feed(b"data: a\r") == []
    assert parser.feed(b"") == []
    assert parser.feed(b"\ndata: b\r\n\r\n") == [SseEvent("message", "a\nb", "")]


def test_an_empty_id_forgets_the_place():
    parser = SseParser()
    parser.feed(b"id: 4\ndata: x\n\n")
    assert parser.feed(b"id\ndata: y\n\n") == [SseEvent("message", "y", "")]


@pytest.mark.parametrize("lead", [b"data: ", b"data: a\ndata: "])
def test_an_endless_event_is_refused(lead):
    parser = SseParser()
    parser.feed(lead)
    with pytest.raises(EventTooLarge):
        parser.feed(b"x" * (MAX_EVENT_BYTES + 1))
