"""An escaped value remains a value; the installer's reader and bash are the oracles."""

from __future__ import annotations

import shlex
from typing import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.profile import escaping

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
        assert escaping.LINE_END.search(value)
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
        before = {"body": escaping.MARGIN, "body-twice": escaping.MARGIN * 2, "comment": "#"}.get(
            name, ""
        )
        lines = (before + escaped).splitlines()
        assert not any(line.lstrip().startswith("%") for line in lines), (name, escaped)


def test_a_file_can_contain_every_value() -> None:
    for value in NASTY:
        if not escaping.ODD_LINE_END.search(value):
            assert escaping.escape(value, "body").replace("\n" + escaping.MARGIN, "\n") == value


@pytest.mark.parametrize("name", sorted(escaping.ESCAPERS))
def test_a_nul_or_an_unpaired_surrogate_is_an_error_everywhere(name: str) -> None:
    for value in ("a\x00b", "\ud800"):
        with pytest.raises(ValueError, match="NUL"):
            escaping.escape(value, name)


@pytest.mark.parametrize("name", sorted(escaping.ESCAPERS))
def test_a_plain_value_is_written_unchanged_everywhere(name: str) -> None:
    assert (
        escaping.escape("compute-0-0.local:8080/x@y,z+1", name) == "compute-0-0.local:8080/x@y,z+1"
    )


def test_a_text_is_split_at_its_references() -> None:
    text = f"url --url=http://{escaping.placeholder('host', 'kickstart-word')}/x"
    assert escaping.split_references(text) == (
        "url --url=http://",
        ("host", "kickstart-word"),
        "/x",
    )
    assert escaping.unmark(text) == "url --url=http://&host;/x"
