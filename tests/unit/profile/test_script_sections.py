"""Scripts and the files that they write, run by bash."""

from __future__ import annotations

import pathlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import render
from support.kickstarts import script_bodies, single_node_tree, tree

pytestmark = pytest.mark.programs


def scripts(
    folder: pathlib.Path, *elements: str, values: dict[str, str] | None = None
) -> list[str]:
    profile = compile_profile(
        single_node_tree(folder / "xml", *elements), "compute", values or {}, "rhel9"
    )
    return script_bodies(render(profile, values or {}))


def run(*texts: str) -> str:
    return "".join(process.run(["bash"], stdin=text, timeout=20).stdout for text in texts)


def write_file(
    folder: pathlib.Path, attributes: str, content: str, before: str = "", **values: str
) -> str:
    """Return the content that a <file> creates from a file with the content ``before``."""
    target = folder / "target"
    if before:
        target.write_text(before)
    run(
        *scripts(
            folder,
            f'<post><file name="{target}" {attributes}>{content}</file></post>',
            values=values,
        )
    )
    return target.read_text()


@pytest.mark.parametrize(
    ("attributes", "content", "before", "after"),
    [
        pytest.param("", "\na\nb\n", "old\n", "a\nb\n", id="create"),
        pytest.param('mode="create"', "\na\n", "", "a\n", id="mode create"),
        pytest.param('mode="append"', "\na\n", "old\n", "old\na\n", id="append"),
        pytest.param("", "a\n", "", "a\n", id="text behind the tag"),
        pytest.param("", "\n\na\n\n", "", "\na\n\n", id="blank lines are content"),
        pytest.param("", "\n  a\n\tb\n\t", "", "  a\n\tb\n", id="what indents the end tag is not"),
        pytest.param("", "", "old\n", "old\n", id="nothing touches"),
        pytest.param("", "<![CDATA[\n<&>\n]]>", "", "<&>\n", id="cdata"),
        pytest.param(
            "",
            "\n$HOME `id` \\\\ \\n 'x' &quot;\n",
            "",
            "$HOME `id` \\\\ \\n 'x' \"\n",
            id="literal",
        ),
        pytest.param('vars="literal"', "\n$HOME\n", "", "$HOME\n", id="vars literal"),
        pytest.param(
            'vars="expanded"',
            "\n$((6 * 7)) $(echo x)\n%end\nEOF\n",
            "",
            "42 x\n%end\nEOF\n",
            id="expanded",
        ),
        pytest.param('expr="echo a; echo b"', "", "old\n", "a\nb\n", id="expr"),
        pytest.param('expr="echo a" mode="append"', "", "old\n", "old\na\n", id="expr append"),
        pytest.param(
            'mode="pipe"', "\ntr a-z A-Z |\nsort\n", "b\na\n", "A\nB\n", id="pipe in place"
        ),
        pytest.param('rcs="false"', "\na\n", "", "a\n", id="rcs off"),
        pytest.param('rcs="true"', "\na\n", "", "a\n", id="rcs on"),
        pytest.param('cond="no"', "\na\n", "old\n", "old\n", id="cond that does not hold"),
        pytest.param('os="sunos"', "\na\n", "old\n", "old\n", id="os that does not hold"),
        pytest.param("cond=\"os == 'linux'\"", "\na\n", "old\n", "a\n", id="cond that holds"),
    ],
)
def test_a_file_element_writes_the_file_as_its_attributes_state(
    tmp_path: pathlib.Path, attributes: str, content: str, before: str, after: str
) -> None:
    assert write_file(tmp_path, attributes, content, before) == after


def test_a_pipe_can_read_another_file(tmp_path: pathlib.Path) -> None:
    (tmp_path / "source").write_text("b\na\n")
    assert write_file(tmp_path, f'mode="pipe" src="{tmp_path}/source"', "sort") == "a\nb\n"
    assert (tmp_path / "source").read_text() == "b\na\n"


def test_a_file_element_sets_owner_and_permissions_and_creates_folders(
    tmp_path: pathlib.Path,
) -> None:
    target = tmp_path / "a" / "b" / "c"
    run(*scripts(tmp_path, f'<post><file name="{target}" owner="0:0" perms="0640">x</file></post>'))
    assert (target.stat().st_mode & 0o7777, target.stat().st_uid) == (0o640, 0)


def test_a_file_keeps_its_permissions_when_it_is_written_again(tmp_path: pathlib.Path) -> None:
    (tmp_path / "target").touch(0o600)
    for attributes in ("", 'mode="append"', 'mode="pipe"', 'expr="echo"'):
        write_file(tmp_path, attributes, "" if "expr" in attributes else "cat")
        assert (tmp_path / "target").stat().st_mode & 0o777 == 0o600


CONTENT = st.text(st.sampled_from("ab EOF%end|\\$`'\"\t#\n"), max_size=30)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=CONTENT, value=st.text(st.sampled_from("ab %end|\\$`'\"\n&<é"), max_size=12))
def test_a_file_can_contain_any_content_with_any_value(
    tmp_path: pathlib.Path, content: str, value: str
) -> None:
    assert (
        write_file(tmp_path, "", f"\n[\n{content}\n&x;\n]\n", x=value)
        == f"[\n{content}\n{value}\n]\n"
    )


