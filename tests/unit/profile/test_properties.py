"""Any graph, any node files, any attribute values: the rules that hold for all of them."""

from __future__ import annotations

import contextlib
import pathlib
import time
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError, RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.lint import lint
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import (
    matches,
    referenced_attributes,
    render,
    render_with_origins,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.serialization import (
    deserialize,
    serialize,
)
from support.kickstarts import single_node_tree, tree

NODES = "abcdef"
CONDITIONS = st.sampled_from(
    ["", 'cond="x"', 'cond="not y"', 'cond="x == 1 or z"', 'os="linux"', 'arch="i386,x86_64"']
)
EDGES = st.lists(
    st.tuples(st.sampled_from(NODES), st.sampled_from(NODES), CONDITIONS).map(
        lambda edge: f'<edge from="{edge[0]}" to="{edge[1]}" {edge[2]}/>'
    ),
    max_size=12,
).map("".join)
REFERENCE = st.sampled_from(["&x;", "&y;", "&free;", "&text;"])
WORDS = st.text(st.sampled_from("ab %-|'\"$`\n"), max_size=8).map(
    lambda text: text.replace("&", "")
)
SCRIPTS = st.lists(st.one_of(REFERENCE, WORDS), max_size=5).map("".join)
ELEMENTS = st.one_of(
    st.tuples(CONDITIONS, SCRIPTS).map(lambda t: f"<post {t[0]}>{t[1]}</post>"),
    st.tuples(CONDITIONS, SCRIPTS).map(
        lambda t: f'<post><file name="/etc/f" {t[0]}>{t[1]}</file></post>'
    ),
    st.tuples(CONDITIONS, REFERENCE).map(lambda t: f"<main {t[0]}><lang>{t[1]}</lang></main>"),
    CONDITIONS.map(lambda condition: f"<package {condition}>gcc</package>"),
    REFERENCE.map(
        lambda reference: f'<pre interpreter="/usr/bin/python3">print("{reference}")</pre>'
    ),
)
FILES = st.fixed_dictionaries(
    {name: st.lists(ELEMENTS, max_size=2).map("\n".join) for name in NODES}
)
VALUE = st.one_of(st.none(), st.sampled_from(["yes", "no", "1", "0", ""]))
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=10)
ATTRIBUTES = st.fixed_dictionaries(
    {
        "x": VALUE,
        "y": VALUE,
        "z": VALUE,
        "arch": st.sampled_from([None, "i386", "x86_64"]),
        "free": TEXT,
        "text": TEXT,
    }
).map(lambda values: {name: value for name, value in values.items() if value is not None})
SETTINGS = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def write_files(folder: pathlib.Path, edges: str, files: dict[str, str]) -> str:
    nodes = {
        f"nodes/{name}.xml": f"<kickstart>{content}</kickstart>" for name, content in files.items()
    }
    return tree(folder, {"graphs/default/g.xml": f"<graph>{edges}</graph>", **nodes})


@SETTINGS
@given(EDGES, FILES, ATTRIBUTES, ATTRIBUTES)
def test_two_nodes_share_a_profile_exactly_if_their_shapes_are_equal(
    tmp_path: pathlib.Path,
    edges: str,
    files: dict[str, str],
    first_values: dict[str, str],
    second_values: dict[str, str],
) -> None:
    path = write_files(tmp_path, edges, files)
    try:
        first, second = (
            compile_profile(path, "a", values, "rhel9") for values in (first_values, second_values)
        )
    except DescriptionError as error:
        assert "nodes/" in str(error)
        return
    assert matches(first, first_values)
    assert matches(first, second_values) == (first == second)
    assert deserialize(serialize(first)) == first


