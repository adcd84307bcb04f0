"""The statements of docs/profiles.md are true."""

from __future__ import annotations

import pathlib
import re

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.profile import releases, value_rules
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.model import (
    COMPILE_RULE,
    AttributeDeclaration,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.lint import lint
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import render
from ansible_collections.npaci.rocks.plugins.module_utils.profile.xml import (
    attribute_types,
    expressions,
    vocabulary,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.xml.layers import XmlLayers
from support.kickstarts import parse_strictly, single_node_tree, tree
from support.profiles import LAYERS, ORDER, ROOTS, SUPPORTED, XML, node_attributes

ROOT = pathlib.Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "profiles.md").read_text()
PACKAGE = ROOT / "plugins" / "module_utils" / "profile"
NOT_IN_THE_TABLE = {"not-a-node-file", "refused-element"}  # documented in the text about elements


def test_the_first_example_compiles(tmp_path: pathlib.Path) -> None:
    node, graph = re.findall(r"```xml\n<!-- xml/\S+ -->\n(.*?)```", PAGE, re.DOTALL)
    absent = {
        f"nodes/{name}.xml": "<kickstart/>"
        for name in ("frontend", "base", "compute", "mpi", "c-development")
    }
    path = tree(
        tmp_path, {"graphs/default/base.xml": graph, "nodes/dhcp-server.xml": node, **absent}
    )
    assert [
        package.name for package in compile_profile(path, "frontend", {}, "rhel10").packages
    ] == ["kea"]
    assert len(compile_profile(path, "compute", {}, "rhel10").nodes) == 4


def test_the_example_with_cdata_gives_the_value_of_the_attribute(tmp_path: pathlib.Path) -> None:
    (post,) = re.findall(r"<post><!\[CDATA.*?</post>", PAGE, re.DOTALL)
    profile = compile_profile(single_node_tree(tmp_path, post), "compute", {}, "rhel9")
    assert 'hostnamectl hostname "compute-0-0"' in render(profile, {"hostname": "compute-0-0"})
    assert "&&" in render(profile, {"hostname": "compute-0-0"})


def test_every_type_of_attributes_is_in_the_table() -> None:
    table = PAGE.partition("| `type` | permits |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == list(attribute_types.TYPES)


def test_the_table_lists_all_rules() -> None:
    rules = {COMPILE_RULE}
    for file in PACKAGE.rglob("*.py"):
        rules |= set(re.findall(r'rule="([a-z-]+)"', file.read_text()))
    section = PAGE.partition("| rule | finds |")[2].partition("\n\n")[0]
    documented = {
        name
        for row in re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)
        for name in re.findall(r"`([a-z-]+)`", row)
    }
    assert documented == rules - NOT_IN_THE_TABLE


def test_every_element_is_documented() -> None:
    for name, rule in vocabulary.NODE_ELEMENTS.items():
        if name != "native" and not (rule.fate == vocabulary.DROPPED and not rule.hint):
            assert re.search(rf"<{name}\b|`{name}`", PAGE), name


@pytest.mark.parametrize(
    "line",
    PAGE.partition("## Conditions")[2].partition("```\n")[2].partition("```")[0].splitlines(),
)
def test_the_example_conditions_can_be_parsed(line: str) -> None:
    expressions.parse(line)


def test_every_release_is_documented() -> None:
    assert all(f"`{name}`" in PAGE for name in [*releases.RELEASES, *releases.ALIASES])


def test_the_plain_characters_are_those_of_the_page() -> None:
    (listed,) = re.findall(r"another language's code \| letters, digits and `([^`]*)`", PAGE)
    assert "".join(
        sorted(
            c for c in map(chr, range(33, 127)) if value_rules.PLAIN.match(c) and not c.isalnum()
        )
    ) == "".join(sorted(listed.replace(" ", "")))


def values_column(declaration: AttributeDeclaration) -> str:
    """The allowed values of an attribute, or the name of its type."""
    if declaration.values:
        return ", ".join(f"`{value}`" for value in declaration.values)
    return "" if declaration.type == "str" else declaration.type


def test_the_table_lists_all_attributes_of_the_shipped_profiles(
    request: pytest.FixtureRequest,
) -> None:
    head = "| attribute | default | values | meaning |\n|---|---|---|---|\n"
    before, _head, remainder = (ROOT / "docs" / "profiles.md").read_text().partition(head)
    table, _end, after = remainder.partition("\n\n")
    declarations = [
        item
        for item in XmlLayers(LAYERS).graph.attributes
        if "the service sets it" not in item.meaning
    ]
    rows = "\n".join(
        f"| `{item.name}` | {f'`{item.default}`' if item.default else ''} | {values_column(item)}"
        f" | {item.meaning} |"
        for item in declarations
    )
    if request.config.getoption("--renew"):
        (ROOT / "docs" / "profiles.md").write_text(f"{before}{head}{rows}\n\n{after}")
    else:
        assert table == rows, "pytest --renew updates the table"


def test_the_table_lists_all_appliances() -> None:
    table = PAGE.partition("| root | is |")[2].partition("\n\n")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == ROOTS


# The five changes: each diff is applied to an empty folder of a site.

SITE = PAGE.partition("## Five changes of a site")[2].partition("\n## ")[0]
CHANGES = dict(
    re.findall(r"^\*\*([^*]*)\.\*\*.*?```diff\n(.*?)```", SITE, re.MULTILINE | re.DOTALL)
)
TITLES = (
    "A package on all nodes",
    "A service on one rack",
    "Another partition layout",
    "A kernel of your own",
    "A new appliance",
)


def apply(folder: pathlib.Path, *names: str) -> list[str]:
    """Return the layers of a site that made these changes: ours, and its own folder."""
    folder.mkdir(exist_ok=True)
    for name in names:
        process.run(
            ["patch", "--strip=1", f"--directory={folder}"], stdin=CHANGES[name], timeout=30
        )
    return [XML, str(folder)]


def render_node(layers: list[str], root: str, release: str = "rhel9", **attributes: str) -> str:
    node = {
        **node_attributes(root if root in ROOTS else "compute", **attributes),
        "appliance": root,
    }
    return render(compile_profile(layers, root, node, release), {**node, **ORDER})


def difference(layers: list[str], root: str, **attributes: str) -> tuple[set[str], set[str]]:
    """Return the lines that a change adds to a node's kickstart, and those that it removes."""
    before, after = (
        {
            line
            for line in render_node(paths, root, **attributes).splitlines()
            if not line.startswith("# ")
        }
        for paths in ([XML], layers)
    )
    return after - before, before - after


def test_the_page_shows_the_five_changes() -> None:
    assert tuple(CHANGES) == TITLES


@pytest.mark.programs
def test_a_site_can_add_a_package_to_all_nodes_but_the_frontend(tmp_path: pathlib.Path) -> None:
    layers = apply(tmp_path / "site", TITLES[0])
    for root in ("compute", "login", "nas", "web"):
        assert difference(layers, root) == ({"strace"}, set())
    assert difference(layers, "frontend") == (set(), set())


@pytest.mark.programs
def test_a_site_can_add_a_service_to_one_rack(tmp_path: pathlib.Path) -> None:
    layers = apply(tmp_path / "site", TITLES[1])
    added, removed = difference(layers, "compute", rack="1")
    assert {"pcp", "systemctl enable pmcd pmlogger"} <= added and removed == set()
    assert difference(layers, "compute", rack="0") == (set(), set())


@pytest.mark.programs
def test_a_site_can_replace_the_partition_layout(tmp_path: pathlib.Path) -> None:
    added, removed = difference(apply(tmp_path / "site", TITLES[2]), "compute")
    assert {line.split()[0] for line in added if line.startswith("|")} == {
        "|/var",
        "|/state/partition1",
        "|/scratch",
    }
    assert [line.split()[0] for line in removed if line.startswith("|")] == ["|/state/partition1"]


@pytest.mark.programs
def test_a_site_can_replace_the_kernel_of_compute_nodes(tmp_path: pathlib.Path) -> None:
    layers = apply(tmp_path / "site", TITLES[3])
    assert difference(layers, "compute") == ({"kernel-lt", "-kernel"}, set())
    assert difference(layers, "nas") == (set(), set())


@pytest.mark.programs
def test_a_site_can_add_an_appliance(tmp_path: pathlib.Path) -> None:
    profile = compile_profile(
        apply(tmp_path / "site", TITLES[4]), "viz", node_attributes("compute"), "rhel9"
    )
    assert {"paraview", "openmpi", "gcc"} <= {package.name for package in profile.packages}
    assert {"viz", "managed-node", "users", "mpi", "partition", "boot-report"} <= {
        node.name for node in profile.nodes
    }


@pytest.mark.programs
def test_all_changes_of_a_site_together_are_valid_for_every_release(tmp_path: pathlib.Path) -> None:
    layers = apply(tmp_path / "site", *CHANGES)
    roots = {root: node_attributes(root) for root in ROOTS} | {"viz": node_attributes("compute")}
    assert lint(layers, roots, SUPPORTED) == ()
    for root in ("compute", "viz"):
        for release in SUPPORTED:
            parse_strictly(render_node(layers, root, release), release)