@pytest.mark.parametrize(
    "interpreter", ["", 'interpreter="/bin/sh"', 'arg="--interpreter /bin/bash"']
)
def test_a_script_line_that_looks_like_an_end_marker_reaches_the_shell(
    tmp_path: pathlib.Path, interpreter: str
) -> None:
    (script,) = scripts(
        tmp_path,
        f"<post {interpreter}>\ncat &lt;&lt;'X'\n%end\n&x;\nX\nexit 0\n</post>",
        values={"x": "y"},
    )
    assert run(script) == "%end\ny\n"


@pytest.mark.parametrize("value", ["", "y"])
def test_an_empty_value_does_not_turn_a_script_line_into_an_end_marker(
    tmp_path: pathlib.Path, value: str
) -> None:
    (script,) = scripts(
        tmp_path, "<post>\ncat &lt;&lt;'X'\n&x;%end\nX\necho last\n</post>", values={"x": value}
    )
    assert run(script) == f"{value}%end\nlast\n"


def test_a_protected_script_keeps_its_status_and_its_values(
    tmp_path: pathlib.Path,
) -> None:
    (script,) = scripts(
        tmp_path,
        f'<post>\n<file name="{tmp_path}/f">\n&x;\n</file>\ncat {tmp_path}/f - &lt;&lt;Y\n'
        '%end\nY\necho "&x;"\nexit 3</post>',
        values={"x": "a\n%end\nb"},
    )
    finished = process.run(["bash"], stdin=script, timeout=20, ok=(3,))
    assert finished.stdout == "a\n%end\nb\n%end\na\n%end\nb\n"


def test_a_script_in_another_language_runs_with_its_interpreter(tmp_path: pathlib.Path) -> None:
    path = single_node_tree(
        tmp_path, '<post interpreter="/usr/bin/python3">\nprint("&name;")\n</post>'
    )
    text = render(compile_profile(path, "compute", {}, "rhel9"), {"name": "San Diego"})
    assert "%post --interpreter=/usr/bin/python3 " in text
    assert (
        process.run(["python3"], stdin=script_bodies(text)[0], timeout=20).stdout == "San Diego\n"
    )


@pytest.mark.parametrize(
    ("element", "message"),
    [
        ('<post>"<file name="/x">a</file>"</post>', "inside quotes"),
        (
            '<post>cat &lt;&lt;X\n<file name="/x">a</file>\nX\n</post>',
            "inside quotes or a here-document",
        ),
        (
            '<post interpreter="/usr/bin/python3"><file name="/x">a</file></post>',
            "<file>",
        ),
        ('<post><file name="relative">a</file></post>', "relative"),
        ('<post><file name="/x" expr="true">a</file></post>', "both expr= and text"),
        ("<post><package>a</package></post>", "<package>"),
        ('<post arg="--shutdown">x</post>', "--shutdown"),
        ('<post interpreter="/bin/sh; rm -rf /">x</post>', "not the path of a program"),
        ("<post>a\u2028b</post>", "U\\+2028"),
    ],
)
def test_a_script_that_cannot_be_compiled_is_an_error_with_its_place(
    tmp_path: pathlib.Path, element: str, message: str
) -> None:
    with pytest.raises(DescriptionError, match=message) as caught:
        compile_profile(single_node_tree(tmp_path, element), "compute", {}, "rhel9")
    assert f"{tmp_path}/nodes/compute.xml:" in str(caught.value)


def test_a_compile_reports_all_errors_of_all_files_in_order(tmp_path: pathlib.Path) -> None:
    path = tree(
        tmp_path,
        {
            "graphs/default/g.xml": '<graph><edge from="a" to="b"/></graph>',
            "nodes/a.xml": "<kickstart>\n<nonsense/>\n<post cond='('>x</post></kickstart>",
            "nodes/b.xml": "<kickstart><main><partx>/</partx></main>",
        },
    )
    with pytest.raises(DescriptionError) as caught:
        compile_profile(path, "a", {}, "rhel9")
    lines = str(caught.value).splitlines()
    assert lines[0] == "3 errors"
    assert [line.split(": ")[0].removeprefix(f"{tmp_path}/") for line in lines[1:]] == [
        "nodes/a.xml:2",
        "nodes/a.xml:3",
        "nodes/b.xml:1",
    ]


@pytest.mark.parametrize(
    ("script", "line"),
    [
        pytest.param("cat &lt;&lt;&x;\na\nEOF", 3, id="a delimiter with a reference"),
        pytest.param("true\ncat &lt;&lt;'EOF'\n&x;&y;\nEOF", 5, id="two values in one line"),
        pytest.param("cat &lt;&lt;EOF\n$(\n&x;\n)\nEOF", 5, id="a line inside a substitution"),
        pytest.param("cat &lt;&lt;EOF\n&x;\nEOF\necho '", 4, id="quotes that never close"),
    ],
)
def test_a_reference_that_no_quoting_makes_safe_is_an_error_with_its_line(
    tmp_path: pathlib.Path, script: str, line: int
) -> None:
    with pytest.raises(DescriptionError, match=rf"nodes/compute\.xml:{line}: .*here-document"):
        scripts(tmp_path, f"<post>\n{script}\n</post>", values={"x": "y", "y": "z"})


def test_no_value_is_an_option_of_the_commands_that_write_a_file(tmp_path: pathlib.Path) -> None:
    element = '<post><file name="/srv/a" owner="&x;" perms="&y;"/></post>'
    (script,) = scripts(tmp_path, element, values={"x": "--help", "y": "--help"})
    assert "chown -- --help /srv/a\nchmod -- --help /srv/a\n" in script
