from __future__ import annotations

import pytest

from appliance.tool_spelling import ConstrainedReader, FreeReader, ProseReader, choose_reader
from appliance.tool_spelling.forms import ToolForm
from tests.contract.chat_model_contract import ORDER_STATUS


@pytest.mark.parametrize(
    ("form", "reader"),
    [("native", FreeReader), ("constrained", ConstrainedReader), ("prompted", FreeReader)],
)
def test_each_form_has_its_reader_and_prose_needs_none(form: ToolForm, reader: type) -> None:
    assert isinstance(choose_reader([ORDER_STATUS], form), reader)
    assert isinstance(choose_reader([], form), ProseReader)
