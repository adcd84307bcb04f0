# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The installation medium: its vendor, release and architecture, from its .treeinfo."""

from __future__ import annotations

import pathlib
import re
from dataclasses import dataclass
from typing import Sequence

import yaml

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.metadata import treeinfo
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.sources.iso_image import (
    IsoImage,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError, NotFound

ROLE = pathlib.Path(__file__).parents[2] / "roles" / "distribution" / "vars" / "main.yml"
MAJORS = ("9", "10")
ARCH = "x86_64"
REPOSITORIES = ("BaseOS", "AppStream")
KEYS = "/etc/pki/rpm-gpg"
EPEL = "https://dl.fedoraproject.org/pub/epel/{major}/Everything/{arch}"
EPEL_KEY = f"{KEYS}/RPM-GPG-KEY-EPEL-{{major}}"


@dataclass(frozen=True)
class Vendor:
    """A vendor whose repositories are public."""

    name: str
    """As in the section ``release`` of its .treeinfo."""
    stock: str
    """As in the distribution role, without the number of the release; "" for a medium that has
    everything.
    """


VENDORS = (
    Vendor("Rocky Linux", "rocky"),
    Vendor("AlmaLinux", "almalinux"),
    Vendor("CentOS Stream", "centos-stream"),
)


@dataclass(frozen=True)
class Repository:
    """A repository that the medium lacks; ``key`` is a file on the frontend."""

    name: str
    url: str
    key: str


@dataclass(frozen=True)
class Medium:
    """A medium that has both repositories and an installer."""

    path: pathlib.Path
    vendor: Vendor
    version: str

    @property
    def major(self) -> str:
        return self.version.partition(".")[0]

    @property
    def release(self) -> str:
        """The release of the profiles."""
        return f"rhel{self.major}"

    @property
    def title(self) -> str:
        return f"{self.vendor.name} {self.version}"

    @property
    def has_slurm(self) -> bool:
        """Whether EPEL has Slurm for this release: EPEL 10 has it since 10.3."""
        minor = re.fullmatch(r"10\.(\d+)", self.version)
        return not minor or int(minor[1]) >= 3

    def repositories(self) -> list[Repository]:
        """Return the repositories of the vendor and of EPEL that the medium lacks."""
        if not self.vendor.stock:
            return []
        stocks = yaml.safe_load(ROLE.read_text())["__distribution_stocks"]
        stock = stocks[f"{self.vendor.stock}-{self.major}"]
        return [
            Repository("crb", f"{stock['url']}/CRB/{ARCH}/os", f"{KEYS}/{stock['key']}"),
            Repository(
                "epel",
                EPEL.format(major=self.major, arch=ARCH),
                EPEL_KEY.format(major=self.major),
            ),
        ]


def read_medium(path: pathlib.Path, vendors: Sequence[Vendor] = VENDORS) -> Medium:
    """Read a medium in place.

    Raises NotFound or DescriptionError for a file that cannot be used, with the remedy.
    """
    if not path.is_file():
        raise NotFound("this file does not exist", str(path), "set ISO= to the DVD image")
    image = IsoImage(str(path))
    where = f"{path}/{treeinfo.FILE_NAME}"
    if not image.exists(treeinfo.FILE_NAME):
        raise DescriptionError(
            "it has no .treeinfo", str(path), "use the DVD image of Enterprise Linux 9 or 10"
        )
    parser = treeinfo.parse_treeinfo(
        image.read(treeinfo.FILE_NAME).decode("utf-8", "replace"), where
    )
    name = parser.get("release", "name", fallback="")
    version = parser.get("release", "version", fallback="")
    vendor = next((vendor for vendor in vendors if vendor.name == name), None)
    if vendor is None:
        known = ", ".join(vendor.name for vendor in vendors)
        hint = f"use the DVD image of one of these: {known}"
        raise DescriptionError(f"its operating system is {name!r}", where, hint)
    if version.partition(".")[0] not in MAJORS:
        raise DescriptionError(
            f"its release is {version!r}", where, f"use release {' or '.join(MAJORS)}"
        )
    arch = parser.get("tree", "arch", fallback=parser.get("general", "arch", fallback=""))
    if arch != ARCH:
        raise DescriptionError(
            f"it is for {arch!r}", where, f"use the image for {ARCH}, which the machines have"
        )
    missing = [name for name in REPOSITORIES if not image.exists(f"{name}/repodata/repomd.xml")]
    if missing:
        raise DescriptionError(
            f"it does not contain {' and '.join(missing)}",
            str(path),
            "use the DVD image, not the boot or minimal image",
        )
    return Medium(path=path, vendor=vendor, version=version)
