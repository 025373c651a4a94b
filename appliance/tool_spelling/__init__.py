"""Tool calls with models that know no tools, or write their calls as text.

A provider picks one of three ways and gets the same thing back: text for the visitor and calls.

- The server holds the model to a schema: ``build_schema`` and ``build_constrained_messages``, read
  with ``ConstrainedReader``.
- The model is only told: ``build_prompted_messages``, read with ``FreeReader``.
- The model knows tools: nothing is spelled out, but the text is read with ``FreeReader`` all the
  same, because small models often write a call into their text; native calls go through
  ``mend_call``.

Without tools in the request the reader is ``ProseReader``. A reader serves one answer: ``feed`` it
each piece of text and show what it returns, then ``finish`` once, telling it if the model was
stopped by its length. Calls have no id until the provider gives them one. ``UnreadableAnswer``
means a broken answer; a provider raises it as its own ``Unavailable``.
"""

from appliance.tool_spelling.constrained_reader import ConstrainedReader, build_schema
from appliance.tool_spelling.forms import ToolForm, choose_reader
from appliance.tool_spelling.free_reader import FreeReader
from appliance.tool_spelling.mending import mend_call
from appliance.tool_spelling.messages import (
    build_constrained_messages,
    build_function_tools,
    build_prompted_messages,
    describe_tool,
)
from appliance.tool_spelling.reading import AnswerReader, ProseReader, UnreadableAnswer
from appliance.tool_spelling.result_fence import fence_result

__all__ = [
    "AnswerReader",
    "ConstrainedReader",
    "FreeReader",
    "ProseReader",
    "ToolForm",
    "UnreadableAnswer",
    "build_constrained_messages",
    "build_function_tools",
    "build_prompted_messages",
    "build_schema",
    "choose_reader",
    "describe_tool",
    "fence_result",
    "mend_call",
]
