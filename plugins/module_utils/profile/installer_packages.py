# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The packages that the installer adds to those of a kickstart, as data for each release.

An installation stops before it changes a disk if one of them is missing.  Only kickstarts that
install on a disk are concerned.  Language packs and the group of a hypervisor are not listed: the
installer adds them only if the distribution has them.

Sources: the public repositories rhinstaller/anaconda (branches rhel-8 7f99a19fb6, rhel-9
e1810e7ae7, rhel-10 65da3a5173, main 8eddd3c95d) and storaged-project/blivet (rhel8-branch fce8b739,
rhel9-branch 5eecb061, rhel10-branch 7b6a5e09, main 8c63a2aa).
"""

from __future__ import annotations

import re
from typing import Mapping, NamedTuple, Sequence

from .model import Piece, Profile
from .releases import find_release


class AddedPackage(NamedTuple):
    """A package that the installer adds if a line of the kickstart matches ``pattern``."""

    name: str
    pattern: str
    """A regular expression; a script that writes the partitioning counts as well."""
    reason: str
    source: str
    """The file there; the lines are those of rhel-9."""
    since: int = 8
    """The age of the first release, as in releases.py."""


class Platform(NamedTuple):
    """The boot loader of one kind of machine."""

    name: str
    arch: str
    packages: tuple[str, ...]
    source: str
    since: int = 8
    until: int = 99


ALWAYS = ""
# A line of the partition layout, or an option of a command.
FILE_SYSTEM = r"^(\|?/\S*\s+\S+\s|[a-z].*--fstype[= ]).*\b%s\b"
LANGUAGE = re.compile(r"\b(([a-z]{2,3})_[A-Z]{2})\b")  # with and without its territory
MOST_VALUES = 8  # an attribute with more values, such as a name, decides about no package
ADDED = (
    AddedPackage(
        name="kernel",
        pattern=ALWAYS,
        reason="every system",
        source="anaconda, pyanaconda/modules/payloads/payload/dnf/utils.py:59",
    ),
    AddedPackage(
        name="chrony",
        pattern=r"^(?!.*--(nontp|ntp-disable)\b)(timezone|timesource)\b",
        reason="the command timezone without --nontp",
        source="anaconda, pyanaconda/modules/timezone/timezone.py:223, pyanaconda/timezone.py:51",
    ),
    AddedPackage(
        name="firewalld",
        pattern=r"^firewall\b",
        reason="the command firewall",
        source="anaconda, pyanaconda/modules/network/firewall/firewall.py:215",
    ),
    AddedPackage(
        name="rdma-core",
        pattern=r"^network\b.*--device=ib\d",
        reason="an InfiniBand interface",
        source="anaconda, pyanaconda/modules/network/network.py:332",
    ),
    AddedPackage(
        name="xfsprogs",
        pattern=FILE_SYSTEM % "xfs",
        reason="a file system of type xfs",
        source="blivet, blivet/formats/fs.py:1120",
    ),
    AddedPackage(
        name="e2fsprogs",
        pattern=FILE_SYSTEM % "ext4",
        reason="a file system of type ext4",
        source="blivet, blivet/formats/fs.py:855",
    ),
    AddedPackage(
        name="mdadm",
        pattern=r'^(raid\b|mirror=".*\b(yes|true|on|1)\b|\|?\S+\s.*\sraid=\d)',
        reason="an array",
        source="blivet, blivet/devices/md.py:60",
    ),
    AddedPackage(
        name="lvm2",
        pattern=r"^(volgroup\b|\|?lvm\s+\S+\s+lvm\s)",
        reason="a volume group",
        source="blivet, blivet/devices/lvm.py:88",
    ),
)
PLATFORMS = (
    Platform(
        name="BIOS",
        arch="x86_64",
        packages=("grub2", "grub2-tools"),
        source="anaconda, pyanaconda/modules/storage/bootloader/grub2.py:103",
    ),
    Platform(
        name="UEFI",
        arch="x86_64",
        packages=("grub2-efi-x64", "shim-x64", "efibootmgr", "grub2-tools", "dosfstools"),
        source="anaconda, …/bootloader/efi.py:135, :143; blivet, blivet/formats/fs.py:937",
        until=10,
    ),
    Platform(
        name="UEFI",
        arch="x86_64",
        packages=(
            *("grub2-efi-x64", "shim-x64", "efibootmgr", "grub2-tools", "grub2-tools-extra"),
            *("grubby", "dosfstools"),
        ),
        source="anaconda, …/bootloader/efi.py of rhel-10 :150, :158, of main :165, :173",
        since=10,
    ),
    Platform(
        name="UEFI",
        arch="aarch64",
        packages=("grub2-efi-aa64", "shim-aa64", "efibootmgr", "grub2-tools", "dosfstools"),
        source="anaconda, …/bootloader/efi.py:135, :191",
        until=10,
    ),
    Platform(
        name="UEFI",
        arch="aarch64",
        packages=(
            *("grub2-efi-aa64", "shim-aa64", "grub2-efi-aa64-cdboot", "efibootmgr"),
            *("grub2-tools", "grub2-tools-extra", "grubby", "dosfstools"),
        ),
        source="anaconda, …/bootloader/efi.py of rhel-10 :150, :244, of main :165, :259",
        since=10,
    ),
)
# Commands and files that put partitions on a disk.
ON_DISK = re.compile(r"^(part|partition|autopart|reqpart|%include \S*partition\S*)\b")


def all_names() -> frozenset[str]:
    """Return every name of the tables, as a complete distribution has them."""
    names = {name for platform in PLATFORMS for name in platform.packages}
    return frozenset(names | {row.name for row in ADDED})


def added_packages(profile: Profile, nodes: Sequence[Mapping[str, str]] = ()) -> Mapping[str, str]:
    """Return name -> reason of the packages that the installer adds on every platform.

    nodes  the attributes of the nodes that have this profile

    Empty for a kickstart that installs on no disk.
    """
    lines = _lines(profile, nodes)
    age = find_release(profile.release).age
    if not any(map(ON_DISK.match, lines)):
        return {}
    return {
        row.name: row.reason
        for row in ADDED
        if row.since <= age and any(re.search(row.pattern, line) for line in lines)
    }


def language_packs(profile: Profile, nodes: Sequence[Mapping[str, str]] = ()) -> list[str]:
    """Return the packages of the kickstart's languages, which not every distribution has.

    Source: anaconda, pyanaconda/modules/payloads/payload/dnf/utils.py, get_default_langpacks.
    """
    lines = [line for line in _lines(profile, nodes) if re.match(r"lang\b", line)]
    languages = {match for line in lines for match in LANGUAGE.findall(line)}
    return sorted(f"langpacks-{name}" for pair in languages for name in pair)


def platform_packages(profile: Profile, arch: str) -> Mapping[str, tuple[str, ...]]:
    """Return platform -> the packages that the installer adds on machines of this platform."""
    age = find_release(profile.release).age
    if not any(map(ON_DISK.match, _lines(profile, ()))):
        return {}
    return {
        row.name: row.packages
        for row in PLATFORMS
        if row.arch == arch and row.since <= age < row.until
    }


def _lines(profile: Profile, nodes: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the lines of the kickstart, with all values of an attribute in its place."""
    values: dict[str, str] = {}

    def text(piece: Piece) -> str:
        if isinstance(piece, str):
            return piece
        if piece.name not in values:
            values[piece.name] = " ".join(_values(profile, piece.name, nodes))
        return values[piece.name]

    return ["".join(map(text, line.pieces)) for line in profile.lines]


def _values(profile: Profile, name: str, nodes: Sequence[Mapping[str, str]]) -> list[str]:
    default = profile.shape.get(name) or profile.defaults.get(name, "")
    values = {attributes.get(name, default) for attributes in nodes} or {default}
    return sorted(values) if len(values) <= MOST_VALUES else [default]
