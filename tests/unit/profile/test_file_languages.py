"""A value in a file that a node file writes: the reader of each language sees the value."""

from __future__ import annotations

import json
import pathlib
import shutil
from typing import Any, Callable

import pytest
import yaml
from lxml import etree

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import render
from support.kickstarts import script_bodies, single_node_tree

from .test_escaping import NASTY

pytestmark = pytest.mark.programs

VALUES = [
    *NASTY,
    "a: b",
    "- a",
    "yes",
    "null",
    "{a: b}",
    "[a]",
    "&anchor",
    "*alias",
    "!tag",
    "|",
    "a # b",
    "a\nkey2: b",
    "'a' 'b'",
    "</a><b>",
    "]]>",
    "<!-- ",
    "a\nExecStart=/bin/false",
    "a\\",
    "50%",
    "%n",
    "ALL",
    "root",
    "a ALL=(ALL) NOPASSWD: ALL",
    "#include /etc/x",
    "$(touch leak)",
    "a;touch leak",
    "{{ x }}",
]
MODES = ("literal", "expanded", "here-document", "quoted here-document")


# Each script writes the file again, in a subshell, and the file is copied for its value.
RUNNER = """
for script in scripts/*; do
  ( . "./$script" ) </dev/null && cp "$FILE" "files/${script#*/}" || exit 1
done
"""


def read_back(
    folder: pathlib.Path, name: str, content: str, mode: str, parse: Callable[[str], Any]
) -> dict[str, Any]:
    """Return what the reader of the language sees for each value that is accepted."""
    path = folder / name
    for parent in (path.parent, folder / "scripts", folder / "files"):
        parent.mkdir(parents=True, exist_ok=True)
    accepted: list[str] = []
    profile = compile_profile(
        single_node_tree(folder / "xml", post(path, content, mode)), "compute", {}, "rhel9"
    )
    for value in VALUES:
        try:
            (script,) = script_bodies(render(profile, {"x": value}))
        except DescriptionError as error:
            assert "nodes/compute.xml:" in str(error)
            continue
        (folder / "scripts" / f"{len(accepted):03}").write_text(script, encoding="utf-8")
        accepted.append(value)
    process.run(["bash"], stdin=RUNNER, cwd=str(folder), timeout=60, env={"FILE": str(path)})
    assert not (folder / "leak").exists()
    results = {}
    for number, value in enumerate(accepted):
        path.write_bytes((folder / "files" / f"{number:03}").read_bytes())
        results[value] = parse(path.read_bytes().decode())
    return results


def post(path: pathlib.Path, content: str, mode: str) -> str:
    """Return a <post> that writes a file with a <file> or a here-document."""
    body = "<![CDATA[" + content.replace("&x;", "]]>&x;<![CDATA[") + "]]>"
    if "here" in mode:
        delimiter = "'EOF'" if "quoted" in mode else "EOF"
        return f"<post>\ncat &gt; {path} &lt;&lt;{delimiter}\n{body}\nEOF\n</post>"
    return f'<post>\n<file name="{path}" vars="{mode}">\n{body}\n</file>\n</post>'


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("content", "typed"),
    [("a: &x;\nb: c", True), ("- a:\n  - &x;", True), ('a: "<&x;>"', False), ("a: '<&x;>'", False)],
)
def test_yaml_reads_the_value(tmp_path: pathlib.Path, mode: str, content: str, typed: bool) -> None:
    expected = yaml.safe_load(content.replace("&x;", "VALUE"))
    results = read_back(tmp_path, "vars.yml", content, mode, yaml.safe_load)
    assert {"a: b", "it's", "50%", "{a: b}"} <= set(results)
    assert "{{ x }}" not in results
    for value, document in results.items():
        written = {"yes": True, "null": None}.get(value, value) if typed else value
        assert json.dumps(document) == json.dumps(expected).replace(
            '"VALUE"', json.dumps(written)
        ).replace("VALUE", json.dumps(value)[1:-1])


