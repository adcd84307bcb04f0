# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Installers and installation media, as a vendor publishes them."""

from __future__ import annotations

import hashlib
import pathlib
from typing import Iterable, Mapping, Optional

from .rpms import Rpm, repository

IMAGES = {
    "images/pxeboot/vmlinuz": b"kernel",
    "images/pxeboot/initrd.img": b"initrd",
    "images/install.img": b"second stage",
}


def write_installer(
    folder: pathlib.Path,
    images: Mapping[str, bytes] = IMAGES,
    *,
    listed: Optional[Mapping[str, bytes]] = None,
    checksums: bool = True,
    repositories: Iterable[str] = (),
    arch: str = "x86_64",
    name: str = ".treeinfo",
) -> None:
    """Write images, and the .treeinfo that describes them.

    listed        the images as the .treeinfo describes them, if they differ
    repositories  folders of the medium's repositories; none: the tree is one repository itself
    """
    for path, content in images.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    described = images if listed is None else listed
    places = {variant: variant for variant in repositories} or {"BaseOS": "."}
    variants = [
        f"[variant-{variant}]\nid = {variant}\nname = {variant}\nuid = {variant}\n"
        f"type = variant\npackages = {place}/Packages\nrepository = {place}\n"
        for variant, place in places.items()
    ]
    sums = [
        f"{path} = sha256:{hashlib.sha256(content).hexdigest()}\n"
        for path, content in described.items()
        if checksums
    ]
    text = (
        "[header]\ntype = productmd.treeinfo\nversion = 1.2\n"
        "[release]\nname = Stock\nshort = Stock\nversion = 9.4\n"
        f"[tree]\narch = {arch}\nbuild_timestamp = 1736761560\nplatforms = {arch}\n"
        f"variants = {','.join(sorted(places))}\n"
        + "".join(variants)
        + f"[images-{arch}]\nkernel = images/pxeboot/vmlinuz\n"
        "initrd = images/pxeboot/initrd.img\n[stage2]\nmainimage = images/install.img\n"
        "[checksums]\n" + "".join(sums)
    )
    (folder / name).write_text(text)


def write_medium(
    folder: pathlib.Path, repositories: Mapping[str, Iterable[Rpm]], name: str = ".treeinfo"
) -> pathlib.Path:
    """Write a DVD: its root has the installer, and a folder for each repository."""
    for repository_name, rpms in repositories.items():
        repository(folder / repository_name, rpms)
    write_installer(folder, repositories=repositories, name=name)
    return folder
