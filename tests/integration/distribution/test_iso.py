# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Media: their files, their bytes, and firmware that starts them."""

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
STAGE2 = "images/install.img"
VENDOR_IMAGE = "images/efiboot.img"
BASH = Rpm("bash", "5.1.8", "9.el9", "x86_64")
MENU = Menu(
    "ROCKS", (Entry("Install a compute node", kickstart="text\n"),), timeout=0, console="ttyS0"
)
# Long enough for the header of a kernel, but not a kernel.
INVALID_KERNEL = bytes(100_000)
OVMF = pathlib.Path("/usr/share/OVMF")


@pytest.fixture(scope="module")
def efiboot(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Make a vendor's images/efiboot.img: GRUB with Red Hat's prefix, and the vendor's menu."""
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
    """Write a vendor's tree with an invalid kernel, which a boot loader reports."""
    repository(folder, [BASH])
    contents = {**dict.fromkeys(IMAGES.values(), INVALID_KERNEL), STAGE2: b"second stage"}
    if efiboot:
        contents[VENDOR_IMAGE] = efiboot.read_bytes()
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    info = configparser.ConfigParser()
    images = {**IMAGES, "efiboot.img": VENDOR_IMAGE} if efiboot else IMAGES
    info.read_dict(
        {
            "tree": {"arch": "x86_64", "variants": "BaseOS"},
            "images-x86_64": images,
            "stage2": {"mainimage": STAGE2},
        }
    )
    text = io.StringIO()
    info.write(text)
    (folder / ".treeinfo").write_text(text.getvalue())
    return folder


@pytest.fixture
def tree(tmp_path: pathlib.Path, efiboot: pathlib.Path) -> pathlib.Path:
    return upstream(tmp_path / "tree", efiboot)


def listing(medium: pathlib.Path) -> list[str]:
    """Return the paths of the files on a medium."""
    output = process.run(
        ["xorriso", "-indev", str(medium), "-find", "/", "-type", "f"], timeout=60
    ).stdout
    return sorted(line.strip("'/") for line in output.splitlines())


def content(medium: pathlib.Path, path: str, folder: pathlib.Path) -> bytes:
    """Return the content of a file on a medium."""
    target = folder / "extracted"
    process.run(
        ["xorriso", "-osirrox", "on", "-indev", str(medium), "-extract", f"/{path}", str(target)],
        timeout=60,
    )
    data = target.read_bytes()
    target.unlink()
    return data


# Content


def test_a_medium_without_packages_contains_the_installer_and_the_menu(
    tree: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    medium = tmp_path / "small.iso"
    result = make(str(tree), str(medium), MENU, packages=False)
    assert (result.changed, result.loader) == (True, "images/efiboot.img of the tree")
    assert listing(medium) == sorted(
        [
            ".treeinfo",
            "EFI/BOOT/BOOTX64.EFI",
            "EFI/BOOT/grub.cfg",
            "boot/grub2/grub.cfg",
            "images/eltorito.img",
            STAGE2,
            *IMAGES.values(),
            "ks/1.cfg",
        ]
    )
    assert content(medium, "ks/1.cfg", tmp_path) == b"text\n"
    assert content(medium, IMAGES["kernel"], tmp_path) == INVALID_KERNEL


def test_a_full_medium_contains_the_packages_as_files_not_links(
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


def test_our_menu_replaces_the_vendors(tree: pathlib.Path, tmp_path: pathlib.Path) -> None:
    medium = tmp_path / "small.iso"
    make(str(tree), str(medium), MENU, packages=False)
    menus = {
        content(medium, path, tmp_path) for path in ("EFI/BOOT/grub.cfg", "boot/grub2/grub.cfg")
    }
    assert len(menus) == 1
    assert b"search --no-floppy --set=root --label ROCKS" in menus.pop()


def test_el_torito_has_a_bios_and_a_uefi_image(tree: pathlib.Path, tmp_path: pathlib.Path) -> None:
    medium = tmp_path / "small.iso"
    make(str(tree), str(medium), MENU, packages=False)
    report = process.run(
        ["xorriso", "-indev", str(medium), "-report_el_torito", "plain"], timeout=60
    ).stdout
    assert [
        line.split()[6] for line in report.splitlines() if line.startswith("El Torito boot img")
    ] == ["BIOS", "UEFI"]


def test_a_tree_without_efiboot_gets_the_frontends_unsigned_grub(tmp_path: pathlib.Path) -> None:
    medium = make(
        str(upstream(tmp_path / "plain", None)), str(tmp_path / "plain.iso"), MENU, packages=False
    )
    assert (medium.loader, medium.secure_boot) == ("the frontend's GRUB", False)


def test_a_pe_file_with_a_certificate_table_is_signed(tmp_path: pathlib.Path) -> None:
    """The table's entry is in bytes 144 to 151 of the optional header."""
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


# Repeated runs, and faulty input


def test_the_same_input_gives_the_same_bytes(tree: pathlib.Path, tmp_path: pathlib.Path) -> None:
    first = tmp_path / "first.iso"
    second = tmp_path / "second.iso"
    make(str(tree), str(first), MENU, packages=True)
    for path in sorted(tree.rglob("*")):
        path.touch()
    make(str(tree), str(second), MENU, packages=True)
    assert first.read_bytes() == second.read_bytes()


def test_an_existing_medium_of_the_same_input_is_not_written_again(
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


def test_a_folder_is_not_replaced_by_a_medium(tree: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "folder").mkdir()

    with pytest.raises(DescriptionError, match="folder"):
        make(str(tree), str(tmp_path / "folder"), MENU, packages=False)


def test_a_tree_without_an_installer_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NotFound, match=r"tree: .*\.treeinfo"):
        make(
            str(repository(tmp_path / "tree", [BASH])),
            str(tmp_path / "m.iso"),
            MENU,
            packages=False,
        )


def test_a_tree_without_an_image_of_its_treeinfo_is_refused(
    tree: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    (tree / STAGE2).unlink()
    with pytest.raises(DescriptionError, match=r"stage2 'images/install\.img'"):
        make(str(tree), str(tmp_path / "m.iso"), MENU, packages=False)


def test_an_error_contains_the_name_of_an_unknown_generation(tmp_path: pathlib.Path) -> None:
    answer = modules.run(
        "rocks_iso", distribution="rocks", path=str(tmp_path), dest=str(tmp_path / "m.iso")
    )
    assert answer["failed"] and "no published generation for x86_64" in answer["msg"]
    answer = modules.run(
        "rocks_iso", distribution="rocks", generation="4c19", path=str(tmp_path), dest="/x.iso"
    )
    assert 'distribution "rocks" has no generation "4c19"' in answer["msg"]


def test_an_existing_medium_is_unchanged_after_a_failure(
    tree: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    medium = tmp_path / "m.iso"
    make(str(tree), str(medium), MENU, packages=False)
    before = medium.read_bytes()

    def fail_xorriso(argv: Sequence[str], **options: Any) -> process.ProgramResult:
        if argv[0] == "xorriso":
            raise CommandError("No space left on device", "xorriso")
        return process.run(argv, **options)

    with pytest.raises(CommandError):
        make(str(tree), str(medium), MENU, packages=True, run=fail_xorriso)
    assert medium.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.iso", "tree"]


# Firmware


@pytest.mark.parametrize(("firmware", "drive"), [("bios", "cd"), ("bios", "stick"), ("uefi", "cd")])
def test_firmware_starts_the_medium_and_grub_reads_the_kernel(
    tree: pathlib.Path, tmp_path: pathlib.Path, firmware: str, drive: str
) -> None:
    """The kernel is invalid: only a boot loader that has read it reports that."""
    medium = tmp_path / "m.iso"
    make(str(tree), str(medium), MENU, packages=False)
    argv = ["qemu-system-x86_64", "-machine", "q35,accel=tcg", "-cpu", "max", "-m", "512"]
    argv += ["-display", "none", "-monitor", "none", "-nic", "none", "-no-reboot"]
    argv += ["-serial", f"file:{tmp_path / 'console'}"]
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

        def kernel_refused() -> bool:
            if not machine.alive():
                raise RuntimeError(machine.output())
            return "invalid magic number" in console.read_text(errors="replace")

        until(kernel_refused, 120, f"GRUB under {firmware} to refuse the kernel on the {drive}")
