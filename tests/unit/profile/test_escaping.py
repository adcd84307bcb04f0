"""An escaped value remains a value; the installer's reader and bash are the oracles."""

from __future__ import annotations

import shlex
from typing import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.profile import escaping, value_rules
from ansible_collections.npaci.rocks.plugins.module_utils.profile.file_escaping import FILE_ESCAPERS

NASTY = [
    "plain",
    "",
    "two words",
    "it's",
    'say "hi"',
    "a&b;c|d>e<f",
    "$HOME `id` $(id) ${x} \\n",
    "%end",
    "  %end",
    "# not a comment",
    "a\nb",
    "a\n%end\nb",
    "a\u2028%end",
    "x\r%end",
    "\\",
    "'",
    '"',
    "-n",
    "*",
    "~",
    "EOF",
    "tab\there",
    "é漢",
    "\x1b[0m",
    "!history",
    "=x",
]
VALUES = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.sampled_from("ab '\"\\$`%&#;\n\r\t\u2028\x85\x0b|(){}[]*?~!<>=/-"), max_size=12),
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12),
)
KICKSTART: Mapping[str, tuple[str, Callable[[str], list[str]]]] = {
    "kickstart-word": (
        "command --option=<{}> next",
        lambda value: ["command", f"--option=<{value}>", "next"],
    ),
    "kickstart-double": (
        'command --option="<{}>" next',
        lambda value: ["command", f"--option=<{value}>", "next"],
    ),
    "kickstart-single": (
        "command --option='<{}>' next",
        lambda value: ["command", f"--option=<{value}>", "next"],
    ),
}


@pytest.mark.parametrize("name", sorted(KICKSTART))
@given(value=VALUES)
def test_a_value_in_a_command_is_one_word_on_one_line(name: str, value: str) -> None:
    template, expected = KICKSTART[name]
    try:
        line = template.format(escaping.escape(value, name))
    except ValueError:
        assert value_rules.LINE_END.search(value)
        return
    assert len(line.splitlines()) == 1
    assert shlex.split(line, comments=True) == expected(value)


@given(value=VALUES)
def test_a_value_that_is_a_word_of_its_own_is_split_into_words(value: str) -> None:
    try:
        words = shlex.split(value)
        line = "command " + escaping.escape(value, "kickstart-words") + " next"
    except ValueError:
        return
    assert len(line.splitlines()) == 1
    assert shlex.split(line, comments=True) == ["command", *words, "next"]


@given(value=VALUES)
def test_no_escaped_value_begins_a_line_with_a_percent_sign(value: str) -> None:
    for name in escaping.ESCAPERS:
        if name.startswith("kickstart"):
            continue
        try:
            escaped = escaping.escape(value, name)
        except ValueError:
            continue
        # A body is behind a margin from its first line on; a comment behind its sign.
        before = {"body-twice": escaping.MARGIN * 2, "comment": "#"}.get(
            name, escaping.MARGIN if name in (*FILE_ESCAPERS, "body") else ""
        )
        lines = (before + escaped).splitlines()
        assert not any(line.lstrip().startswith("%") for line in lines), (name, escaped)


def test_a_file_can_contain_every_value() -> None:
    for value in NASTY:
        if not value_rules.ODD_LINE_END.search(value):
            assert escaping.escape(value, "body").replace("\n" + escaping.MARGIN, "\n") == value


@pytest.mark.parametrize("name", sorted(escaping.ESCAPERS))
def test_a_nul_or_an_unpaired_surrogate_is_an_error_everywhere(name: str) -> None:
    for value in ("a\x00b", "\ud800"):
        with pytest.raises(ValueError, match="NUL"):
            escaping.escape(value, name)


@pytest.mark.parametrize("name", sorted(set(escaping.ESCAPERS) - escaping.STRICT))
def test_a_plain_value_is_written_unchanged_everywhere(name: str) -> None:
    assert (
        escaping.escape("compute-0-0.local:8080/x@y,z+1", name) == "compute-0-0.local:8080/x@y,z+1"
    )


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("number", ["a", "a[0]", "1+1", "08x", " 1"]),
        ("pattern", ["a/b"]),
        ("unit-path", ["+/bin/sh", "sh"]),
        ("sudoers", ["ALL", "a,b", "a:b", "%wheel", "@include"]),
        ("yaml-part", ["a: b", "a,b", "@x", "# x"]),
        ("yaml-double", ["{{ lookup('pipe', 'id') }}", "{% x %}"]),
        ("certificate", ["%end", "a;b"]),
    ],
)
def test_a_value_that_has_a_meaning_in_its_context_is_refused(name: str, values: list[str]) -> None:
    for value in values:
        with pytest.raises(ValueError, match=r"\w"):
            escaping.escape(value, name)


@given(value=VALUES)
def test_the_delimiter_of_a_here_document_is_refused_where_it_could_end_it(value: str) -> None:
    for context in ("shell-literal~EOF", "plain+shell-literal-tabs~EOF"):
        with pytest.raises(ValueError, match="end the here-document"):
            escaping.escape("EOF", context)
    try:
        text = escaping.escape(value, "shell-literal~EOF")
    except ValueError:
        return
    assert text != "EOF"


def test_a_text_is_split_at_its_references() -> None:
    text = f"url --url=http://{escaping.placeholder('host', 'kickstart-word')}/x"
    assert escaping.split_references(text) == (
        "url --url=http://",
        ("host", "kickstart-word"),
        "/x",
    )
    assert escaping.unmark(text) == "url --url=http://&host;/x"
