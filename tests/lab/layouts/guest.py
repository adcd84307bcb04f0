# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Install each layout on blank disks, write a file to every volume, and install it again.

This program runs in the guest. Its output is one line of JSON for each layout.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
from typing import Any

# The package lab.installer has this name in stage 2.
from installer import disks, kickstart, storage  # type: ignore[import-not-found]
from installer.model import InstallError, Plan  # type: ignore[import-not-found]
from installer.programs import SYSROOT  # type: ignore[import-not-found]

HERE = pathlib.Path(__file__).parent
MARKER = "data-of-before"
COMMANDS = pathlib.Path("/run/partition.ks")


def sh(*argv: str, check: bool = True) -> str:
    return subprocess.run(
        argv, capture_output=True, text=True, check=check, timeout=120
    ).stdout.strip()


def decide(layout: str, *options: str) -> tuple[str, list[str]]:
    """Run the partition program; return its result or its refusal, and the commands."""
    pathlib.Path("/run/layout").write_text(layout)
    argv = ["/usr/bin/python3", "-B", "/usr/lib/lab/rocks/partition.py", "--layout", "/run/layout"]
    argv += ["--output", str(COMMANDS), "--firmware", "bios", *options]
    for device in data_disks():
        argv += ["--device", device]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    if ended.returncode:
        return ended.stderr.strip(), []
    return ended.stdout.strip(), COMMANDS.read_text().splitlines()[1:]


def data_disks() -> list[str]:
    return [f"/dev/{disk.name}" for disk in disks.list_disks() if disk.name != "vda"]


def install() -> Plan:
    """Carry out the commands as the installer does, and mount everything."""
    handler, _warnings = kickstart.read(COMMANDS, 9)
    plan = storage.plan(
        handler,
        [disk for disk in disks.list_disks() if disk.name != "vda"],
        efi=False,
        major=9,
        resolve=disks.resolve,
        stacks=disks.list_stacks(),
    )
    disks.apply(plan)
    return plan


def mounted(plan: Plan) -> list[str]:
    return [mount.point for mount in plan.mounts if mount.point.startswith("/")]


def deactivate() -> None:
    """Stop everything that is on the disks."""
    lines = pathlib.Path("/proc/mounts").read_text().splitlines()
    for point in reversed([line.split()[1] for line in lines]):
        if point.startswith(str(SYSROOT)):
            sh("umount", point)
    for line in pathlib.Path("/proc/swaps").read_text().splitlines()[1:]:
        sh("swapoff", line.split()[0])
    sh("lvm", "vgchange", "--activate", "n", check=False)
    sh("mdadm", "--stop", "--scan", check=False)
    sh("udevadm", "settle")


def restart() -> None:
    """Do what a restart does to the disks: everything is inactive, and then detected again."""
    deactivate()
    sh("mdadm", "--assemble", "--scan", check=False)
    sh("lvm", "vgchange", "--activate", "y", check=False)
    sh("udevadm", "settle")


def blank() -> None:
    """Make all disks blank again."""
    deactivate()
    for disk in data_disks():
        for path in sorted(pathlib.Path("/dev").glob(pathlib.Path(disk).name + "[0-9]*")):
            sh("wipefs", "--all", "--force", str(path))
        sh("wipefs", "--all", "--force", disk)
        sh("blockdev", "--rereadpt", disk)
    sh("udevadm", "settle")


def run(name: str, layout: str) -> dict[str, Any]:
    """Install a layout twice; return what both times did."""
    result: dict[str, Any] = {"name": name}
    result["first"], result["first_commands"] = decide(layout)
    plan = install()
    for point in mounted(plan):
        (SYSROOT / point[1:] / MARKER).write_text(point)
    uuids = {mount.point: disks.uuid(mount.device) for mount in plan.mounts}
    restart()
    result["again"], result["again_commands"] = decide(layout)
    if result["again"] == "reuse":
        plan = install()
        result["kept"] = [
            point for point in mounted(plan) if (SYSROOT / point[1:] / MARKER).exists()
        ]
        result["same"] = sorted(
            mount.point
            for mount in plan.mounts
            if mount.point in uuids and disks.uuid(mount.device) == uuids[mount.point]
        )
    deactivate()
    result["inactive"] = decide(layout)[0]
    return result


def main() -> None:
    for name, layout in json.loads((HERE / "layouts.json").read_text()).items():
        try:
            result = run(name, layout)
        except (
            LookupError,
            OSError,
            ValueError,
            InstallError,
            subprocess.SubprocessError,
        ) as error:
            result = {"name": name, "error": f"{type(error).__name__}: {error}"}
        print("RESULT " + json.dumps(result), flush=True)
        blank()


main()
