"""Programs for nodes are files of the tree; a kickstart has their names and hashes only."""

from __future__ import annotations

import hashlib
import pathlib
import re

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.render import render
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.serialization import (
    profile_sha256,
)
from support.kickstarts import single_node_tree, tree
from support.profiles import ROOTS, SUPPORTED, fetched_programs, kickstart, scripts, written_files

KICKSTART_BYTES = 15 * 1024  # of a compute node
FETCH = '<pre>\n<file name="/list"><sha256sums/></file>\n</pre>'


def lines(*paths: str, **attributes: str) -> list[str]:
    """Return the lines of the list of programs."""
    text = render(compile_profile(paths, "compute", attributes, "rhel9"), attributes)
    return re.findall(r"(?m)^\|([0-9a-f]{64}  .*)$", text)


def listed(name: str, content: str) -> str:
    """Return what sha256sum prints for a program."""
    return f"{hashlib.sha256(content.encode()).hexdigest()}  {name}"


def test_the_list_has_the_hash_of_each_program_once_sorted_by_name(tmp_path: pathlib.Path) -> None:
    elements = (FETCH, "<program>\nwatch\ncheck\n</program>", "<program>check</program>")
    path = single_node_tree(tmp_path, *elements)
    tree(tmp_path, {"programs/check": "one\n", "programs/watch": "&hostname;\n", "programs/no": ""})
    assert lines(path) == [listed("check", "one\n"), listed("watch", "&hostname;\n")]


def test_a_condition_decides_whether_a_program_is_fetched(tmp_path: pathlib.Path) -> None:
    path = single_node_tree(tmp_path, FETCH, '<program cond="rack == 1">check</program>')
    tree(tmp_path, {"programs/check": ""})
    assert lines(path, rack="1") == [listed("check", "")]
    assert lines(path, rack="2") == []


def test_the_program_of_a_later_layer_counts(tmp_path: pathlib.Path) -> None:
    ours = single_node_tree(tmp_path / "ours", FETCH, "<program>check</program>")
    tree(tmp_path / "ours", {"programs/check": "ours"})
    site = tree(tmp_path / "site", {"programs/check": "the site's", "nodes/x.xml": "<kickstart/>"})
    assert lines(ours, site) == [listed("check", "the site's")]


def test_the_hash_of_a_profile_covers_its_programs_and_no_others(tmp_path: pathlib.Path) -> None:
    path = single_node_tree(tmp_path, FETCH, "<program>check</program>")

    def sha256(**programs: str) -> str:
        tree(tmp_path, {f"programs/{name}": text for name, text in programs.items()})
        return profile_sha256(compile_profile(path, "compute", {}, "rhel9"))

    first = sha256(check="one", other="one")
    assert sha256(check="one", other="two") == first
    assert sha256(check="two", other="two") != first


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        ((FETCH, "<program>chek</program>"), r"compute.xml:\d+: programs/chek not found"),
        ((FETCH, "<program>../x</program>"), r"compute.xml:\d+: \"../x\" is not a valid name"),
        ((FETCH, "<program>a b</program>"), r"compute.xml:\d+: \"a b\" is not a valid name"),
        (("<program>check</program>",), r"compute.xml:\d+: .*; add an edge to the node programs"),
        (
            (FETCH, '<post>\n<file name="/x"><include file="check"/></file>\n</post>'),
            r"include/check not found; programs/check exists; use <program>",
        ),
    ],
)
def test_a_program_that_cannot_be_fetched_is_an_error(
    tmp_path: pathlib.Path, elements: tuple[str, ...], message: str
) -> None:
    path = single_node_tree(tmp_path, *elements)
    tree(tmp_path, {"programs/check": "", "x": ""})
    with pytest.raises(RocksError, match=message):
        compile_profile(path, "compute", {}, "rhel9")


def test_the_kickstart_for_a_medium_contains_the_programs(tmp_path: pathlib.Path) -> None:
    program = "#!/bin/sh\n\n%end\necho '&hostname;' $HOME \\\n"
    write = '<pre>\n<programs folder="/run/x"/>\n</pre>'
    path = single_node_tree(tmp_path, write, "<program>check</program>")
    tree(tmp_path, {"programs/check": program})
    (script,) = scripts(render(compile_profile(path, "compute", {}, "rhel9"), {}), "rhel9")
    assert written_files(script.text) == [("/run/x/check", program)]


@pytest.mark.parametrize("release", SUPPORTED)
def test_a_compute_kickstart_can_be_read(release: str) -> None:
    assert len(kickstart("compute", release).encode()) <= KICKSTART_BYTES


@pytest.mark.parametrize("root", ROOTS)
def test_the_programs_are_fetched_before_any_other_script(root: str) -> None:
    text = kickstart(root, "rhel9")
    nodes = [script.node for script in scripts(text, "rhel9")]
    first = "programs" if root == "frontend" else "install-order"
    assert nodes[0] == first and "programs" in nodes[:2]
    used = set(re.findall(r"/run/rocks/bin/([\w.-]+)(?![\w.{-])", text)) - {"sha256sums"}
    assert used <= set(fetched_programs(text))
