"""A file that is not well-formed: the line, the characters, and what to write instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.profile.xml.reader import parse_xml

SCRIPT = "<kickstart>\n<post>\ntrue\n%s\n</post>\n</kickstart>\n"


def failure(text: str) -> DescriptionError:
    with pytest.raises(DescriptionError) as caught:
        parse_xml(text.encode(), "n.xml")
    return caught.value


@pytest.mark.parametrize(
    ("line", "token", "escaped"),
    [
        ("make && make install", "&&", "&amp;&amp;"),
        ("cat > /etc/a <<'EOT'", "<<", "&lt;&lt;"),
        ("ls 2>&1", "2>&1", "2>&amp;1"),
        ("curl 'x?a=1&b=2'", "x?a=1&b=2", "x?a=1&amp;b=2"),
        ("done < list", "<", "&lt;"),
        ("sleep 9 &", "& in column 9", "&amp;"),
        ("done < <(ls)", "< in column 6", "&lt;"),
        ("if (( a <b )); then", "<b", "&lt;b"),
        ("é <b ]", "<b in column 3", "&lt;b"),
        ("sort <list", "<list", "&lt;list"),
        ("sort <list >sorted\n", "<list>", "&lt;"),
        ("diff <(a) <(b)", "<(a)", "&lt;(a)"),
        ("#include <stdio.h>", "<stdio.h>", "&lt;"),
        ("[[ a ]]>b", "]]>", "]]&gt;"),
        ("x=$((1<<2))", "x=$((1<<2))", "x=$((1&lt;&lt;2))"),
    ],
)
def test_characters_of_a_script_are_named_with_their_line_and_escaped_form(
    line: str, token: str, escaped: str
) -> None:
    error = failure(SCRIPT % line)
    assert error.where == "n.xml:4"
    assert token in error.what
    assert f"write {escaped}" in error.hint
    assert "<![CDATA[" in error.hint


@given(
    line=st.lists(
        st.sampled_from(["a", " ", "&&", "<<", "&", "<", ">", "'", '"', "1", "(", "EOF", "=", ";"]),
        min_size=1,
    ).map("".join)
)
def test_a_line_is_well_formed_or_an_error_at_the_line(line: str) -> None:
    try:
        parse_xml((SCRIPT % line).encode(), "n.xml")
    except DescriptionError as error:
        assert error.where == "n.xml:4"
        assert error.hint


@pytest.mark.parametrize(
    ("text", "where", "what", "hint"),
    [
        ("<k>\n<post a='1'>\n</k>", 2, "<post>", "</post>"),
        ("<k>\n<post>\n", 2, "<post>", "</post>"),
        ("<k>\n<!-- a\n</k>", 2, "comment", "-->"),
        ("<k>\n<!-- a -- b -->\n</k>", 2, '"--"', "- -"),
        ("<k>\n<post><![CDATA[\nx\n</post></k>", 2, "CDATA", "]]>"),
        ("<k/>\nx", 2, "outermost", "inside"),
        ("<k>\n<post os=linux/></k>", 2, "os=", '"value"'),
        ("<k>\n<post cond='a && b'/></k>", 2, "&&", "and"),
        ("<k>\n<post cond='a < b'/></k>", 2, "<", "&lt;"),
        ("<k>\n<post a='1' a='2'/></k>", 2, "twice", "remove"),
        ("<k>\n\x1b</k>", 2, "U+001B", "remove"),
        ("", 1, "no element", ""),
    ],
)
def test_other_mistakes_are_named_at_their_place(
    text: str, where: int, what: str, hint: str
) -> None:
    error = failure(text)
    assert error.where == f"n.xml:{where}"
    assert what in error.what
    assert hint in error.hint
