# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A DVD: the stock tree as BaseOS and the third party's packages as AppStream, with an installer."""

from __future__ import annotations

import configparser
import hashlib
import os
import pathlib
import shutil

from ansible_collections.npaci.rocks.plugins.module_utils.distribution.media.boot_menu import (
    Entry,
    Menu,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.media.iso import make

from .. import cache
from ..distribution import sources
from .tree import IMAGES, STAGE2, tree

LABEL = "LAB-9-4-x86_64-dvd"
REPOMD = "repodata/repomd.xml"
NAME = "lab.iso"
# The vendor's own entry: no kickstart, so that the installer looks for one.
MENU = Menu(LABEL, (Entry("Install", arguments=("mitigations=off",)),), timeout=0, console="ttyS0")


def dvd() -> pathlib.Path:
    """The image of the DVD."""
    here = pathlib.Path(__file__)
    key = cache.key_of(here, more=[tree().name, sources.sources().name])
    return cache.part("dvd", key, _make) / NAME


def _make(out: pathlib.Path) -> None:
    content = out / "content"
    content.mkdir()
    repositories = {"BaseOS": tree(), "AppStream": sources.sources() / "third-party"}
    for name, source in repositories.items():
        shutil.copytree(
            source,
            content / name,
            copy_function=os.link,
            ignore=shutil.ignore_patterns("images", "EFI", ".treeinfo"),
        )
    shutil.copytree(tree() / "images", content / "images", copy_function=os.link)
    with (content / ".treeinfo").open("w") as file:
        _treeinfo(content, list(repositories)).write(file)
    make(str(content), str(out / NAME), MENU, packages=True)
    shutil.rmtree(content)


def _treeinfo(content: pathlib.Path, names: list[str]) -> configparser.ConfigParser:
    info = configparser.ConfigParser(interpolation=None)
    info.optionxform = str  # type: ignore[assignment,method-assign]
    info.read(tree() / ".treeinfo")
    info["tree"]["variants"] = ",".join(names)
    info["general"]["variants"] = ",".join(names)
    info.remove_section("variant-BaseOS")
    for name in names:
        packages = {"packages": f"{name}/Packages", "repository": name}
        info[f"variant-{name}"] = {
            "id": name,
            "name": name,
            "type": "variant",
            "uid": name,
            **packages,
        }
    hashed = [*IMAGES.values(), STAGE2, *(f"{name}/{REPOMD}" for name in names)]
    info["checksums"] = {
        path: f"sha256:{hashlib.sha256((content / path).read_bytes()).hexdigest()}"
        for path in hashed
    }
    return info
