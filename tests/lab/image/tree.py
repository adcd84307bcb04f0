# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The stock tree of one release, laid out as Red Hat's installation trees are: what a site mirrors."""

from __future__ import annotations

import configparser
import hashlib
import os
import pathlib
import shutil

from ansible_collections.npaci.rocks.plugins.module_utils import process

from .. import cache
from ..distribution import lists, sources
from . import initrd, stage2

HERE = pathlib.Path(__file__).parent
DEFAULT_RELEASE = "9.4"
IMAGES = {"kernel": "images/pxeboot/vmlinuz", "initrd": "images/pxeboot/initrd.img"}
STAGE2 = "images/install.img"
SECONDS = 300.0


def tree(release: str = DEFAULT_RELEASE) -> pathlib.Path:
    """The folder of the tree: Packages, repodata with comps, .treeinfo, images, EFI, the key."""
    if release not in lists.RELEASES:
        raise ValueError(f"the lab has no release {release}: it has {', '.join(lists.RELEASES)}")
    image = stage2.image()
    key = cache.key_of(
        HERE / "tree.py",
        HERE / "initrd.py",
        HERE / "stage1",
        more=[sources.sources().name, image.parent.name],
    )
    return cache.part(f"tree-{release}", key, lambda out: _make(out, release, image))


def _make(out: pathlib.Path, release: str, image: pathlib.Path) -> None:
    made = sources.sources()
    (out / "Packages").mkdir()
    for package in [*(made / "stock/Packages").iterdir(), *(made / "releases" / release).iterdir()]:
        os.link(package, out / "Packages" / package.name)
    shutil.copy(made / "stock/comps.xml", out)
    shutil.copy(made / "RPM-GPG-KEY-lab", out)
    options = [
        "--quiet",
        "--no-database",
        "--revision",
        lists.BUILD_TIME,
        "--set-timestamp-to-revision",
        "--groupfile",
        "comps.xml",
    ]
    process.run(["createrepo_c", *options, "."], timeout=SECONDS, cwd=str(out))
    (out / "comps.xml").unlink()
    shutil.copytree(made / "efi", out / "EFI/BOOT")
    (out / "images/pxeboot").mkdir(parents=True)
    shutil.copy(made / "kernel/vmlinuz", out / IMAGES["kernel"])
    work = out / "work"
    work.mkdir()
    initrd.make(out / IMAGES["initrd"], release, work)
    shutil.rmtree(work)
    os.link(image, out / STAGE2)
    with (out / ".treeinfo").open("w") as file:
        _treeinfo(out, release).write(file, space_around_delimiters=True)


def _treeinfo(out: pathlib.Path, release: str) -> configparser.ConfigParser:
    family = "Lab Enterprise Linux"
    info = configparser.ConfigParser(interpolation=None)
    info.optionxform = str  # type: ignore[assignment,method-assign]
    hashed = [*IMAGES.values(), STAGE2, "repodata/repomd.xml"]
    info.read_dict(
        {
            "header": {"type": "productmd.treeinfo", "version": "1.2"},
            "release": {"name": family, "short": "LAB", "version": release},
            "tree": {"arch": "x86_64", "build_timestamp": lists.BUILD_TIME, "platforms": "x86_64,xen", "variants": "BaseOS"},
            "general": {"arch": "x86_64", "family": family, "name": f"{family} {release}", "packagedir": "Packages",
                        "platforms": "x86_64,xen", "repository": ".", "timestamp": lists.BUILD_TIME, "variant": "BaseOS",
                        "variants": "BaseOS", "version": release},
            "checksums": {path: f"sha256:{_sha256(out / path)}" for path in hashed},
            "images-x86_64": IMAGES,
            "stage2": {"mainimage": STAGE2},
            "variant-BaseOS": {"id": "BaseOS", "name": "BaseOS", "packages": "Packages", "repository": ".",
                               "type": "variant", "uid": "BaseOS"},
        }
    )  # fmt: skip
    return info


def _sha256(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
