from __future__ import annotations

from appliance.tool_spelling import ProseReader


def test_prose_is_shown_as_it_comes() -> None:
    reader = ProseReader()
    assert [reader.feed(text) for text in ('{"name": ', "`", "")] == ['{"name": ', "`", ""]
    assert reader.finish(is_cut=True) == ("", ())
