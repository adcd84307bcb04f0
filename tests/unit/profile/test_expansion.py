"""<eval>, <include> and <var>: what they give, and where it says it comes from."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    CommandError,
    DescriptionError,
    NotFound,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.model import Evaluate, Profile
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import (
    render,
    render_with_origins,
)
from support.kickstarts import one, tree

RAN: list[tuple[str, str]] = []


def says(printed: str) -> Evaluate:
    RAN.clear()

    def evaluate(script: str, interpreter: str) -> str:
        RAN.append((script, interpreter))
        return printed

    return evaluate


def compiled(folder: pathlib.Path, *elements: str, printed: str = "", **values: str) -> Profile:
    return compile_profile(
        one(folder, *elements), "compute", values, "rhel9", evaluate=says(printed)
    )


def body(profile: Profile, **values: str) -> str:
    """The one script's lines."""
    return render(profile, values).partition("%post")[2].partition("\n")[2].partition("%end")[0]


def test_an_eval_gives_what_its_program_prints_as_text(tmp_path: pathlib.Path) -> None:
    profile = compiled(
        tmp_path, '<post>a\n<eval shell="python">print(1)</eval>b\n</post>', printed="<&x;>\n"
    )
    assert body(profile) == "a\n<&x;>\nb\n"
    assert RAN == [("print(1)\n", "python")]


def test_an_eval_may_give_elements_and_their_place_is_its_own(tmp_path: pathlib.Path) -> None:
    profile = compiled(
        tmp_path,
        '<post>\n<eval mode="xml">x</eval>\n</post>',
        printed='<file name="/etc/x">\n&host;\n</file>\necho',
    )
    assert "|compute-0-0\nEOF\n" in body(profile, host="compute-0-0")
    places = {
        line.origin.line
        for line in render_with_origins(profile, {"host": "h"})
        if line.origin and "EOF" in line.text
    }
    assert places == {3}


def test_an_eval_may_stand_in_a_command(tmp_path: pathlib.Path) -> None:
    profile = compiled(
        tmp_path, "<main><rootpw>--iscrypted <eval>gen</eval></rootpw></main>", printed="$6$x$y\n"
    )
    assert "\nrootpw --iscrypted $6$x$y\n" in render(profile, {})


def test_what_an_eval_is_given_becomes_part_of_the_shape(tmp_path: pathlib.Path) -> None:
    profile = compiled(
        tmp_path, "<post><eval>rocks list host &hostname;</eval></post>", hostname="a; rm -rf /"
    )
    assert profile.shape == {"hostname": "a; rm -rf /"}
    assert RAN == [("rocks list host 'a; rm -rf /'\n", "/bin/sh")]


def test_an_eval_below_a_condition_that_does_not_hold_does_not_run(tmp_path: pathlib.Path) -> None:
    compiled(
        tmp_path, '<post cond="no"><eval>x</eval></post><post><eval os="sunos">y</eval>z</post>'
    )
    assert RAN == []


def test_an_eval_that_fails_fails_the_compile_with_its_place(tmp_path: pathlib.Path) -> None:
    def fails(script: str, interpreter: str) -> str:
        raise CommandError("ended with status 1", interpreter)

    path = one(tmp_path, "<post>\n\n<eval>false</eval></post>")
    with pytest.raises(
        DescriptionError, match=r"compute.xml:4: <eval> failed: /bin/sh: ended with status 1"
    ):
        compile_profile(path, "compute", {}, "rhel9", evaluate=fails)


def test_an_eval_without_anything_to_run_it_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(DescriptionError, match="none may run here"):
        compile_profile(one(tmp_path, "<post><eval>x</eval></post>"), "compute", {}, "rhel9")


def test_an_eval_that_prints_no_xml_where_it_should_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(DescriptionError, match=r"compute.xml:2:1: not well-formed"):
        compiled(tmp_path, '<post><eval mode="xml">x</eval></post>', printed="<file>")


def test_an_include_keeps_the_lines_of_its_own_file(tmp_path: pathlib.Path) -> None:
    path = one(tmp_path, '<post>\na\n<include file="part"/>\nb\n</post>')
    tree(tmp_path, {"include/part": "one\ntwo"})
    profile = compile_profile(path, "compute", {}, "rhel9")
    found = [
        (line.text, str(line.origin))
        for line in render_with_origins(profile, {})
        if line.text in ("a", "one", "two", "b")
    ]
    assert found == [
        ("a", "nodes/compute.xml:3"),
        ("one", "include/part:1"),
        ("two", "include/part:2"),
        ("b", "nodes/compute.xml:5"),
    ]


def test_an_include_may_hold_elements(tmp_path: pathlib.Path) -> None:
    path = one(tmp_path, '<post>\n<include file="part" mode="xml"/>\n</post>')
    tree(tmp_path, {"include/part": '<file name="/x">&host;</file>'})
    assert "|h\n" in body(compile_profile(path, "compute", {}, "rhel9"), host="h")


def test_a_file_may_take_its_content_from_an_include(tmp_path: pathlib.Path) -> None:
    path = one(tmp_path, '<post><file name="/x" include="part"/></post>')
    tree(tmp_path, {"include/part": "<&>\n"})
    assert "|<&>\n" in body(compile_profile(path, "compute", {}, "rhel9"))


def test_an_include_of_nothing_is_an_error_unless_it_may_be_absent(tmp_path: pathlib.Path) -> None:
    with pytest.raises((NotFound, DescriptionError), match="no include/part"):
        compiled(tmp_path, '<post><include file="part"/></post>')
    assert body(compiled(tmp_path, '<post>a<sinclude file="part"/>b\n</post>')) == "ab\n"


def test_the_var_of_rocks_5_is_a_reference_and_may_be_set_in_a_node_file(
    tmp_path: pathlib.Path,
) -> None:
    profile = compiled(
        tmp_path,
        '<var name="local" val="here"/>',
        '<post>\necho <var name="Kickstart_PrivateAddress"/> <var name="local"/> "<var name="x"/>"\n</post>',
    )
    text = body(profile, Kickstart_PrivateAddress="10.1.1.1", x='a"b')
    assert text == 'echo 10.1.1.1 here "a\\"b"\n'


def test_comments_are_gone_and_prose_is_not_compiled(tmp_path: pathlib.Path) -> None:
    profile = compiled(
        tmp_path, "<description>&undefined; %end</description><post>a<!-- &b; -->\nc\n</post>"
    )
    assert body(profile) == "a\nc\n"
