# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write bootable media from a tree: one file for CD and USB stick, for BIOS and UEFI (paper, 6.2).

With the tree's packages, a medium installs without a network.  Without them it is small, and starts
nodes that cannot boot from the network.  The same tree and menu give the same bytes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import tempfile

from ... import files
from ...errors import DescriptionError, NotFound
from ...process import Run, run
from ..build.validation import check_names
from ..metadata import treeinfo
from ..metadata.repomd import parse_repomd
from ..publish import find_generation
from ..storage.pool import StorePaths
from . import boot_loader, boot_menu
from .boot_menu import Menu

FORMAT = 1
"""Increase it if the same input gives another medium: existing media are then written again."""
TIMEOUT = 3600.0
# ISO 9660: the application identifier is in the primary volume descriptor, which is sector 16.
APPLICATION_OFFSET = 16 * 2048 + 574
APPLICATION_SIZE = 128
APPLICATION = "npaci.rocks"
EFI_PARTITION_TYPE = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"


@dataclasses.dataclass(frozen=True)
class InstallerFiles:
    """The architecture of a tree, and the paths of its installer."""

    arch: str
    kernel: str
    initrd: str
    stage2: str


@dataclasses.dataclass(frozen=True)
class Medium:
    path: str
    identity: str
    """Hash of everything that the medium is made from."""
    changed: bool
    loader: str
    """Where the UEFI boot loader comes from."""
    secure_boot: bool
    """Whether the UEFI boot loader is signed."""


def make(
    tree: str, target: str, menu: Menu, *, packages: bool, dry_run: bool = False, run: Run = run
) -> Medium:
    """Write the medium ``target``, unless it exists and was made from the same input.

    tree      a generation's folder, or any other installable tree
    packages  add the tree's packages and repodata

    Raises NotFound or DescriptionError for a tree without an installer or a faulty menu, and
    CommandError if a program fails; an existing medium is then unchanged.
    """
    boot_menu.check(menu)
    if os.path.isdir(target):
        raise DescriptionError("it is a folder", target, "give the path of the medium's file")
    tree = os.path.realpath(tree)
    installer = read_installer(tree)
    identity = compute_identity(tree, menu, packages)
    target_folder = os.path.dirname(os.path.abspath(target))
    if not os.path.isdir(target_folder):
        raise NotFound("the folder of the medium does not exist", target, "create it first")
    with tempfile.TemporaryDirectory(prefix=".rocks-iso-", dir=target_folder) as folder:
        moment = _timestamp(tree)
        menu_text = boot_menu.render(menu, installer.kernel, installer.initrd)
        images = boot_loader.make_boot_images(
            tree, installer.arch, menu_text, folder, moment=moment, run=run
        )
        medium = Medium(
            path=target,
            identity=identity,
            changed=read_identity(target) != identity,
            loader=images.origin,
            secure_boot=images.signed,
        )
        if medium.changed and not dry_run:
            grafts = [
                *_tree_grafts(tree, installer, packages),
                *_own_grafts(folder, menu, menu_text),
            ]
            new_medium = os.path.join(folder, "medium.iso")
            argv = _xorriso(
                new_medium, menu.label, identity, images=images, grafts=grafts, moment=moment
            )
            run(argv, timeout=TIMEOUT, env={"SOURCE_DATE_EPOCH": moment})
            _replace(new_medium, target)
    return medium


def find_tree(store: StorePaths, distribution: str, arch: str, generation: str = "") -> str:
    """Return the folder of a generation; without a name, of the published one.

    generation  as for ``find_generation``
    """
    check_names(distribution, arch)
    if generation:
        name = find_generation(store, distribution, arch, generation)
        return store.generation_folder(distribution, arch, name)
    path = os.path.realpath(store.published_link(distribution, arch))
    if not os.path.isdir(path):
        what = f'distribution "{distribution}" has no published generation for {arch}'
        raise NotFound(what, path, "build it with rocks_dist first")
    return path


def read_installer(tree: str) -> InstallerFiles:
    """Read the paths of the installer from the tree's .treeinfo, and check that they exist."""
    where = os.path.join(tree, treeinfo.FILE_NAME)
    try:
        parser = treeinfo.parse_treeinfo(files.read_text(where), where)
    except NotFound:
        raise NotFound(
            "the tree has no installer: .treeinfo is missing",
            tree,
            "add a source with an installer, such as a vendor's BaseOS tree",
        ) from None
    arch = parser.get("tree", "arch", fallback=parser.get("general", "arch", fallback=""))
    paths = {
        "kernel": parser.get(f"images-{arch}", "kernel", fallback=""),
        "initrd": parser.get(f"images-{arch}", "initrd", fallback=""),
        "stage2": parser.get("stage2", "mainimage", fallback=""),
    }
    missing = [
        f"{name} {path!r}"
        for name, path in paths.items()
        if not os.path.isfile(os.path.join(tree, path))
    ]
    if missing:
        raise DescriptionError(
            f"files of the installer are missing: {', '.join(missing)}",
            where,
            "build the distribution again from a source that has them",
        )
    return InstallerFiles(arch=arch, **paths)


