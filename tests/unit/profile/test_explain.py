"""Why something is in a profile, and how two profiles differ."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.errors import NotFound
from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.explain import (
    Side,
    compare,
    explain,
)
from support.kickstarts import tree

FILES = {
    "graphs/default/g.xml": '<graph>\n<edge from="compute" to="mpi"/>\n'
    '<edge from="mpi" to="c-development"/>\n'
    '<edge from="compute" to="gpu" cond="gpu"/>\n</graph>',
    "nodes/compute.xml": "<kickstart><main>\n<lang>&lang;</lang></main></kickstart>",
    "nodes/mpi.xml": "<kickstart>\n<package>openmpi</package>\n<package>gcc</package></kickstart>",
    "nodes/c-development.xml": "<kickstart>\n<package>gcc</package></kickstart>",
    "nodes/gpu.xml": "<kickstart>\n<package>driver</package>"
    "<post>\nmodprobe x\n</post></kickstart>",
}


def side(folder: pathlib.Path, name: str, **attributes: str) -> Side:
    values = {"lang": "C", **attributes}
    return Side(name, compile_profile(tree(folder, FILES), "compute", values, "rhel9"), values)


def reasons(side_: Side, text: str) -> list[tuple[str, str, list[tuple[str, str]]]]:
    return [
        (reason.text, str(reason.origin), [(hop.node, str(hop.edge or "")) for hop in reason.path])
        for reason in explain(side_.profile, side_.values, text)
    ]


TO_MPI = [("compute", ""), ("mpi", "graphs/default/g.xml:2")]


def test_the_reasons_for_a_package_are_all_files_that_request_it(tmp_path: pathlib.Path) -> None:
    assert reasons(side(tmp_path, "x"), "gcc") == [
        (
            "gcc",
            "nodes/c-development.xml:2",
            [*TO_MPI, ("c-development", "graphs/default/g.xml:3")],
        ),
        ("gcc", "nodes/mpi.xml:3", TO_MPI),
    ]


def test_the_reason_for_a_node_is_the_edge_that_leads_to_it(tmp_path: pathlib.Path) -> None:
    assert reasons(side(tmp_path, "x"), "mpi") == [("mpi", "graphs/default/g.xml:2", TO_MPI)]


def test_a_line_is_found_by_any_part_of_its_rendered_text(tmp_path: pathlib.Path) -> None:
    assert reasons(side(tmp_path, "x", lang="en_US"), "lang en") == [
        ("lang en_US", "nodes/compute.xml:2", [("compute", "")])
    ]


def test_an_unknown_name_is_an_error_with_a_suggestion(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NotFound, match=r"openmpy.*did you mean openmpi"):
        reasons(side(tmp_path, "x"), "openmpy")


def test_two_nodes_differ_in_attributes_nodes_packages_and_lines(tmp_path: pathlib.Path) -> None:
    difference = compare(
        side(tmp_path, "compute-0-0", gpu="no", unused="1"),
        side(tmp_path, "compute-0-1", gpu="yes", lang="fr_FR"),
    )
    assert (difference.nodes_added, difference.nodes_removed) == (("gpu",), ())
    assert (difference.packages_added, difference.packages_removed) == (("driver",), ())
    assert difference.attributes == {"gpu": ("no", "yes"), "lang": ("C", "fr_FR")}
    lines = difference.text.splitlines()
    assert lines[:2] == ["--- compute-0-0", "+++ compute-0-1"]
    assert "-lang C    # nodes/compute.xml:2" in lines
    assert "+lang fr_FR    # nodes/compute.xml:2" in lines
    assert "+driver    # nodes/gpu.xml:2" in lines
    assert "+modprobe x    # nodes/gpu.xml:3" in lines


def test_a_kickstart_does_not_differ_from_itself(tmp_path: pathlib.Path) -> None:
    difference = compare(side(tmp_path, "x"), side(tmp_path, "y"))
    assert (
        difference.text,
        difference.attributes,
        difference.packages_added,
        difference.nodes_added,
    ) == (
        "",
        {},
        (),
        (),
    )