@SETTINGS
@given(EDGES, FILES, ATTRIBUTES)
def test_values_do_not_change_the_sections_of_a_kickstart(
    tmp_path: pathlib.Path, edges: str, files: dict[str, str], values: dict[str, str]
) -> None:
    path = write_files(tmp_path, edges, files)
    try:
        profile = compile_profile(path, "a", values, "rhel9")
        text = render(profile, values)
    except DescriptionError as error:
        assert "nodes/" in str(error)
        return
    template = [
        line.pieces[0].split()[0]
        for line in profile.lines
        if line.pieces and isinstance(line.pieces[0], str) and line.pieces[0].startswith("%")
    ]
    # As the installer splits lines, and looks for sections.
    assert [
        line.split()[0] for line in text.splitlines() if line.lstrip().startswith("%")
    ] == template
    assert "".join(line.text + "\n" for line in render_with_origins(profile, values)) == text
    assert set(referenced_attributes(profile)) <= set(values)
    assert not set(referenced_attributes(profile)) & {"\ue000"}


TAGS = st.sampled_from(
    ["post", "pre", "file", "main", "lang", "package", "eval", "include", "var", "configure", "x"]
)
NAMES = st.sampled_from(
    ["name", "mode", "cond", "arg", "interpreter", "perms", "val", "shell", "os", "disable", "file"]
)
VALUES = st.sampled_from(
    ["", "/etc/x", "x", "append", "pipe", "not", "&x;", "--nochroot", "xml", "../x", "sunos", "'"]
)


def element(tag: str, attributes: dict[str, str], children: list[str]) -> str:
    attribute_text = "".join(
        f" {name}={quoteattr(value)}".replace("&amp;x;", "&x;")
        for name, value in attributes.items()
    )
    return f"<{tag}{attribute_text}>{''.join(children)}</{tag}>"


MARKUP = st.recursive(
    st.one_of(st.sampled_from(["", "&x;", "\n%end\n", "'", "cat &lt;&lt;X\n", "-"]), WORDS),
    lambda inner: st.builds(
        element, TAGS, st.dictionaries(NAMES, VALUES, max_size=3), st.lists(inner, max_size=3)
    ),
    max_leaves=6,
)


HUGE = {
    "elements in elements": ("<post>" * 50_000 + "</post>" * 50_000, ""),
    "parentheses of a condition": (f'<post cond="{"(" * 50_000}1{")" * 50_000}">x</post>', ""),
    "terms of a condition": (f'<post cond="{" and ".join(["1"] * 50_000)}">x</post>', ""),
    "open commands of a shell": ("<post>" + "$(" * 50_000 + "&amp;</post>", ""),
    "lines with references": ("<post>" + "echo '&x;' \"&x;\" `a` ${y}\n" * 5_000 + "</post>", ""),
    "one long line": ("<post>" + "x" * 5_000_000 + "</post>", ""),
    "a chain of names without files": (
        "",
        "".join(f'<edge from="n{i}" to="n{i + 1}"/>' for i in range(3_000)),
    ),
    "a chain of orders": (
        "",
        "".join(f'<order head="n{i}" tail="n{i + 1}"/>' for i in range(3_000)),
    ),
}


@pytest.mark.parametrize("what", HUGE)
def test_the_compile_time_of_huge_inputs_is_limited(tmp_path: pathlib.Path, what: str) -> None:
    element, graph = HUGE[what]
    path = single_node_tree(
        tmp_path, element, graph=f'<edge from="compute" to="n0"/>{graph}' if graph else ""
    )
    began = time.process_time()
    with contextlib.suppress(RocksError):
        compile_profile(path, "compute", {"x": "1"}, "rhel9")
    assert time.process_time() - began < 5


@SETTINGS
@given(st.lists(MARKUP, max_size=3).map("".join), TEXT)
def test_every_node_file_compiles_or_is_an_error_with_its_place(
    tmp_path: pathlib.Path, content: str, value: str
) -> None:
    path = write_files(tmp_path, "", {"a": content})
    try:
        profile = compile_profile(
            path, "a", {"x": value}, "rhel9", evaluate=lambda script, _interpreter: script
        )
        text = render(profile, {"x": value})
    except RocksError as error:
        assert "nodes/a.xml:" in str(error)
        return
    assert text.splitlines().count("%end") == sum(
        line.pieces == ("%end",) for line in profile.lines
    )
    lint(path, {"a": {"x": value}}, ["rhel9"])
