"""rocks_dist on a frontend with a database: the profiles are those of its nodes, and their orders keep generations."""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.attributes import set_attribute
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.memberships import (
    list_memberships,
    put_membership,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import list_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.scoped_values import Scope
from ansible_collections.npaci.rocks.plugins.module_utils.install.orders import live, order
from ansible_collections.npaci.rocks.plugins.module_utils.workflows import compile_profiles
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.install_targets import pins
from support.cluster import Urls
from support.distributions import Site
from support.modules import run as module
from support.rpms import Rpm, write

NODE = """<?xml version="1.0"?>
<kickstart>
  <main><text/><rootpw>--lock</rootpw><autopart/></main>
  <package>bash</package>
  <package cond="infiniband == 'yes'">rdma-core</package>
</kickstart>
"""
GRAPH = """<?xml version="1.0"?>
<graph>
  <attribute name="infiniband" default="no">whether there is an adapter</attribute>
  <edge from="compute" to="base"/>
</graph>
"""


@pytest.fixture
def options(site: Site, table_ii: Database, urls: Urls) -> dict[str, Any]:
    """A distribution for the Compute nodes of Table II."""
    for one in list_memberships(table_ii):
        put_membership(
            table_ii, one.name, distribution="rocks" if one.name in ("Compute", "Frontend") else ""
        )
    xml = site.folder / "xml"
    for path, text in {
        "graphs/default/site.xml": GRAPH,
        "nodes/compute.xml": NODE,
        "nodes/base.xml": NODE,
    }.items():
        (xml / path).parent.mkdir(parents=True, exist_ok=True)
        (xml / path).write_text(text)
    local = site.directory("local", [Rpm("bash"), Rpm("rdma-core")])
    return {
        "name": "rocks", "path": str(site.root), "database": urls.administrator, "release": "rhel9", "xml": [str(xml)],
        "sources": [{"name": "local", "type": "directory", "path": local.path}],
    }  # fmt: skip


def built(options: dict[str, Any]) -> dict[str, Any]:
    answer = module("rocks_dist", options)
    assert "failed" not in answer, answer["msg"]
    return answer


def stored(site: Site) -> list[str]:
    return sorted(
        path.name.partition("-")[0]
        for path in (site.tree("rocks") / "build" / "profiles").iterdir()
    )


def test_nodes_of_one_shape_share_a_profile_and_others_get_their_own(
    site: Site, table_ii: Database, options: dict[str, Any]
) -> None:
    assert built(options)["changed"]
    assert stored(site) == ["compute"]

    set_attribute(table_ii, "infiniband", "yes", Scope(node="compute-0-2"))
    assert built(options)["changed"]

    assert stored(site) == ["compute", "compute"]


def test_an_attribute_that_no_profile_asks_for_makes_no_other_generation(
    site: Site, table_ii: Database, options: dict[str, Any]
) -> None:
    built(options)
    set_attribute(table_ii, "contact", "somebody else")

    assert not built(options)["changed"]


def test_a_node_whose_root_no_file_describes_stops_the_build_but_the_frontend_may_be_one(
    table_ii: Database, options: dict[str, Any]
) -> None:
    built(options)
    put_membership(table_ii, "NFS Server", distribution="rocks")

    message = module("rocks_dist", options)["msg"]
    assert '"nas"' in message and '"default"' in message


def test_what_the_lint_calls_an_error_stops_the_build_though_no_node_uses_it(
    site: Site, options: dict[str, Any]
) -> None:
    before = built(options)["generation"]
    (pathlib.Path(options["xml"][0]) / "nodes" / "spare.xml").write_text(
        "<kickstart>\n<packages>x</packages>\n</kickstart>"
    )

    answer = module("rocks_dist", options)

    assert answer["failed"]
    assert answer["msg"].startswith(f"{options['xml'][0]}/nodes/spare.xml:2: <packages>")
    assert site.tree("rocks").resolve().name == before


def test_what_the_lint_only_warns_of_is_told_every_time(options: dict[str, Any]) -> None:
    spare = pathlib.Path(options["xml"][0]) / "nodes" / "spare.xml"
    spare.write_text("<kickstart/>")
    told = [f"{spare}:1: spare is a node file that no root reaches"]

    for answer in (module("rocks_dist", options, check=True), built(options), built(options)):
        assert answer["lint"] == told
        assert told[0] in json.dumps(answer["warnings"])


def test_of_many_warnings_the_first_are_told_and_all_returned(options: dict[str, Any]) -> None:
    for number in range(30):
        (pathlib.Path(options["xml"][0]) / "nodes" / f"spare-{number:02}.xml").write_text(
            "<kickstart/>"
        )

    answer = built(options)

    told = json.dumps(answer["warnings"])
    assert len(answer["lint"]) == 30
    assert (
        "spare-19.xml" in told,
        "spare-20.xml" in told,
        "and 10 more; see unmet and lint" in told,
    ) == (
        True,
        False,
        True,
    )


def test_a_package_that_is_not_there_is_told_with_the_line_that_wants_it(
    options: dict[str, Any],
) -> None:
    node = pathlib.Path(options["xml"][0]) / "nodes" / "compute.xml"
    node.write_text(NODE.replace("bash", "bash\nslurmd"))

    message = module("rocks_dist", options)["msg"]
    assert re.match(rf'distribution "rocks": .*\n{node}:5: slurmd .*\(for compute\); ', message)


def test_a_membership_without_nodes_has_a_profile_for_its_first_node(
    table_ii: Database, options: dict[str, Any]
) -> None:
    found = compile_profiles.load_profile_set(table_ii, "rocks", "aarch64")

    assert found.required == []
    assert ("compute", "Compute") in [
        (one.root, one.attributes["membership"]) for one in found.optional
    ]


def test_a_generation_that_an_order_pins_stays(
    site: Site, table_ii: Database, options: dict[str, Any]
) -> None:
    first = built(options)["generation"]
    chosen = [node for node in list_nodes(table_ii) if node.name == "compute-0-0"]
    order(table_ii, pins(table_ii, chosen, str(site.root)), by="test", now="2026-11-22 09:14:05")
    assert [one.pin.generation for one in live(table_ii)] == [first]

    for number in range(3):
        write(Rpm("extra", str(number)), pathlib.Path(options["sources"][0]["path"]))
        built({**options, "keep": 1})

    listed = [
        one["generation"]
        for one in module("rocks_dist_info", name="rocks", path=str(site.root))["generations"]
    ]
    assert first in listed
    assert len(listed) == 2
