# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stand-ins for the repositories of Enterprise Linux 9.  THEY ARE MADE BY HAND, NOT RECORDED.

Each package has the name and the repository that a source states (known_packages.txt and the
packages.txt of rolls; AppStream: the metadata of CentOS Stream 9), and no content.  Its
requirements are only those listed here.
"""

from __future__ import annotations

import pathlib
from typing import Mapping, Optional

from ansible_collections.npaci.rocks.plugins.module_utils.profile.installer_packages import (
    added_packages,
    all_names,
)

from .keys import SecretKey
from .known_packages import known_packages, sample_packages
from .media import write_installer
from .profiles import ROOTS, shipped_profile
from .rpms import Rpm, repository, write

RELEASE = "rhel9"
BASEOS = "BaseOS"
APPSTREAM = "AppStream"
CRB = "CRB"
EPEL = "epel"
PATHS = {
    **{name: f"stock/{name}/x86_64/os" for name in (BASEOS, APPSTREAM, CRB)},
    EPEL: "epel/9/Everything/x86_64",
}
# Requirements between repositories: that EPEL's packages require CRB is the reason why EPEL's own
# page asks for it; this one is an example.
REQUIRES: Mapping[str, tuple[str, ...]] = {
    "slurm-slurmd": ("slurm", "munge", "example-of-crb"),
    "slurm-slurmctld": ("slurm", "munge"),
}
COMPS = """<?xml version="1.0"?>
<comps><group><id>core</id><name>Core</name><default>true</default><uservisible>true</uservisible>
<packagelist><packagereq type="mandatory">filesystem</packagereq></packagelist></group></comps>
"""


def repository_of(name: str) -> str:
    """Return the repository of EL 9 that has a package, according to the sources."""
    if name in sample_packages():
        return APPSTREAM
    source = next((row.source for row in known_packages() if row.name == name), "")
    if "epel" in source:
        return EPEL
    return BASEOS


def required_names() -> frozenset[str]:
    """Return the packages of the shipped profiles with default attributes."""
    names = set(all_names())
    for root in ROOTS:
        profile = shipped_profile(root, RELEASE)
        names |= {package.name for package in profile.packages} | set(added_packages(profile))
    return frozenset(name for name in names if not name.startswith(("@", "-")))


def write_repositories(folder: pathlib.Path, key: Optional[SecretKey] = None) -> pathlib.Path:
    """Write the four repositories below ``folder``; with a key, those of EPEL are signed."""
    rpms: dict[str, list[Rpm]] = {name: [] for name in PATHS}
    rpms[BASEOS].append(Rpm("filesystem", arch="x86_64"))
    rpms[CRB].append(Rpm("example-of-crb", arch="x86_64"))
    for name in sorted(required_names()):
        requires = list(REQUIRES.get(name, ()))
        rpms[repository_of(name)].append(Rpm(name, arch="x86_64", requires=requires))
    for name, path in PATHS.items():
        packages = folder / path / "Packages"
        packages.mkdir(parents=True)
        files = [write(rpm, packages) for rpm in rpms[name]]
        if key and name == EPEL:
            key.sign_packages(*files)
        repository(folder / path, extra={"group": COMPS} if name == BASEOS else {})
    write_installer(folder / PATHS[BASEOS])
    return folder
