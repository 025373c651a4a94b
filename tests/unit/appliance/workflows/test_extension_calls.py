from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.workflows.extension_calls import EXTENSIONS, rewrite_extension_calls
from appliance.workflows.sandbox import load_source


@pytest.mark.parametrize(
    ("code", "rewritten"),
    [
        (" $json.a.isEmpty() ", ' __extend($json.a,"isEmpty",[]) '),
        ("!a.isEmpty() && b", '!__extend(a,"isEmpty",[]) && b'),
        ("new Date('x').format('y')", "__extend(new Date('x'),\"format\",['y'])"),
        ("$now.plus(1, 'day').toISO()", "__extend($now,\"plus\",[1, 'day']).toISO()"),
        ("a / b.first() / c", 'a / __extend(b,"first",[]) / c'),
        ("/a.first()/.test(x).isEmpty()", '__extend(/a.first()/.test(x),"isEmpty",[])'),
        ("a ? .5 : b.first()", 'a ? .5 : __extend(b,"first",[])'),
        ("{a:1}.isEmpty()", '__extend({a:1},"isEmpty",[])'),
        ("-(5).abs()", '-__extend((5),"abs",[])'),
        ("typeof a.first()", 'typeof __extend(a,"first",[])'),
        ("f(x)(y)[0].first()", '__extend(f(x)(y)[0],"first",[])'),
        ("a\n  .first()", '__extend(a,"first",[])'),
        ("a.b // .first()\n .last()", '__extend(a.b,"last",[])'),
        ("x.map(t => t.isEmpty()).sum()",
         '__extend(x.map(t => __extend(t,"isEmpty",[])),"sum",[])'),
        ("x[y.first()].last(z.first())",
         '__extend(x[__extend(y,"first",[])],"last",[__extend(z,"first",[])])'),
        ("`a ${b.first()} ${`${c.last()}`}`",
         '`a ${__extend(b,"first",[])} ${`${__extend(c,"last",[])}`}`'),
        ("a?.first()", '__optional(a,(__value1)=>__extend(__value1,"first",[]))'),
        ("a?.b.first()", '__optional(a,(__value1)=>__extend(__value1.b,"first",[]))'),
        ("a?.[0].first()", '__optional(a,(__value1)=>__extend(__value1[0],"first",[]))'),
        ("(a?.b).first()", '__extend((a?.b),"first",[])'),
        ("a?.first().b.last()",
         '__optional(a,(__value1)=>__extend(__extend(__value1,"first",[]).b,"last",[]))'),
    ],
)  # fmt: skip
def test_a_call_of_an_extension_is_rewritten(code, rewritten):
    assert rewrite_extension_calls(code) == rewritten


@pytest.mark.parametrize(
    "code",
    [
        "$json.first", "$json.name.trim()", "'a.isEmpty()'", "first()", "x.firstName()",
        "a.first(", "a.first)", "(a.first()]", "'open.first()", "`open ${a.first()", ".first()",
        "+.first()", "return.first()", "a ?? .first()",
    ],
)  # fmt: skip
def test_other_code_and_code_that_cannot_be_read_stays_as_it_is(code):
    assert rewrite_extension_calls(code) == code


def test_a_flood_of_calls_is_left_alone():
    code = "a" + ".first()" * 501
    assert rewrite_extension_calls(code) == code


@given(
    st.lists(
        st.sampled_from(
            [".first()", "?.last()", "(", ")", "[", "]", "{", "}", "`", "${", "'", '"', "/", "a",
             "1", " ", "\n", "=>", ",", "new ", "?.", ".", "isEmpty", "\\", "//", "/*"]
        ),
        max_size=12,
    )
)  # fmt: skip
def test_no_text_breaks_the_rewriting(parts):
    assert isinstance(rewrite_extension_calls("".join(parts)), str)


def test_both_sides_know_the_same_names():
    source = load_source("extensions")
    kinds = "string|numeric|boolean|array|object|date"
    bodies = re.findall(rf"\n  const (?:{kinds}) = {{\n(.*?)\n  }};", source, re.DOTALL)
    assert len(bodies) == 6
    named = {name for body in bodies for name in re.findall(r"^    (\w+)(?=[:(,])", body, re.M)}
    assert named == EXTENSIONS
