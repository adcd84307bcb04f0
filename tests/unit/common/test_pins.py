# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An order pins what is published at that moment."""

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
def described(table_ii: Database) -> Database:
    for name, value in ATTRIBUTES.items():
        table_ii.execute(
            "insert into attributes (scope, owner, name, value) values ('global', 0, ?, ?)",
            (name, value),
        )
    return table_ii


def test_a_node_is_pinned_to_the_published_generation_and_the_profile_of_its_shape(
    described: Database, tmp_path: pathlib.Path
) -> None:
    pin = publish(tmp_path)
    chosen = list_nodes(described, ["compute-0-0", "compute-0-3"])
    assert resolve_pins(described, chosen, str(tmp_path)) == {
        "compute-0-0": pin,
        "compute-0-3": pin,
    }


def test_what_is_published_later_is_pinned_later(
    described: Database, tmp_path: pathlib.Path
) -> None:
    kept, chosen = LibraryCache(), list_nodes(described, ["compute-0-0"])
    first = publish(tmp_path)
    assert resolve_pins(described, chosen, str(tmp_path), kept) == {"compute-0-0": first}
    second = publish(
        tmp_path,
        "5d20f1c3bb28",
        files={"nodes/compute.xml": "<kickstart><package>vim</package></kickstart>"},
    )
    assert (
        resolve_pins(described, chosen, str(tmp_path), kept)
        == {"compute-0-0": second}
        != {"compute-0-0": first}
    )


def test_every_node_that_nothing_can_be_installed_on_is_told_with_its_reason(
    described: Database, tmp_path: pathlib.Path
) -> None:
    publish(tmp_path)
    described.execute("update nodes set arch = 'aarch64' where name = 'compute-0-1'")
    with pytest.raises(RocksError) as caught:
        resolve_pins(
            described,
            list_nodes(described, ["compute-0-0", "compute-0-1", "nfs-0-0", "network-0-0"]),
            str(tmp_path),
        )
    told = str(caught.value)
    assert "compute-0-0" not in told
    assert (
        "compute-0-1" in told
        and "has no generation for aarch64; build and publish one: rocks_dist" in told
    )
    assert 'nfs-0-0: no profile for the root "nas"' in told
    assert "network-0-0: its membership has no distribution" in told


def test_a_generation_without_profiles_is_told(described: Database, tmp_path: pathlib.Path) -> None:
    (tmp_path / "rocks").mkdir()
    (tmp_path / "rocks" / "x86_64").symlink_to("../.generations/rocks/x86_64/empty")
    with pytest.raises(
        NotFound,
        match=r"compute-0-0: .*empty/build/profiles: no compiled profiles; rebuild the distribution",
    ):
        resolve_pins(described, list_nodes(described, ["compute-0-0"]), str(tmp_path))
