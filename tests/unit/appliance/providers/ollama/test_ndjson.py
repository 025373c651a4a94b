from __future__ import annotations

import pytest

from appliance.providers.ollama.ndjson import LineSplitter, LineTooLong

BODY = '{"a":1}\n\n  \n{"b":"שלום"}\r\n{"c":3}'.encode()


@pytest.mark.parametrize("size", range(1, len(BODY) + 1))
def test_lines_come_out_whole_however_the_bytes_are_cut(size: int) -> None:
    splitter = LineSplitter()
    lines = [
        line
        for start in range(0, len(BODY), size)
        for line in splitter.feed(BODY[start : start + size])
    ]
    lines += splitter.finish()
    assert [line.strip() for line in lines] == [
        b'{"a":1}',
        '{"b":"שלום"}'.encode(),
        b'{"c":3}',
    ]


def test_nothing_is_left_behind_the_last_line_break() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"x\n") == [b"x"]
    assert splitter.finish() == []


@pytest.mark.parametrize("piece", [b"x" * 11, b"a\n" + b"x" * 11])
def test_a_line_that_does_not_end_is_refused(piece: bytes) -> None:
    with pytest.raises(LineTooLong):
        LineSplitter(max_line_bytes=10).feed(piece)
