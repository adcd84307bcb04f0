# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bootable media from an installable tree: one file for CD and USB stick, for BIOS and UEFI (the paper installs by CD).

With the tree's packages it installs without a network; without them it is small, and starts nodes that cannot boot
from theirs.  The same tree and menu give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from typing import NamedTuple

from ... import files
from ...errors import DescriptionError, NotFound
from ...process import Run, run
from ..metadata import treeinfo
from ..metadata.repomd import parse_repomd
from ..storage.pool import StorePaths
from . import boot_loader, boot_menu
from .boot_menu import Menu

# Raised when the same input shall give another medium.
FORMAT = 1
TIMEOUT = 3600.0
# ISO 9660: the primary volume descriptor is sector 16; the application's identifier stands in it.
APPLICATION, APPLICATION_SIZE = 16 * 2048 + 574, 128
OURS = "npaci.rocks"
EFI_PARTITION = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"


class Installer(NamedTuple):
    """What the tree says of itself: its architecture, and the paths of the installer's parts."""

    arch: str
    kernel: str
    initrd: str
    stage2: str


class Medium(NamedTuple):
    """The written file.

    identity  a hash of all that it was made from
    loader    where its UEFI boot loader is from; ``secure_boot``: whether that is signed
    """

    path: str
    identity: str
    changed: bool
    loader: str
    secure_boot: bool


def make(
    tree: str, target: str, menu: Menu, *, packages: bool, dry_run: bool = False, run: Run = run
) -> Medium:
    """Write the medium ``target``, unless it is there already, made from the same.

    tree      a generation's folder, or any other installable tree
    packages  put the tree's packages and repodata on it as well
    check     only say what would be done

    Raises NotFound or DescriptionError for a tree without an installer or a wrong menu, CommandError when a program
    fails; what was at ``target`` is then as before.
    """
    boot_menu.check(menu)
    tree = os.path.realpath(tree)
    installer = read_installer(tree)
    identity = compute_identity(tree, menu, packages)
    if not os.path.isdir(os.path.dirname(os.path.abspath(target))):
        raise NotFound("the folder of the medium does not exist", target, "make it first")
    with tempfile.TemporaryDirectory(
        prefix=".rocks-iso-", dir=os.path.dirname(os.path.abspath(target))
    ) as folder:
        moment = _moment(tree)
        text = boot_menu.render(menu, installer.kernel, installer.initrd)
        loaders = boot_loader.make_boot_images(
            tree, installer.arch, text, folder, moment=moment, run=run
        )
        medium = Medium(
            target, identity, read_identity(target) != identity, loaders.origin, loaders.signed
        )
        if medium.changed and not dry_run:
            grafts = _grafts(tree, installer, packages)
            grafts += _own(folder, menu, text)
            aside = os.path.join(folder, "medium.iso")
            _write(aside, menu.label, identity, loaders, grafts, moment=moment, run=run)
            _publish(aside, target)
    return medium


def find_tree(store: StorePaths, distribution: str, arch: str, generation: str = "") -> str:
    """The folder of a generation; of the published one when none is named."""
    path = os.path.join(store.generations_folder(distribution, arch), generation)
    if not generation:
        path = os.path.realpath(store.published_link(distribution, arch))
    if not os.path.isdir(path):
        what = (
            f'distribution "{distribution}" has no generation "{generation}"'
            if generation
            else "nothing is published"
        )
        raise NotFound(f"{what} for {arch}", path, "build it with rocks_dist first")
    return path


def read_installer(tree: str) -> Installer:
    """The installer's parts by the tree's .treeinfo; each of them is there."""
    where = os.path.join(tree, treeinfo.FILE_NAME)
    try:
        parser = treeinfo.parse_treeinfo(files.read_text(where), where)
    except NotFound:
        hint = "give the distribution a source that carries one, such as a vendor's BaseOS tree"
        raise NotFound("the tree has no installer: no .treeinfo", tree, hint) from None
    arch = parser.get("tree", "arch", fallback=parser.get("general", "arch", fallback=""))
    parts = {
        "kernel": parser.get(f"images-{arch}", "kernel", fallback=""),
        "initrd": parser.get(f"images-{arch}", "initrd", fallback=""),
        "stage2": parser.get("stage2", "mainimage", fallback=""),
    }
    missing = [
        f"{name} {path!r}"
        for name, path in parts.items()
        if not os.path.isfile(os.path.join(tree, path))
    ]
    if missing:
        what = f"the installer is not complete, these are not there: {', '.join(missing)}"
        raise DescriptionError(
            what, where, "build the distribution again from a source that has them"
        )
    return Installer(arch, **parts)


