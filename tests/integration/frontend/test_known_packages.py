"""Every package of the shipped profiles and of the roles is known from a source."""

from __future__ import annotations

import functools
import re

from ansible_collections.npaci.rocks.plugins.module_utils.profile.releases import selector_names
from support import rendering, rolls
from support.known_packages import (
    LIST,
    SAMPLE_RELEASE,
    known_packages,
    sample_packages,
    unknown_packages,
)
from support.profiles import SUPPORTED, all_kickstarts
from support.rendering import System

# The frontends that run Enterprise Linux, by the release whose packages they have.
FRONTENDS = {
    "rhel9": System("Rocky", "9.6", "RedHat"),
    "rhel10": System("AlmaLinux", "10.3", "RedHat"),
}


@functools.cache
def requested_packages() -> frozenset[tuple[str, str]]:
    """Return every name with the release that a root or a choice of a site requests it for."""
    requests = set()
    for name, text in all_kickstarts():
        body = text.partition("\n%packages")[2].partition("\n%end")[0]
        release = name.split("-")[1]
        requests |= {(line, release) for line in body.splitlines()[1:] if not line.startswith("-")}
    return frozenset(requests | rolls.requested_packages())


@functools.cache
def packages_of_roles() -> frozenset[tuple[str, str]]:
    """Return every name that a role installs, with the release of the frontend."""
    requests = set()
    for release, system in FRONTENDS.items():
        groups = rendering.evaluate_template(system, "{{ __frontend_packages }}")
        servers = rendering.evaluate_template(system, "{{ __frontend_dhcp_servers }}")
        refused = {"kea", "dhcpd", "dnsmasq"} - set(servers)
        requests |= {
            (name, release)
            for group, names in groups.items()
            if group not in refused
            for name in names
        }
        requests |= {(name, release) for name in rendering.build_libraries(system)}
    return frozenset(requests)


def test_every_package_is_in_real_metadata_or_in_the_list_of_known_packages() -> None:
    unknown = unknown_packages(requested_packages() | packages_of_roles())
    assert unknown == [], f"not in the metadata: add them with a source to {LIST.name}"
    seen = {name for name, release in requested_packages() if release == SAMPLE_RELEASE}
    assert len(seen & sample_packages()) > 15


def test_every_known_package_is_requested_and_has_a_source() -> None:
    names = [row.name for row in known_packages()]
    assert names == sorted(set(names))  # of all lists together
    assert set(names) <= {name for name, _release in requested_packages() | packages_of_roles()}
    assert all(row.source.strip() for row in known_packages())
    for row in known_packages():
        valid = {word for release in SUPPORTED for word in selector_names(release)} | {"all"}
        assert row.releases <= valid, row.name


def test_an_enterprise_linux_frontend_on_aarch64_installs_boot_loaders_of_its_architecture() -> (
    None
):
    """Boot loaders are packages of their own architecture; those of nodes come from their trees."""
    system = System("AlmaLinux", "10.3", "RedHat", "aarch64")
    groups = rendering.evaluate_template(system, "{{ __frontend_packages }}")
    names = {name for group in groups.values() for name in group}
    foreign = {name for name in names if re.search(r"grub.*(x64|-pc)|shim-x64", name)}
    assert foreign == set()
    assert {name for name in names if re.search(r"grub.*aa64", name)}