def compute_identity(tree: str, menu: Menu, packages: bool) -> str:
    """Return a hash of everything that the medium is made from.

    The tree counts by its .treeinfo and repomd.xml, which contain checksums of the other files. A
    tree with several repositories has no repomd.xml at its root, but their checksums in .treeinfo.
    """
    paths = [os.path.join(tree, name) for name in (treeinfo.FILE_NAME, treeinfo.REPOMD)]
    checksums = [
        hashlib.sha256(files.read_bytes(path)).hexdigest() for path in paths if os.path.exists(path)
    ]
    entries = [[entry.title, entry.kickstart, entry.url, entry.arguments] for entry in menu.entries]
    content = [FORMAT, checksums, menu.label, entries, menu.timeout, menu.console, packages]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def read_identity(path: str) -> str:
    """Return the identity of an existing medium; empty if ``path`` is not one of ours."""
    try:
        with open(path, "rb") as file:
            file.seek(APPLICATION_OFFSET)
            # xorriso writes capitals, as ISO 9660 requires.
            words = file.read(APPLICATION_SIZE).decode("ascii", "replace").lower().split()
    except FileNotFoundError:
        return ""
    return words[1] if words[:1] == [APPLICATION] and len(words) == 2 else ""


def _timestamp(tree: str) -> str:
    """Return the time for the medium's files: the repository's revision, in seconds since 1970.

    A tree with several repositories has 0.
    """
    path = os.path.join(tree, treeinfo.REPOMD)
    if not os.path.exists(path):
        return "0"
    revision = parse_repomd(files.read_bytes(path), path).revision
    return revision if revision.isdecimal() else "0"


def _tree_grafts(tree: str, installer: InstallerFiles, packages: bool) -> list[str]:
    """Return the files of the tree for the medium, in mkisofs' form ``path=file``."""
    if packages:
        return [_graft("", tree)]
    paths = (treeinfo.FILE_NAME, installer.kernel, installer.initrd, installer.stage2)
    return [_graft(path, os.path.join(tree, path)) for path in paths]


def _own_grafts(folder: str, menu: Menu, menu_text: str) -> list[str]:
    """Write the menu and the kickstarts, and return them in mkisofs' form."""
    own_files = os.path.join(folder, "own")
    shutil.copytree(os.path.join(folder, "EFI"), os.path.join(own_files, "EFI"))
    os.makedirs(os.path.join(own_files, "boot", "grub2"))
    files.replace(os.path.join(own_files, "boot", "grub2", "grub.cfg"), menu_text)
    os.makedirs(os.path.join(own_files, "ks"))
    for number, entry in enumerate(menu.entries, 1):
        if entry.kickstart:
            files.replace(
                os.path.join(own_files, boot_menu.kickstart_path(number)), entry.kickstart
            )
    return [_graft(name, os.path.join(own_files, name)) for name in ("EFI", "boot", "ks")]


def _graft(path: str, file: str) -> str:
    escaped = file.replace("\\", "\\\\").replace("=", "\\=")
    return f"/{path}={escaped}"


def _xorriso(
    target: str,
    label: str,
    identity: str,
    *,
    images: boot_loader.BootImages,
    grafts: list[str],
    moment: str,
) -> list[str]:
    """Return the command that writes a medium.

    The EFI partition is appended once, and used from CD and from USB stick.
    """
    argv = ["xorriso", "-as", "mkisofs", "-quiet", "-o", target]
    argv += ["-V", label, "-A", f"{APPLICATION} {identity}"]
    argv += ["-r", "-f", "-iso-level", "3", "-partition_offset", "16"]
    argv += ["--set_all_file_dates", f"={moment}"]
    argv += ["-append_partition", "2", EFI_PARTITION_TYPE, images.uefi, "-appended_part_as_gpt"]
    argv += ["-c", "boot.cat", "--boot-catalog-hide"]
    if images.bios:
        argv += ["--grub2-mbr", images.hybrid, "-b", "images/eltorito.img", "-no-emul-boot"]
        argv += ["-boot-load-size", "4", "-boot-info-table", "--grub2-boot-info"]
        argv += ["-eltorito-alt-boot"]
        grafts = [*grafts, _graft("images/eltorito.img", images.bios)]
    argv += ["-e", "--interval:appended_partition_2:all::", "-no-emul-boot"]
    return [*argv, "-graft-points", *grafts]


def _replace(new_medium: str, target: str) -> None:
    descriptor = os.open(new_medium, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(new_medium, target)
    files.sync_directory(os.path.dirname(os.path.abspath(target)))