@pytest.mark.parametrize("mode", MODES)
def test_json_reads_the_value(tmp_path: pathlib.Path, mode: str) -> None:
    results = read_back(tmp_path, "a.json", '{"a": "<&x;>", "b": 1}', mode, json.loads)
    assert 'say "hi"' in results
    assert all(document == {"a": f"<{value}>", "b": 1} for value, document in results.items())


@pytest.mark.parametrize("mode", MODES)
def test_xml_reads_the_value(tmp_path: pathlib.Path, mode: str) -> None:
    def parse(text: str) -> list[Any]:
        root = etree.fromstring(text.encode())
        return [root.get("b"), root.text, *(child.tag for child in root)]

    results = read_back(tmp_path, "a.xml", "<a b='&x;'>&x;</a>", mode, parse)
    assert {"</a><b>", "]]>", "it's", 'say "hi"', "a\nb"} <= set(results)
    for value, document in results.items():
        assert document == [value.replace("\t", " "), value or None]


@pytest.mark.parametrize("mode", ["literal", "expanded"])
@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_a_shell_that_reads_the_file_sees_the_value(
    tmp_path: pathlib.Path, mode: str, quote: str
) -> None:
    content = f"A={quote}&x;{quote}\n# &x;\nB=1"

    def source(_text: str) -> str:
        script = f'. {tmp_path}/etc/profile.d/a.sh; printf "<%s>" "$A$B"'
        return process.run(["bash"], stdin=script, cwd=str(tmp_path), timeout=20).stdout

    results = read_back(tmp_path, "etc/profile.d/a.sh", content, mode, source)
    assert {"a;touch leak", "$(touch leak)", "it's"} <= set(results)
    for value, printed in results.items():
        assert printed == f"<{value}1>".replace("\r", "\n")
    assert not (tmp_path / "leak").exists()


@pytest.mark.parametrize("mode", MODES)
def test_no_value_adds_a_line_to_a_file(tmp_path: pathlib.Path, mode: str) -> None:
    results = read_back(tmp_path, "etc/motd.conf", "a=&x;\nb", mode, str)
    assert "two words" in results
    for value, text in results.items():
        assert text == f"a={value}\nb\n"
        assert "\n" not in value


def test_a_reference_alone_on_its_line_can_be_any_text(tmp_path: pathlib.Path) -> None:
    results = read_back(tmp_path, "etc/motd", "a\n&x;\nb", "literal", str)
    assert "a\nb" in results
    assert all(text == f"a\n{value}\nb\n" for value, text in results.items())


@pytest.mark.parametrize("mode", ["literal", "here-document"])
def test_systemd_accepts_a_unit_with_the_value(tmp_path: pathlib.Path, mode: str) -> None:
    content = (
        "[Unit]\nDescription=a &x;\n[Service]\nType=oneshot\n"
        'Environment="A=&x;" B=&x;\nExecStart=/bin/true &x;'
    )

    results = read_back(tmp_path, "systemd/system/a.service", content, mode, str)
    assert {"plain", "50%", "%n"} <= set(results)
    for number, text in enumerate(results.values()):
        (tmp_path / f"unit{number}.service").write_text(text)
    units = sorted(map(str, tmp_path.glob("*.service")))
    assert not process.run(["systemd-analyze", "verify", "--man=no", *units], timeout=60).stderr
    for value, text in results.items():
        assert text.replace("%%", "%").count("\n") == content.count("\n") + 1
        assert f"Description=a {value}\n" in text.replace("%%", "%")


@pytest.mark.skipif(shutil.which("visudo") is None, reason="sudo is not installed")
def test_visudo_accepts_the_rule_and_nobody_else_gets_it(tmp_path: pathlib.Path) -> None:
    def check(text: str) -> str:
        path = tmp_path / "checked"
        path.write_text(text)
        process.run(["visudo", "-cf", str(path)], timeout=20)
        return text

    results = read_back(
        tmp_path, "etc/sudoers.d/a", "&x; localhost=(root) /bin/true", "literal", check
    )
    assert set(results) >= {"plain", "root"}
    assert not {"ALL", "a ALL=(ALL) NOPASSWD: ALL", "#include /etc/x"} & set(results)
