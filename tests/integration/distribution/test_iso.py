# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Media from a generation: the right files, the same bytes, and firmware that starts them."""

from __future__ import annotations

import configparser
import io
import pathlib
import shutil
from typing import Any, Optional, Sequence

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.media.boot_loader import (
    UEFI_MODULES,
    is_signed,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.media.boot_menu import (
    Entry,
    Menu,
)
from ansible_collections.npaci.rocks.plugins.module_utils.distribution.media.iso import (
    make,
    read_identity,
)
from ansible_collections.npaci.rocks.plugins.module_utils.errors import (
    CommandError,
    DescriptionError,
    NotFound,
)
from support import modules
from support.daemons import daemon
from support.distributions import Site
from support.rpms import Rpm, image, repository
from support.waiting import until

IMAGES = {"kernel": "images/pxeboot/vmlinuz", "initrd": "images/pxeboot/initrd.img"}
STAGE2, VENDORS = "images/install.img", "images/efiboot.img"
BASH = Rpm("bash", "5.1.8", "9.el9", "x86_64")
MENU = Menu(
    "ROCKS", (Entry("Install a compute node", kickstart="text\n"),), timeout=0, console="ttyS0"
)
# Long enough for a kernel's header, and none.
NO_KERNEL = bytes(100_000)
OVMF = pathlib.Path("/usr/share/OVMF")


@pytest.fixture(scope="module")
def efiboot(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A vendor's images/efiboot.img: GRUB with the prefix that Red Hat's has, and a menu that is not ours."""
    folder = tmp_path_factory.mktemp("vendor")
    (folder / "EFI/BOOT").mkdir(parents=True)
    (folder / "EFI/BOOT/grub.cfg").write_text("echo the menu of the vendor\n")
    loader = [
        "grub-mkimage",
        "-O",
        "x86_64-efi",
        "-p",
        "/EFI/BOOT",
        "-o",
        str(folder / "EFI/BOOT/BOOTX64.EFI"),
    ]
    process.run([*loader, *UEFI_MODULES], timeout=60)
    target = folder / "efiboot.img"
    process.run(
        ["mformat", "-C", "-i", str(target), "-T", "16384", "-h", "2", "-s", "16", "::"], timeout=60
    )
    process.run(["mcopy", "-s", "-i", str(target), str(folder / "EFI"), "::/"], timeout=60)
    return target


def upstream(folder: pathlib.Path, efiboot: Optional[pathlib.Path]) -> pathlib.Path:
    """A vendor's tree whose kernel is none: a boot loader that found it says so."""
    repository(folder, [BASH])
    contents = {**dict.fromkeys(IMAGES.values(), NO_KERNEL), STAGE2: b"second stage"}
    if efiboot:
        contents[VENDORS] = efiboot.read_bytes()
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    info = configparser.ConfigParser()
    info.read_dict({
        "tree": {"arch": "x86_64", "variants": "BaseOS"},
        "images-x86_64": {**IMAGES, **({"efiboot.img": VENDORS} if efiboot else {})},
        "stage2": {"mainimage": STAGE2},
    })  # fmt: skip
    text = io.StringIO()
    info.write(text)
    (folder / ".treeinfo").write_text(text.getvalue())
    return folder


@pytest.fixture
def tree(tmp_path: pathlib.Path, efiboot: pathlib.Path) -> pathlib.Path:
    return upstream(tmp_path / "tree", efiboot)


def listing(medium: pathlib.Path) -> list[str]:
    """The files on a medium."""
    said = process.run(
        ["xorriso", "-indev", str(medium), "-find", "/", "-type", "f"], timeout=60
    ).stdout
    return sorted(line.strip("'/") for line in said.splitlines())


def content(medium: pathlib.Path, path: str, folder: pathlib.Path) -> bytes:
    """One file of a medium."""
    target = folder / "extracted"
    process.run(
        ["xorriso", "-osirrox", "on", "-indev", str(medium), "-extract", f"/{path}", str(target)],
        timeout=60,
    )
    data = target.read_bytes()
    target.unlink()
    return data


# What is on it


def test_a_medium_without_packages_holds_what_starts_an_installer(
    tree: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    medium = tmp_path / "small.iso"
    made = make(str(tree), str(medium), MENU, packages=False)
    assert (made.changed, made.loader) == (True, "images/efiboot.img of the tree")
    assert listing(medium) == sorted([
        ".treeinfo", "EFI/BOOT/BOOTX64.EFI", "EFI/BOOT/grub.cfg", "boot/grub2/grub.cfg", "images/eltorito.img",
        STAGE2, *IMAGES.values(), "ks/1.cfg",
    ])  # fmt: skip
    assert content(medium, "ks/1.cfg", tmp_path) == b"text\n"
    assert content(medium, IMAGES["kernel"], tmp_path) == NO_KERNEL


def test_a_full_medium_of_a_generation_holds_packages_and_no_links(
    tmp_path: pathlib.Path, efiboot: pathlib.Path
) -> None:
    site = Site(tmp_path)
    source = site.mirror("os", [BASH])
    upstream(pathlib.Path(source.path), efiboot)
    site.build("rocks", source)
    medium = tmp_path / "full.iso"
    answer = modules.run("rocks_iso", distribution="rocks", path=str(site.root), dest=str(medium))
    assert (answer["changed"], answer["tree"]) == (True, str(site.tree("rocks").resolve()))
    (package,) = [path for path in listing(medium) if path.endswith(".rpm")]
    assert content(medium, package, tmp_path) == image(BASH)
    links = process.run(
        ["xorriso", "-indev", str(medium), "-find", "/", "-type", "l"], timeout=60
    ).stdout
    assert links == ""
    assert "repodata/repomd.xml" in listing(medium)


def test_the_menu_of_the_vendor_is_replaced_by_ours(
    tree: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    medium = tmp_path / "small.iso"
    make(str(tree), str(medium), MENU, packages=False)
    menus = {
        content(medium, path, tmp_path) for path in ("EFI/BOOT/grub.cfg", "boot/grub2/grub.cfg")
    }
    assert len(menus) == 1
    assert b"search --no-floppy --set=root --label ROCKS" in menus.pop()


def test_the_medium_boots_by_bios_and_uefi_as_el_torito_says(
    tree: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    medium = tmp_path / "small.iso"
    make(str(tree), str(medium), MENU, packages=False)
    said = process.run(
        ["xorriso", "-indev", str(medium), "-report_el_torito", "plain"], timeout=60
    ).stdout
    assert [
        line.split()[6] for line in said.splitlines() if line.startswith("El Torito boot img")
    ] == ["BIOS", "UEFI"]


def test_a_tree_without_efiboot_gets_the_frontends_grub_and_says_so(tmp_path: pathlib.Path) -> None:
    made = make(
        str(upstream(tmp_path / "plain", None)), str(tmp_path / "plain.iso"), MENU, packages=False
    )
    assert (made.loader, made.secure_boot) == ("the frontend's GRUB", False)


def test_a_signed_loader_is_told_from_an_unsigned_one(tmp_path: pathlib.Path) -> None:
    """A PE file with a certificate table is signed: bytes 144 to 151 of its optional header."""
    program = bytearray(600)
    program[0x3C:0x40] = (128).to_bytes(4, "little")
    program[152:154] = (0x20B).to_bytes(2, "little")
    (tmp_path / "unsigned").write_bytes(program)
    program[152 + 148 : 152 + 152] = (1000).to_bytes(4, "little")
    (tmp_path / "signed").write_bytes(program)
    (tmp_path / "short").write_bytes(b"MZ")
    assert [is_signed(str(tmp_path / name)) for name in ("unsigned", "signed", "short")] == [
        False,
        True,
        False,
    ]


# Twice, and wrong input


def test_the_same_input_gives_the_same_bytes(tree: pathlib.Path, tmp_path: pathlib.Path) -> None:
    made = [tmp_path / "one.iso", tmp_path / "other.iso"]
    make(str(tree), str(made[0]), MENU, packages=True)
    for path in sorted(tree.rglob("*")):
        path.touch()
    make(str(tree), str(made[1]), MENU, packages=True)
    assert made[0].read_bytes() == made[1].read_bytes()


def test_a_medium_that_is_there_is_not_written_again(
    tree: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    options: dict[str, Any] = {
        "tree": str(tree),
        "dest": str(tmp_path / "m.iso"),
        "packages": False,
    }
    first = modules.run("rocks_iso", **options)
    before = (tmp_path / "m.iso").stat()
    second = modules.run("rocks_iso", **options)
    assert (first["changed"], second["changed"]) == (True, False)
    after = (tmp_path / "m.iso").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert read_identity(str(tmp_path / "m.iso")) == second["identity"] == first["identity"]
    assert modules.run("rocks_iso", **options, label="OTHER")["changed"]


def test_check_mode_writes_nothing(tree: pathlib.Path, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    answer = modules.run("rocks_iso", tree=str(tree), dest=str(folder / "m.iso"), check=True)
    assert answer["changed"] and not list(folder.iterdir())


def test_a_tree_without_an_installer_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NotFound, match=r"no installer: no \.treeinfo"):
        make(
            str(repository(tmp_path / "tree", [BASH])),
            str(tmp_path / "m.iso"),
            MENU,
            packages=False,
        )


def test_a_tree_that_lost_an_image_is_refused(tree: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tree / STAGE2).unlink()
    with pytest.raises(DescriptionError, match=r"stage2 'images/install\.img'"):
        make(str(tree), str(tmp_path / "m.iso"), MENU, packages=False)


def test_an_unknown_generation_is_named(tmp_path: pathlib.Path) -> None:
    answer = modules.run(
        "rocks_iso", distribution="rocks", path=str(tmp_path), dest=str(tmp_path / "m.iso")
    )
    assert answer["failed"] and "nothing is published for x86_64" in answer["msg"]
    answer = modules.run(
        "rocks_iso", distribution="rocks", generation="4c19", path=str(tmp_path), dest="/x.iso"
    )
    assert 'distribution "rocks" has no generation "4c19"' in answer["msg"]


def test_a_failure_leaves_the_old_medium(tree: pathlib.Path, tmp_path: pathlib.Path) -> None:
    medium = tmp_path / "m.iso"
    make(str(tree), str(medium), MENU, packages=False)
    before = medium.read_bytes()

    def broken(argv: Sequence[str], **options: Any) -> process.ProgramResult:
        if argv[0] == "xorriso":
            raise CommandError("No space left on device", "xorriso")
        return process.run(argv, **options)

    with pytest.raises(CommandError):
        make(str(tree), str(medium), MENU, packages=True, run=broken)
    assert medium.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.iso", "tree"]


# Firmware


@pytest.mark.parametrize(("firmware", "drive"), [("bios", "cd"), ("bios", "stick"), ("uefi", "cd")])
def test_firmware_starts_the_medium_and_our_menu_finds_the_kernel(
    tree: pathlib.Path, tmp_path: pathlib.Path, firmware: str, drive: str
) -> None:
    """The kernel of this tree is none, which only a boot loader that has read it can say."""
    medium = tmp_path / "m.iso"
    make(str(tree), str(medium), MENU, packages=False)
    argv = [
        "qemu-system-x86_64",
        "-machine",
        "q35,accel=tcg",
        "-cpu",
        "max",
        "-m",
        "512",
        "-display",
        "none",
    ]
    argv += [
        "-monitor",
        "none",
        "-nic",
        "none",
        "-no-reboot",
        "-serial",
        f"file:{tmp_path / 'console'}",
    ]
    argv += (
        ["-cdrom", str(medium)]
        if drive == "cd"
        else ["-drive", f"file={medium},format=raw,readonly=on,if=virtio"]
    )
    if firmware == "uefi":
        shutil.copy(OVMF / "OVMF_VARS_4M.fd", tmp_path / "variables")
        argv += ["-drive", f"if=pflash,format=raw,readonly=on,file={OVMF / 'OVMF_CODE_4M.fd'}"]
        argv += ["-drive", f"if=pflash,format=raw,file={tmp_path / 'variables'}"]
    console = tmp_path / "console"
    console.touch()
    with daemon(argv, tmp_path / "qemu.log") as machine:

        def refused() -> bool:
            if not machine.alive():
                raise RuntimeError(machine.output())
            return "invalid magic number" in console.read_text(errors="replace")

        until(refused, 120, f"GRUB under {firmware} to refuse the kernel on the {drive}")
