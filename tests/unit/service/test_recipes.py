"""What a node runs is what it would get, or the differences are named."""

from __future__ import annotations

import json
import pathlib
from typing import Callable, Mapping, Optional

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.nodes import list_nodes
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.attributes import (
    set_attribute,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.scoped_values import Scope
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.secret_hashes import (
    hashes_for_nodes,
)
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.values.secret_values import (
    set_secret,
)
from ansible_collections.npaci.rocks.plugins.module_utils.install import orders
from ansible_collections.npaci.rocks.plugins.module_utils.install.model import Order, Pin
from ansible_collections.npaci.rocks.plugins.module_utils.profile.output.package_list import (
    format_package_list,
)
from ansible_collections.npaci.rocks.plugins.module_utils.service.node_values import (
    comparable_values,
    order_values,
)
from ansible_collections.npaci.rocks.plugins.module_utils.settings import Settings
from ansible_collections.npaci.rocks.plugins.module_utils.tree_paths import package_list_name
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.compare_nodes import (
    compare_nodes,
)
from ansible_collections.npaci.rocks.plugins.module_utils.workflows.install_targets import (
    resolve_pins,
)
from support.frontend import BASE, NOW, HttpService, publish

NODE = "compute-0-0"
ADDRESS = "10.255.255.245"
HASH = "$6$salt$hash"
OTHER_HASH = "$6$salt$other"
NEWER = "5d2af1c3bb28"
PACKAGES = {"bash-5.1-9.el9.x86_64": "aa", "chrony-4.3-1.el9.x86_64": "bb"}


def install(service: HttpService, db: Database, pin: Pin, *, again: bool = False) -> Order:
    """Install compute-0-0 over HTTP, as a machine does."""
    (verdict,) = orders.create_orders(db, {NODE: pin}, by="root", now=NOW, force=again, rearm=again)
    order = verdict.order
    assert order is not None
    service.start_installer(ADDRESS, order.uuid)
    assert service.post("/rocks/secrets", ADDRESS, order=order.uuid).status == 200
    report = {"profile": pin.profile, "generation": pin.generation}
    for phase in ("installed", "up"):
        reply = service.post("/rocks/events", ADDRESS, order=order.uuid, phase=phase, **report)
        assert reply.status == 200, reply.text
    return order


def list_packages(root: pathlib.Path, pin: Pin, packages: Mapping[str, str]) -> None:
    """Store the packages that a profile installs, as the build does."""
    folder = root / ".generations/rocks/x86_64" / pin.generation / "build/profiles"
    text = format_package_list(packages.items())
    (folder / package_list_name(pin.profile)).write_text(text)


@pytest.fixture
def installed(cluster: Database, service: HttpService, pin: Pin, root: pathlib.Path) -> Order:
    """compute-0-0 is up, with a secret and listed packages."""
    set_secret(cluster, "root_password_hash", HASH)
    list_packages(root, pin, PACKAGES)
    return install(service, cluster, pin)


def differences(service: HttpService, db: Database) -> Optional[tuple[str, ...]]:
    pins = resolve_pins(db, list_nodes(db, [NODE]), service.settings.distributions)
    comparison = compare_nodes(db, pins, service.settings)[NODE]
    (verdict,) = orders.preview(db, pins, {NODE: comparison})
    if comparison.differences is not None:
        assert (verdict.action == "unchanged") == (not comparison.differences)
        assert all(part in verdict.reason for part in comparison.differences)
    return comparison.differences


def test_an_installed_node_has_what_it_would_get(
    installed: Order, cluster: Database, service: HttpService
) -> None:
    assert differences(service, cluster) == ()


CHANGES: list[tuple[Callable[[Database], object], tuple[str, ...]]] = [
    (lambda db: set_attribute(db, "timezone", "CET"), ("timezone: UTC -> CET",)),
    (lambda db: set_attribute(db, "motd", "unused"), ()),
    (lambda db: set_attribute(db, "timezone", "UTC", Scope(node=NODE)), ()),
    (lambda db: set_secret(db, "root_password_hash", OTHER_HASH), ("secret root_password_hash",)),
    (lambda db: set_secret(db, "root_password_hash", HASH, Scope(node=NODE)), ()),
    (lambda db: set_secret(db, "munge_key", "x", Scope(node="compute-0-1")), ()),
    (lambda db: set_secret(db, "munge_key", "x"), ("secret munge_key",)),
    (lambda db: db.execute("update nodes set comment = 'new fan'"), ()),
]


@pytest.mark.parametrize("change, expected", CHANGES)
def test_each_value_and_secret_that_the_node_gets_counts_and_no_other(
    installed: Order,
    cluster: Database,
    service: HttpService,
    change: Callable[[Database], object],
    expected: tuple[str, ...],
) -> None:
    change(cluster)
    assert differences(service, cluster) == expected


def test_a_value_set_back_makes_no_difference(
    installed: Order, cluster: Database, service: HttpService
) -> None:
    for value in (OTHER_HASH, HASH):
        set_secret(cluster, "root_password_hash", value)
    assert differences(service, cluster) == ()


def test_a_generation_with_the_same_profile_and_packages_changes_nothing(
    installed: Order, cluster: Database, service: HttpService, root: pathlib.Path
) -> None:
    pin = publish(root, NEWER)
    list_packages(root, pin, PACKAGES)
    assert differences(service, cluster) == ()
    moved = publish(root, "aa", files={"nodes/base.xml": f"<!-- moved -->\n{BASE}"})
    assert moved.profile != pin.profile
    list_packages(root, moved, PACKAGES)
    assert differences(service, cluster) == ()


def test_changed_packages_are_counted_by_name(
    installed: Order, cluster: Database, service: HttpService, root: pathlib.Path
) -> None:
    pin = publish(root, NEWER)
    changed = {"bash-5.1-10.el9.x86_64": "cc", "chrony-4.3-1.el9.x86_64": "dd"}
    list_packages(root, pin, {**changed, "zsh-5-1.noarch": "ee"})
    assert differences(service, cluster) == ("3 packages",)


def test_a_changed_text_of_the_profile_is_named(
    installed: Order, cluster: Database, service: HttpService, root: pathlib.Path
) -> None:
    set_attribute(cluster, "timezone", "CET")
    pin = publish(root, NEWER, files={"nodes/base.xml": BASE.replace("--lock", "--plaintext x")})
    list_packages(root, pin, PACKAGES)
    assert differences(service, cluster) == ("timezone: UTC -> CET", "profile")


def test_without_lists_of_packages_generations_are_compared(
    installed: Order, cluster: Database, service: HttpService, root: pathlib.Path, pin: Pin
) -> None:
    publish(root, NEWER)
    assert differences(service, cluster) == (f"generation {pin.generation} -> {NEWER}",)


def test_a_node_from_before_recipes_is_compared_by_generation(
    installed: Order, cluster: Database, service: HttpService, pin: Pin
) -> None:
    cluster.execute("update installs set recipe = ''")
    set_attribute(cluster, "timezone", "CET")
    assert differences(service, cluster) is None
    comparisons = compare_nodes(cluster, {NODE: pin}, service.settings)
    (verdict,) = orders.preview(cluster, {NODE: pin}, comparisons)
    assert verdict.action == "unchanged" and "unknown" in verdict.reason
    newer = pin._replace(generation=NEWER)
    assert orders.preview(cluster, {NODE: newer}, comparisons)[0].action == "order"


def test_a_comparison_of_an_earlier_order_is_not_used(
    installed: Order, cluster: Database, service: HttpService, pin: Pin
) -> None:
    set_attribute(cluster, "timezone", "CET")
    stale = compare_nodes(cluster, {NODE: pin}, service.settings)
    install(service, cluster, pin, again=True)
    assert orders.preview(cluster, {NODE: pin}, stale)[0].action == "unchanged"


def test_a_reader_finds_no_value_of_a_secret_in_a_recipe(
    installed: Order, cluster: Database
) -> None:
    ((recipe, hashes),) = cluster.rows("select recipe, secret_hashes from installs")
    assert "root_password_hash" in hashes
    assert HASH not in recipe + hashes
    # Not a digest of the value alone: another site has other hashes.
    nodes = list_nodes(cluster, [NODE])
    assert hashes_for_nodes(cluster, nodes, ["node_key"])[NODE] == json.loads(hashes)
    cluster.execute("delete from site_keys")
    assert hashes_for_nodes(cluster, nodes, ["node_key"])[NODE] != json.loads(hashes)


def test_everything_that_an_order_adds_is_compared_or_neutral(order: Order) -> None:
    settings = Settings()
    compared = comparable_values(settings, order.pin)
    assert compared.keys() == order_values(settings, order).keys()
    other = order.pin._replace(generation=NEWER, profile="cd" * 32)
    assert comparable_values(settings, other) == compared