def compute_identity(tree: str, menu: Menu, packages: bool) -> str:
    """A hash of what the medium is made from: the tree by its .treeinfo and repomd.xml, which hold checksums."""
    heads = [treeinfo.FILE_NAME, treeinfo.REPOMD]
    sums = [
        hashlib.sha256(files.read_bytes(os.path.join(tree, name))).hexdigest() for name in heads
    ]
    entries = [[entry.title, entry.kickstart, entry.url, entry.arguments] for entry in menu.entries]
    content = [FORMAT, sums, menu.label, entries, menu.timeout, menu.console, packages]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def read_identity(path: str) -> str:
    """The identity of the medium in this file; empty when there is none of ours."""
    try:
        with open(path, "rb") as file:
            file.seek(APPLICATION)
            # xorriso writes capitals, as ISO 9660 asks.
            application = file.read(APPLICATION_SIZE).decode("ascii", "replace").lower().split()
    except FileNotFoundError:
        return ""
    return application[1] if application[:1] == [OURS] and len(application) == 2 else ""


def _moment(tree: str) -> str:
    """The time that stands in the medium: the repository's revision, which is one (see metadata.py)."""
    path = os.path.join(tree, treeinfo.REPOMD)
    revision = parse_repomd(files.read_bytes(path), path).revision
    return revision if revision.isdecimal() else "0"


def _grafts(tree: str, installer: Installer, packages: bool) -> list[str]:
    """What of the tree goes onto the medium, as ``path=file`` of mkisofs."""
    if packages:
        return [_graft("", tree)]
    parts = (treeinfo.FILE_NAME, installer.kernel, installer.initrd, installer.stage2)
    return [_graft(part, os.path.join(tree, part)) for part in parts]


def _own(folder: str, menu: Menu, text: str) -> list[str]:
    """The menu and the kickstarts."""
    shutil.copytree(os.path.join(folder, "EFI"), os.path.join(folder, "own", "EFI"))
    os.makedirs(os.path.join(folder, "own", "boot", "grub2"))
    files.replace(os.path.join(folder, "own", "boot", "grub2", "grub.cfg"), text)
    os.makedirs(os.path.join(folder, "own", "ks"))
    for number, entry in enumerate(menu.entries, 1):
        if entry.kickstart:
            files.replace(
                os.path.join(folder, "own", boot_menu.kickstart_path(number)), entry.kickstart
            )
    return [_graft(name, os.path.join(folder, "own", name)) for name in ("EFI", "boot", "ks")]


def _graft(path: str, file: str) -> str:
    return f"/{path}=" + file.replace("\\", "\\\\").replace("=", "\\=")


def _write(
    target: str,
    label: str,
    identity: str,
    loaders: boot_loader.BootImages,
    grafts: list[str],
    *,
    moment: str,
    run: Run,
) -> None:
    """Run xorriso.  The EFI partition is appended once, and serves CD and USB stick."""
    argv = [
        "xorriso",
        "-as",
        "mkisofs",
        "-quiet",
        "-o",
        target,
        "-V",
        label,
        "-A",
        f"{OURS} {identity}",
    ]
    argv += [
        "-r",
        "-f",
        "-iso-level",
        "3",
        "-partition_offset",
        "16",
        "--set_all_file_dates",
        f"={moment}",
    ]
    argv += ["-append_partition", "2", EFI_PARTITION, loaders.uefi, "-appended_part_as_gpt"]
    argv += ["-c", "boot.cat", "--boot-catalog-hide"]
    if loaders.bios:
        argv += [
            "--grub2-mbr",
            loaders.hybrid,
            "-b",
            "images/eltorito.img",
            "-no-emul-boot",
            "-boot-load-size",
            "4",
        ]
        argv += ["-boot-info-table", "--grub2-boot-info", "-eltorito-alt-boot"]
        grafts = [*grafts, _graft("images/eltorito.img", loaders.bios)]
    argv += [
        "-e",
        "--interval:appended_partition_2:all::",
        "-no-emul-boot",
        "-graft-points",
        *grafts,
    ]
    run(argv, timeout=TIMEOUT, env={"SOURCE_DATE_EPOCH": moment})


def _publish(aside: str, target: str) -> None:
    descriptor = os.open(aside, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(aside, target)
    files.sync_directory(os.path.dirname(os.path.abspath(target)))
