"""<eval>, <include> and <var>: their results, and the place of each line."""

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
from support.kickstarts import single_node_tree, tree

RAN: list[tuple[str, str]] = []


def evaluator_that_prints(output: str) -> Evaluate:
    RAN.clear()

    def evaluate(script: str, interpreter: str) -> str:
        RAN.append((script, interpreter))
        return output

    return evaluate


def compile_node(folder: pathlib.Path, *elements: str, output: str = "", **values: str) -> Profile:
    return compile_profile(
        single_node_tree(folder, *elements),
        "compute",
        values,
        "rhel9",
        evaluate=evaluator_that_prints(output),
    )


def body(profile: Profile, **values: str) -> str:
    """Return the lines of the only script."""
    return render(profile, values).partition("%post")[2].partition("\n")[2].partition("%end")[0]


def test_an_eval_is_replaced_by_the_output_of_its_program(tmp_path: pathlib.Path) -> None:
    profile = compile_node(
        tmp_path, '<post>a\n<eval shell="python">print(1)</eval>b\n</post>', output="<&x;>\n"
    )
    assert body(profile) == "a\n<&x;>\nb\n"
    assert RAN == [("print(1)\n", "python")]


def test_elements_that_an_eval_prints_have_the_line_of_the_eval(tmp_path: pathlib.Path) -> None:
    profile = compile_node(
        tmp_path,
        '<post>\n<eval mode="xml">x</eval>\n</post>',
        output='<file name="/etc/x">\n&host;\n</file>\necho',
    )
    assert "|compute-0-0\nEOF\n" in body(profile, host="compute-0-0")
    places = {
        line.origin.line
        for line in render_with_origins(profile, {"host": "h"})
        if line.origin and "EOF" in line.text
    }
    assert places == {3}


def test_an_eval_can_be_in_a_command(tmp_path: pathlib.Path) -> None:
    profile = compile_node(
        tmp_path, "<main><rootpw>--iscrypted <eval>gen</eval></rootpw></main>", output="$6$x$y\n"
    )
    assert "\nrootpw --iscrypted $6$x$y\n" in render(profile, {})


def test_attributes_in_an_eval_are_part_of_the_shape(tmp_path: pathlib.Path) -> None:
    profile = compile_node(
        tmp_path, "<post><eval>rocks list host &hostname;</eval></post>", hostname="a; rm -rf /"
    )
    assert profile.shape == {"hostname": "a; rm -rf /"}
    assert RAN == [("rocks list host 'a; rm -rf /'\n", "/bin/sh")]


def test_an_eval_does_not_run_if_its_condition_does_not_hold(tmp_path: pathlib.Path) -> None:
    compile_node(
        tmp_path, '<post cond="no"><eval>x</eval></post><post><eval os="sunos">y</eval>z</post>'
    )
    assert RAN == []


def test_a_failed_eval_is_an_error_with_its_line(tmp_path: pathlib.Path) -> None:
    def fails(script: str, interpreter: str) -> str:
        raise CommandError("ended with status 1", interpreter)

    path = single_node_tree(tmp_path, "<post>\n\n<eval>false</eval></post>")
    with pytest.raises(
        DescriptionError, match=r"compute.xml:4: <eval> failed: ended with status 1"
    ):
        compile_profile(path, "compute", {}, "rhel9", evaluate=fails)


def test_an_eval_is_an_error_without_an_evaluator(tmp_path: pathlib.Path) -> None:
    with pytest.raises(DescriptionError, match=r"compute.xml:2: <eval>"):
        compile_profile(
            single_node_tree(tmp_path, "<post><eval>x</eval></post>"), "compute", {}, "rhel9"
        )


def test_an_eval_in_xml_mode_that_prints_no_xml_is_an_error(tmp_path: pathlib.Path) -> None:
    with pytest.raises(DescriptionError, match=r"compute.xml:2:1: <file> is not closed"):
        compile_node(tmp_path, '<post><eval mode="xml">x</eval></post>', output="<file>")


def test_included_lines_have_the_lines_of_the_included_file(tmp_path: pathlib.Path) -> None:
    path = single_node_tree(tmp_path, '<post>\na\n<include file="part"/>\nb\n</post>')
    tree(tmp_path, {"include/part": "one\ntwo"})
    profile = compile_profile(path, "compute", {}, "rhel9")
    lines = [
        (line.text, str(line.origin))
        for line in render_with_origins(profile, {})
        if line.text in ("a", "one", "two", "b")
    ]
    assert lines == [
        ("a", "nodes/compute.xml:3"),
        ("one", "include/part:1"),
        ("two", "include/part:2"),
        ("b", "nodes/compute.xml:5"),
    ]


def test_an_include_can_contain_elements(tmp_path: pathlib.Path) -> None:
    path = single_node_tree(tmp_path, '<post>\n<include file="part" mode="xml"/>\n</post>')
    tree(tmp_path, {"include/part": '<file name="/x">&host;</file>'})
    assert "|h\n" in body(compile_profile(path, "compute", {}, "rhel9"), host="h")


def test_a_file_can_have_the_content_of_an_include_file(tmp_path: pathlib.Path) -> None:
    path = single_node_tree(tmp_path, '<post><file name="/x" include="part"/></post>')
    tree(tmp_path, {"include/part": "<&>\n"})
    assert "|<&>\n" in body(compile_profile(path, "compute", {}, "rhel9"))


def test_a_missing_include_file_is_an_error_except_for_sinclude(tmp_path: pathlib.Path) -> None:
    with pytest.raises((NotFound, DescriptionError), match="include/part"):
        compile_node(tmp_path, '<post><include file="part"/></post>')
    assert body(compile_node(tmp_path, '<post>a<sinclude file="part"/>b\n</post>')) == "ab\n"


def test_the_var_of_rocks_5_is_a_reference_or_sets_a_value(
    tmp_path: pathlib.Path,
) -> None:
    profile = compile_node(
        tmp_path,
        '<var name="local" val="here"/>',
        '<post>\necho <var name="Kickstart_PrivateAddress"/>'
        ' <var name="local"/> "<var name="x"/>"\n</post>',
    )
    text = body(profile, Kickstart_PrivateAddress="10.1.1.1", x='a"b')
    assert text == 'echo 10.1.1.1 here "a\\"b"\n'


def test_comments_and_descriptions_are_not_compiled(tmp_path: pathlib.Path) -> None:
    profile = compile_node(
        tmp_path, "<description>&undefined; %end</description><post>a<!-- &b; -->\nc\n</post>"
    )
    assert body(profile) == "a\nc\n"
