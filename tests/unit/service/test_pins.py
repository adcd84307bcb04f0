"""What an order of a node pins: the published generation, and in it the profile that fits the node."""

from __future__ import annotations

import pathlib

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Pin
from ansible_collections.npaci.rocks.plugins.module_utils.service.pins import pin as pinned
from support.frontend import NOW, publish

NAMES = ["compute-0-0", "compute-0-1", "nfs-0-0", "network-0-0", "frontend-0"]


def test_a_node_pins_what_its_distribution_publishes_now(cluster: Database, root: pathlib.Path) -> None:
    publish(root, "first")
    latest = publish(root, "second")
    found = pinned(cluster, str(root), ["compute-0-0", "compute-0-1"])
    assert found.pins == {"compute-0-0": latest, "compute-0-1": latest}


def test_a_node_that_no_profile_fits_says_why_and_the_others_are_pinned(
    cluster: Database, root: pathlib.Path, pin: Pin
) -> None:
    found = pinned(cluster, str(root), NAMES)
    assert sorted(found.pins) == ["compute-0-0", "compute-0-1"]
    assert sorted(found.without) == ["frontend-0", "nfs-0-0"]
    assert 'no profile for the root "nas"' in found.without["nfs-0-0"]


def test_a_distribution_that_was_never_published_is_named(cluster: Database, root: pathlib.Path) -> None:
    (said,) = pinned(cluster, str(root), ["compute-0-0"]).without.values()
    assert "'rocks' was never published for x86_64" in said
    assert "rebuild-dist.yml" in said


def test_what_was_pinned_can_be_ordered_and_served(cluster: Database, root: pathlib.Path, pin: Pin) -> None:
    found = pinned(cluster, str(root), ["compute-0-0"])
    (said,) = orders.order(cluster, found.pins, by="root", now=NOW)
    assert said.order is not None
    assert said.order.pin == pin
