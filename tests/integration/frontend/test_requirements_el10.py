"""The closure of a frontend and of nodes on Enterprise Linux 10, on recorded requirements.

Everything but EPEL's and other vendors' packages is in BaseOS and AppStream, with all that it
requires, so a distribution of these two repositories can install it.
"""

from __future__ import annotations

import functools

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.profile.installer_packages import (
    added_packages,
    platform_packages,
)
from support import rendering
from support.ansible import ROOT
from support.known_packages import known_packages
from support.profiles import (
    CHOICES,
    RELEASES_OF_SITE,
    ROOTS,
    SITES,
    SUPPORTED,
    node_attributes,
    shipped_profile,
)
from support.rendering import System

TABLE = ROOT / "tests" / "support" / "requirements_el10.tsv"
RELEASE = "rhel10"
FRONTEND = System("AlmaLinux", "10.3", "RedHat")
# Names that another package provides, or that the installer takes unasked.
PROVIDED = {"grub2": "grub2-pc", "@core": "bash"}
# Required only under a condition, which the table has lost: package -> the one it requires.
CONDITIONAL = {
    # Only if it is installed.
    ("pyproject-srpm-macros", "pyproject-rpm-macros"),
    # One of the policies, which all provide selinux-policy-any; -targeted is in BaseOS.
    ("selinux-policy", "selinux-policy-minimum"),
}
OTHER_VENDORS = ("NVIDIA", "AMD", "OpenPBS", "of no vendor")


@functools.cache
def requirements() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return name -> repository and requirements."""
    rows = [line.split("\t") for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    return {name: (repository, tuple(words.split())) for name, repository, words in rows}


@functools.cache
def requested() -> dict[str, frozenset[str]]:
    """Return who -> the names of packages that it asks for."""
    choices = [(root, "") for root in ROOTS]
    choices += [(root, site) for root, site in CHOICES
                if RELEASE in RELEASES_OF_SITE.get(site, SUPPORTED)]  # fmt: skip
    requests = {}
    for root, site in choices:
        attributes = SITES[site] if site else {}
        profile = shipped_profile(root, RELEASE, **attributes)
        names = {package.name for package in profile.packages}
        names |= set(added_packages(profile, [node_attributes(root, **attributes)]))
        for packages in platform_packages(profile, "x86_64").values():
            names |= set(packages)
        requests[f"{root} {site}".strip()] = frozenset(names)
    groups = rendering.evaluate_template(FRONTEND, "{{ __frontend_packages }}")
    groups.pop("dhcpd")  # refused on this release
    role = {name for names in groups.values() for name in names}
    requests["the roles"] = frozenset(role | set(rendering.build_libraries(FRONTEND)))
    return requests


def closure(names: frozenset[str]) -> tuple[dict[str, str], set[str]]:
    """Return the packages with their repositories, and the names that the table does not have."""
    table = requirements()
    found: dict[str, str] = {}
    absent = set()
    todo = [PROVIDED.get(name, name) for name in names]
    while todo:
        name = todo.pop()
        if name in found:
            continue
        if name not in table:
            absent.add(name)
            continue
        found[name], required = table[name]
        todo += [word for word in required if (name, word) not in CONDITIONAL]
    return found, absent


@pytest.mark.parametrize("who", requested())
def test_everything_but_other_vendors_packages_closes_in_baseos_and_appstream(who: str) -> None:
    found, absent = closure(requested()[who])
    elsewhere = {name for name, place in found.items() if place not in ("BaseOS", "AppStream")}
    assert elsewhere == set()
    sources = {row.name: row.source for row in known_packages() if row.covers(RELEASE)}
    unexplained = {name for name in absent if "epel" not in sources.get(name, "")}
    assert {name for name in unexplained if not _is_of_another_vendor(sources, name)} == set()


def test_the_table_has_every_requirement_and_nothing_else() -> None:
    table = requirements()
    required = {word for _repository, words in table.values() for word in words}
    assert required <= set(table)
    reached: set[str] = set()
    for names in requested().values():
        reached |= set(closure(names)[0])
    conditional = {word for _name, word in CONDITIONAL}
    beyond, _absent = closure(frozenset(conditional))
    assert set(table) <= reached | set(beyond)


def _is_of_another_vendor(sources: dict[str, str], name: str) -> bool:
    return any(word in sources.get(name, "") for word in OTHER_VENDORS)
