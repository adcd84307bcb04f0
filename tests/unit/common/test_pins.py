# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An order pins the generation that is published when it is created."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import list_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.errors import NotFound, RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.install_targets import (
    LibraryCache,
    resolve_pins,
)
from support.frontend import ATTRIBUTES, publish


@pytest.fixture
def with_attributes(table_ii: Database) -> Database:
    for name, value in ATTRIBUTES.items():
        table_ii.execute(
            "insert into attributes (scope, owner, name, value) values ('global', 0, ?, ?)",
            (name, value),
        )
    return table_ii


def test_a_pin_contains_the_published_generation_and_the_matching_profile(
    with_attributes: Database, tmp_path: pathlib.Path
) -> None:
    pin = publish(tmp_path)
    nodes = list_nodes(with_attributes, ["compute-0-0", "compute-0-3"])
    assert resolve_pins(with_attributes, nodes, str(tmp_path)) == {
        "compute-0-0": pin,
        "compute-0-3": pin,
    }


def test_only_the_profiles_of_the_nodes_roots_are_read(
    with_attributes: Database, tmp_path: pathlib.Path
) -> None:
    pin = publish(tmp_path)
    folder = tmp_path / "rocks" / "x86_64" / "build" / "profiles"
    (folder / f"compute-gpu-{'0' * 16}.json").write_text("not read")
    nodes = list_nodes(with_attributes, ["compute-0-0", "nfs-0-0"])
    assert resolve_pins(with_attributes, nodes[:1], str(tmp_path)) == {"compute-0-0": pin}
    with pytest.raises(NotFound, match=r"root .nas.*roots: compute, compute-gpu"):
        resolve_pins(with_attributes, nodes[1:], str(tmp_path))


def test_a_later_publication_changes_later_pins_only(
    with_attributes: Database, tmp_path: pathlib.Path
) -> None:
    cache = LibraryCache()
    nodes = list_nodes(with_attributes, ["compute-0-0"])
    first = publish(tmp_path)
    assert resolve_pins(with_attributes, nodes, str(tmp_path), cache) == {"compute-0-0": first}
    second = publish(
        tmp_path,
        "5d20f1c3bb28",
        files={"nodes/compute.xml": "<kickstart><package>vim</package></kickstart>"},
    )
    assert (
        resolve_pins(with_attributes, nodes, str(tmp_path), cache)
        == {"compute-0-0": second}
        != {"compute-0-0": first}
    )


def test_the_error_contains_every_node_without_a_pin_and_its_reason(
    with_attributes: Database, tmp_path: pathlib.Path
) -> None:
    publish(tmp_path)
    with_attributes.execute("update nodes set arch = 'aarch64' where name = 'compute-0-1'")
    with pytest.raises(RocksError) as caught:
        resolve_pins(
            with_attributes,
            list_nodes(with_attributes, ["compute-0-0", "compute-0-1", "nfs-0-0", "network-0-0"]),
            str(tmp_path),
        )
    message = str(caught.value)
    assert "compute-0-0" not in message
    assert (
        "compute-0-1" in message
        and "has no generation for aarch64; build and publish one: rocks_dist" in message
    )
    assert 'nfs-0-0: no profile for the root "nas"' in message
    assert "network-0-0: its membership has no distribution" in message


def test_a_generation_without_profiles_is_an_error(
    with_attributes: Database, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "rocks").mkdir()
    (tmp_path / "rocks" / "x86_64").symlink_to("../.generations/rocks/x86_64/empty")
    with pytest.raises(
        NotFound,
        match=r"compute-0-0: .*empty/build/profiles: no compiled profiles",
    ):
        resolve_pins(with_attributes, list_nodes(with_attributes, ["compute-0-0"]), str(tmp_path))
