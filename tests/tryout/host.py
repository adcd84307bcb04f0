# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What this machine must have: KVM, programs, a firmware with the vendors' keys, memory, space."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
from dataclasses import dataclass
from typing import Iterator, Optional

from lab.machine.hardware import Flash

from ansible_collections.npaci.rocks.plugins.module_utils import process

KVM = pathlib.Path("/dev/kvm")
MEMORY_INFO = pathlib.Path("/proc/meminfo")
# The folders of QEMU's firmware descriptors (docs/interop/firmware.json), the last has precedence.
DESCRIPTORS = (pathlib.Path("/usr/share/qemu/firmware"), pathlib.Path("/etc/qemu/firmware"))
FEATURES = {"secure-boot", "enrolled-keys"}
MACHINE = "pc-q35-"
FORMATS = ("raw", "qcow2")
# Program -> the package that has it, on Debian and Ubuntu, and on Fedora.
PROGRAMS = {
    "qemu-system-x86_64": ("qemu-system-x86", "qemu-system-x86-core"),
    "swtpm": ("swtpm", "swtpm"),
    "xorriso": ("xorriso", "xorriso"),
    "ssh": ("openssh-client", "openssh-clients"),
    "ssh-keygen": ("openssh-client", "openssh-clients"),
}
FIRMWARE_PACKAGES = ("ovmf", "edk2-ovmf")
# The first release with the network between machines that needs no root (-netdev stream).
OLDEST_QEMU = (7, 2)
QEMU_VERSION = re.compile(r"version (\d+)\.(\d+)")
SECONDS = 30.0
MEBIBYTES_NEEDED = 10.5 * 1024
GIBIBYTES_NEEDED = 45


@dataclass(frozen=True)
class Needs:
    """What the machines need, in MiB of memory and GiB of disk space."""

    memory: float = MEBIBYTES_NEEDED
    space: float = GIBIBYTES_NEEDED


def list_faults(folder: pathlib.Path, needs: Needs = Needs()) -> list[str]:
    """Return one sentence for each thing that is missing here, each with its remedy."""
    faults = [*_missing_programs(), *_old_qemu(), *_kvm()]
    if find_flash() is None:
        faults.append(
            "QEMU's firmware with Secure Boot and the vendors' keys is missing: "
            f"install {_packages(FIRMWARE_PACKAGES)}"
        )
    free = available_memory()
    if free < needs.memory:
        faults.append(
            f"{free / 1024:.1f} GiB of memory are available, and the machines need "
            f"{needs.memory / 1024:.1f}: close other programs"
        )
    space = shutil.disk_usage(_existing(folder)).free / 2**30
    if space < needs.space:
        faults.append(
            f"{space:.0f} GiB are free in {folder}, and the machines need {needs.space:.0f}: "
            "set FOLDER= to a folder on another disk"
        )
    return faults


def find_flash(folders: tuple[pathlib.Path, ...] = DESCRIPTORS) -> Optional[Flash]:
    """Return the first firmware for x86_64 that has Secure Boot enabled; None if there is none.

    A descriptor in a later folder replaces that of the same name in an earlier one.
    """
    paths = {path.name: path for folder in folders for path in sorted(folder.glob("*.json"))}
    for _name, path in sorted(paths.items()):
        flash = _read_descriptor(path)
        if flash and flash.code.exists() and flash.variables.exists():
            return flash
    return None


def available_memory() -> float:
    """Return the MiB that programs can use."""
    match = re.search(r"^MemAvailable:\s+(\d+) kB", MEMORY_INFO.read_text(), re.MULTILINE)
    return int(match[1]) / 1024 if match else 0.0


def qemu_version() -> str:
    """Return the version of QEMU, such as ``8.2``; "" if it is not installed."""
    if not shutil.which("qemu-system-x86_64"):
        return ""
    output = process.run(["qemu-system-x86_64", "--version"], timeout=SECONDS).stdout
    match = QEMU_VERSION.search(output)
    return f"{match[1]}.{match[2]}" if match else ""


def _missing_programs() -> Iterator[str]:
    for program, packages in PROGRAMS.items():
        if not shutil.which(program):
            yield f"{program} is not installed: install {_packages(packages)}"


def _packages(packages: tuple[str, str]) -> str:
    debian, fedora = packages
    return debian if debian == fedora else f"{debian} (Debian, Ubuntu) or {fedora} (Fedora)"


def _old_qemu() -> Iterator[str]:
    version = qemu_version()
    if version and tuple(int(word) for word in version.split(".")) < OLDEST_QEMU:
        oldest = ".".join(map(str, OLDEST_QEMU))
        yield f"QEMU {version} is too old: use {oldest} or newer"


def _kvm() -> Iterator[str]:
    if not KVM.exists():
        yield f"{KVM} is missing: enable virtualisation in the firmware of this machine"
    elif not os.access(KVM, os.R_OK | os.W_OK):
        yield f"{KVM} is not accessible: add your user to the group kvm, and log in again"


def _existing(folder: pathlib.Path) -> pathlib.Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _read_descriptor(path: pathlib.Path) -> Optional[Flash]:
    try:
        data = json.loads(path.read_text())
        features = set(data["features"])
        mapping = data["mapping"]
        machines = [name for target in data["targets"] if target["architecture"] == "x86_64"
                    for name in target["machines"]]  # fmt: skip
        if not features >= FEATURES or not any(name.startswith(MACHINE) for name in machines):
            return None
        if mapping["device"] != "flash" or mapping["executable"]["format"] not in FORMATS:
            return None
        return Flash(
            code=pathlib.Path(mapping["executable"]["filename"]),
            variables=pathlib.Path(mapping["nvram-template"]["filename"]),
            format=mapping["executable"]["format"],
            needs_smm="requires-smm" in features,
        )
    except (OSError, ValueError, KeyError, TypeError):
        # Another program's file: one that cannot be used is not ours to judge.
        return None
