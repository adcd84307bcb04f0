"""rocks_dist with a database compiles the nodes' profiles, and keeps generations of orders."""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.memberships import (
    list_memberships,
    put_membership,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import list_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    set_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.scoped_values import Scope
from ansible_collections.npaci.rocks.plugins.module_utils.install.orders import (
    create_orders,
    list_live,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.installer_packages import (
    all_names,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.package_list import (
    PackageList,
    count_changes,
    read_package_list,
)
from ansible_collections.npaci.rocks.plugins.module_utils.workflows import compile_profiles
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.install_targets import (
    resolve_pins,
)
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
    """The options of a distribution for the Compute nodes of Table II."""
    for membership in list_memberships(table_ii):
        distribution = "rocks" if membership.name in ("Compute", "Frontend") else ""
        put_membership(table_ii, membership.name, distribution=distribution)
    xml = site.folder / "xml"
    for path, text in {
        "graphs/default/site.xml": GRAPH,
        "nodes/compute.xml": NODE,
        "nodes/base.xml": NODE,
    }.items():
        (xml / path).parent.mkdir(parents=True, exist_ok=True)
        (xml / path).write_text(text)
    local = site.directory("local", [Rpm("bash"), *map(Rpm, sorted(all_names()))])
    return {
        "name": "rocks",
        "path": str(site.root),
        "database": urls.administrator,
        "release": "rhel9",
        "xml": [str(xml)],
        "sources": [{"name": "local", "type": "directory", "path": local.path}],
    }


def build(options: dict[str, Any]) -> dict[str, Any]:
    """Run the module, and return its result."""
    result = module("rocks_dist", options)
    assert "failed" not in result, result["msg"]
    return result


def stored_roots(site: Site) -> list[str]:
    """Return the graph root of each stored profile."""
    return sorted(
        path.name.partition("-")[0]
        for path in (site.tree("rocks") / "build" / "profiles").glob("*.json")
    )


@pytest.mark.parametrize(("name", "other"), [("kernel", ""), ("grub2-tools", "efibootmgr")])
def test_a_package_that_the_installer_adds_must_be_in_the_distribution(
    options: dict[str, Any], name: str, other: str
) -> None:
    build(options)
    for path in pathlib.Path(options["sources"][0]["path"]).glob("*.rpm"):
        if path.name.startswith((f"{name}-1", f"{other or name}-1")):
            path.unlink()
    result = module("rocks_dist", {**options, "allow_shrink": True})
    assert "failed" in result
    assert f" {name}" in result["msg"] and "the installer" in result["msg"]


def test_nodes_with_equal_attributes_share_a_profile(
    site: Site, table_ii: Database, options: dict[str, Any]
) -> None:
    assert build(options)["changed"]
    assert stored_roots(site) == ["compute"]

    set_attribute(table_ii, "infiniband", "yes", Scope(node="compute-0-2"))
    assert build(options)["changed"]

    assert stored_roots(site) == ["compute", "compute"]


def test_the_packages_that_a_profile_installs_are_listed_with_it(
    site: Site, table_ii: Database, options: dict[str, Any]
) -> None:
    """Only a change of one of them changes the list, whatever else a new generation contains."""
    folder = pathlib.Path(options["sources"][0]["path"])
    node = list_nodes(table_ii, ["compute-0-0"])

    def listed() -> tuple[str, PackageList]:
        generation = build(options)["generation"]
        pin = resolve_pins(table_ii, node, str(site.root))["compute-0-0"]
        assert pin.generation == generation
        packages = read_package_list(str(site.tree("rocks") / "build" / "profiles"), pin.profile)
        assert packages is not None
        return generation, packages

    first, packages = listed()
    names = {nevra.rsplit("-", 2)[0] for nevra in packages}
    assert {"bash", "kernel", "grub2-efi-x64"} <= names and "rdma-core" not in names
    write(Rpm("unrelated"), folder)
    second, same = listed()
    assert second != first and same == packages
    write(Rpm("bash", "2"), folder)
    assert count_changes(packages, listed()[1]) == 1


def test_an_attribute_without_effect_on_profiles_makes_no_new_generation(
    site: Site, table_ii: Database, options: dict[str, Any]
) -> None:
    build(options)
    set_attribute(table_ii, "contact", "another person")

    assert not build(options)["changed"]


def test_a_node_with_an_unknown_root_stops_the_build_except_the_frontend(
    table_ii: Database, options: dict[str, Any]
) -> None:
    build(options)
    put_membership(table_ii, "NFS Server", distribution="rocks")

    message = module("rocks_dist", options)["msg"]
    assert '"nas"' in message and '"default"' in message


def test_an_error_in_xml_that_no_node_uses_stops_the_build(
    site: Site, options: dict[str, Any]
) -> None:
    before = build(options)["generation"]
    (pathlib.Path(options["xml"][0]) / "nodes" / "spare.xml").write_text(
        "<kickstart>\n<packages>x</packages>\n</kickstart>"
    )

    result = module("rocks_dist", options)

    assert result["failed"]
    assert result["msg"].startswith(f"{options['xml'][0]}/nodes/spare.xml:2: <packages>")
    assert site.tree("rocks").resolve().name == before


def test_warnings_about_the_xml_are_returned_by_every_run(options: dict[str, Any]) -> None:
    spare = pathlib.Path(options["xml"][0]) / "nodes" / "spare.xml"
    spare.write_text("<kickstart/>")

    for result in (module("rocks_dist", options, check=True), build(options), build(options)):
        (warning,) = result["lint"]
        assert warning.startswith(f"{spare}:1: ")
        assert warning in json.dumps(result["warnings"])


def test_the_first_warnings_are_printed_and_all_returned(options: dict[str, Any]) -> None:
    for number in range(30):
        (pathlib.Path(options["xml"][0]) / "nodes" / f"spare-{number:02}.xml").write_text(
            "<kickstart/>"
        )

    result = build(options)

    printed = json.dumps(result["warnings"])
    assert len(result["lint"]) == 30
    assert "spare-19.xml" in printed
    assert "spare-20.xml" not in printed
    assert "10 more" in printed


def test_a_missing_package_is_reported_with_file_and_line(
    options: dict[str, Any],
) -> None:
    node = pathlib.Path(options["xml"][0]) / "nodes" / "compute.xml"
    node.write_text(NODE.replace("bash", "bash\nslurmd"))

    message = module("rocks_dist", options)["msg"]
    assert re.match(rf'distribution "rocks": .*\n{node}:5: slurmd .*\(for compute\); ', message)


def test_a_membership_without_nodes_has_a_profile_for_its_first_node(
    table_ii: Database, options: dict[str, Any]
) -> None:
    profiles = compile_profiles.load_profile_set(table_ii, "rocks", "aarch64")

    assert profiles.required == []
    assert ("compute", "Compute") in [
        (request.root, request.attributes["membership"]) for request in profiles.optional
    ]


def test_a_generation_of_a_live_order_is_kept(
    site: Site, table_ii: Database, options: dict[str, Any]
) -> None:
    first = build(options)["generation"]
    nodes = [node for node in list_nodes(table_ii) if node.name == "compute-0-0"]
    create_orders(
        table_ii,
        resolve_pins(table_ii, nodes, str(site.root)),
        by="test",
        now="2026-11-22 09:14:05",
    )
    assert [order.pin.generation for order in list_live(table_ii)] == [first]

    for number in range(3):
        write(Rpm("extra", str(number)), pathlib.Path(options["sources"][0]["path"]))
        build({**options, "keep": 1})

    listed = [
        entry["generation"]
        for entry in module("rocks_dist_info", name="rocks", path=str(site.root))["generations"]
    ]
    assert first in listed
    assert len(listed) == 2
