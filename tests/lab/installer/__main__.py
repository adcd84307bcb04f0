# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The whole installation, in the order and with the messages of anaconda."""

from __future__ import annotations

import pathlib
import shutil
import sys
from typing import Any, Optional

from pykickstart.constants import (
    KS_REBOOT,
    KS_SCRIPT_POST,
    KS_SCRIPT_PRE,
    KS_SCRIPT_PREINSTALL,
    KS_SHUTDOWN,
)

from . import (
    bootloader,
    configure,
    disks,
    failure,
    kickstart,
    network,
    packages,
    remote,
    screen,
    scripts,
    storage,
)
from .model import Plan
from .programs import SYSROOT, run

KICKSTART = pathlib.Path("/run/install/ks.cfg")
VERDICT = pathlib.Path("/run/install/verdict")
# A light node has no disk: its root is a directory that is mounted already.
LIGHT = pathlib.Path("/run/install/light")
SCRIPT_LOGS = "ks-script*.log"
# What is mounted in the installed system during the installation.
MOUNTS = (
    ("proc", "proc"),
    ("sysfs", "sys"),
    ("devtmpfs", "dev"),
    ("devpts", "dev/pts"),
    ("tmpfs", "dev/shm"),
)


def main() -> int:
    """Install this machine; return 0 and write the verdict.

    An installation that stops behaves as anaconda's (failure).
    """
    major = kickstart.release()
    screen.show(f"anaconda stand-in started for release {major}.")
    try:
        run_pre(major)
        handler = _read(major)
    except Exception as error:  # noqa: BLE001 there is no interface yet: the process ends
        return failure.end_without_interface(error)
    try:
        _install(handler, major)
    except Exception as error:  # noqa: BLE001 the outermost frame shows every error on the screen
        return failure.stop(handler, error)
    VERDICT.write_text(_verdict(handler))
    return 0


def run_pre(major: int) -> None:
    """Run the %pre scripts before the rest of the kickstart is read."""
    pre_scripts = kickstart.pre_scripts(KICKSTART, major)
    if pre_scripts:
        screen.log("anaconda", "Running kickstart %pre script(s)")
        scripts.run(pre_scripts, KS_SCRIPT_PRE)


def _read(major: int) -> Any:
    handler, warnings = kickstart.read(KICKSTART, major)
    for warning in warnings:
        screen.log("anaconda", f"WARN {warning}")
    return handler


def _install(handler: Any, major: int) -> None:
    screen.show(f"{screen.RULE}\n{screen.RULE}\nProgress")
    screen.show("Setting up the installation environment")
    remote.start(handler)
    plan = None if LIGHT.exists() else _storage(handler, major)
    _mount_system()
    screen.show("Running pre-installation scripts")
    scripts.run(handler.scripts, KS_SCRIPT_PREINSTALL)
    screen.show("Running pre-installation tasks")
    screen.show("Starting package installation process")
    packages.install(handler, plan, major, remote.word("inst.lab.gpgkey"))
    _configure(handler, plan)
    screen.show("Running post-installation scripts")
    scripts.run(handler.scripts, KS_SCRIPT_POST)
    screen.show("Storing configuration files and kickstarts")
    _store()
    if plan:
        _kexec_load(handler, plan)
        _unmount()
    screen.show("Installation complete")


def _storage(handler: Any, major: int) -> Plan:
    screen.show("Configuring storage")
    plan = storage.plan(
        handler,
        disks.list_disks(),
        efi=disks.efi(),
        major=major,
        resolve=disks.resolve,
        stacks=disks.list_stacks(),
    )
    screen.log("storage", str(plan))
    disks.apply(plan)
    (SYSROOT / "etc").mkdir(exist_ok=True)
    (SYSROOT / "etc/fstab").write_text(disks.fstab(plan))
    return plan


def _mount_system() -> None:
    for directory in ("proc", "sys", "dev", "run", "tmp"):
        (SYSROOT / directory).mkdir(parents=True, exist_ok=True)
    (SYSROOT / "tmp").chmod(0o1777)
    for kind, directory in MOUNTS:
        if LIGHT.exists() and directory.startswith("dev"):
            continue
        target = SYSROOT / directory
        target.mkdir(exist_ok=True)
        run(["mount", "-t", kind, kind, str(target)])
    run(["mount", "--bind", "/run", str(SYSROOT / "run")])
    if LIGHT.exists():
        run(["mount", "--rbind", "/dev", str(SYSROOT / "dev")])
    if disks.efi() and not LIGHT.exists():
        run(["mount", "-t", "efivarfs", "efivarfs", str(SYSROOT / "sys/firmware/efi/efivars")])
    alias = pathlib.Path("/mnt/sysimage")
    if not alias.exists():
        alias.symlink_to(SYSROOT)


def _configure(handler: Any, plan: Optional[Plan]) -> None:
    if plan:
        bootloader.install(handler, plan)
    screen.show("Configuring installed system")
    configure.system(handler)
    screen.show("Writing network configuration")
    network.write(handler.network.network)
    screen.show("Creating users")
    configure.users(handler)


def _store() -> None:
    target = SYSROOT / "root/anaconda-ks.cfg"
    shutil.copy(KICKSTART, target)
    target.chmod(0o600)
    logs = SYSROOT / "var/log/anaconda"
    logs.mkdir(parents=True, exist_ok=True)
    # The logs that anaconda copies (data/post-scripts/99-copy-logs.ks), no others.
    for pattern in ("anaconda.log", "program.log", "packaging.log", "storage.log", SCRIPT_LOGS):
        for path in screen.LOGS.glob(pattern):
            pathlib.Path(shutil.copy(path, logs)).chmod(0o600)


def _unmount() -> None:
    run(["swapoff", "-a"])
    run(["umount", "--recursive", "--lazy", str(SYSROOT)])
    run(["sync"])


def _kexec_load(handler: Any, plan: Plan) -> None:
    if not handler.reboot.kexec:
        return
    screen.show("Setting up kexec")
    version = bootloader.kernel_version()
    root = plan.at("/")
    uuid = disks.uuid(root.device) if root else ""
    line = f"root=UUID={uuid} ro {bootloader.arguments(handler.bootloader.appendLine)}"
    boot = SYSROOT / "boot"
    run(
        [
            "kexec",
            "--load",
            str(boot / f"vmlinuz-{version}"),
            f"--initrd={boot}/initramfs-{version}.img",
            f"--append={line}",
        ]
    )


def _verdict(handler: Any) -> str:
    action = handler.reboot.action
    if action == KS_REBOOT:
        return "kexec" if handler.reboot.kexec else "reboot"
    # Without one of these commands anaconda halts after an unattended installation.
    return "poweroff" if action == KS_SHUTDOWN else "halt"


if __name__ == "__main__":
    sys.exit(main())
