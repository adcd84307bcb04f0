# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`make try ISO=FILE`, and `make try-clean`.

    python -m tryout run FILE [--folder FOLDER]
    python -m tryout clean [--folder FOLDER]

The machines keep running after the last step, so that you can look at them, until you clean up.
"""

from __future__ import annotations

import argparse
import pathlib
import shutil
import sys
from typing import Optional

from lab.machine.chassis import Chassis
from lab.machine.hardware import KVM, UEFI_SECURE, Flash

from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError

from . import host, report, steps
from .machines import Place, assemble_site
from .medium import Medium, read_medium
from .site import Settings, Site
from .step import FAILED, Outcome, Step, run_steps

DEFAULT_FOLDER = pathlib.Path(".cache/try")
# Unix sockets of the machines are below it, and their names have at most 107 bytes.
LONGEST_FOLDER = 80
REPORT = "report.txt"
MINUTES = 45


def main(arguments: Optional[list[str]] = None) -> int:
    """Run a try or clean up; return the exit status."""
    parser = argparse.ArgumentParser(prog="make try")
    parser.add_argument("command", choices=["run", "clean"])
    parser.add_argument("iso", nargs="?", default="", help="the DVD image")
    parser.add_argument("--folder", type=pathlib.Path, default=DEFAULT_FOLDER)
    options = parser.parse_args(arguments)
    folder = options.folder.absolute()
    if options.command == "clean":
        clean(folder)
        return 0
    if not options.iso:
        print("make try: ISO is missing: make try ISO=Rocky-10-x86_64-dvd.iso", file=sys.stderr)
        return 2
    try:
        medium = read_medium(pathlib.Path(options.iso).absolute())
    except RocksError as error:
        print(f"make try: {error}", file=sys.stderr)
        return 1
    faults = [*_folder_faults(folder), *host.list_faults(folder)]
    flash = host.find_flash()
    if faults or flash is None:
        print("\n".join(f"make try: {fault}" for fault in faults), file=sys.stderr)
        return 1
    return _run(medium, flash, folder)


def clean(folder: pathlib.Path) -> None:
    """Switch off the machines of a try and remove its folder; the report is kept beside it."""
    if not folder.is_dir():
        print(f"there is nothing to clean up in {folder}")
        return
    for order in sorted(folder.glob("*/qemu.json")):
        Chassis(order.parent).power_off()
    if (folder / REPORT).exists():
        kept = folder.with_name(f"{folder.name}-{REPORT}")
        shutil.move(folder / REPORT, kept)
        print(f"the report is kept: {kept}")
    shutil.rmtree(folder)


def settings_for(medium: Medium) -> Settings:
    """Return the settings of a try with a vendor's medium."""
    sources = [
        {"name": repository.name, "url": repository.url, "gpg_keys": [repository.key]}
        for repository in medium.repositories()
    ]
    return Settings(
        medium=medium,
        firmware=UEFI_SECURE,
        attributes={"installer_console": "ttyS0,115200"},
        distribution={
            "distribution_medium": steps.MOUNT,
            "distribution_sources": sources,
            # The frontend was installed by it.
            "distribution_trust_installer": True,
        },
        scheduler="slurm" if medium.has_slurm else "none",
    )


def _folder_faults(folder: pathlib.Path) -> list[str]:
    faults = []
    if folder.exists():
        faults.append(f"{folder} exists: run make try-clean first")
    if len(str(folder)) > LONGEST_FOLDER:
        faults.append(f"{folder} is too long for sockets: set FOLDER= to a shorter path")
    return faults


def _run(medium: Medium, flash: Flash, folder: pathlib.Path) -> int:
    settings = settings_for(medium)
    story = [*steps.FRONTEND, *steps.CLUSTER]
    print(f"{medium.title}: {len(story)} steps, about {MINUTES} minutes, in {folder}")
    site: Optional[Site] = None
    outcomes: list[Outcome] = []
    try:
        site = assemble_site(Place(folder, flash, KVM), settings)
        outcomes += run_steps(story, site)
    except RocksError as error:
        outcomes.append(Outcome("Prepare the machines", FAILED, reason=str(error)))
        print(error, file=sys.stderr)
    except KeyboardInterrupt:
        outcomes.append(Outcome("Interrupted", FAILED))
    finally:
        if site:
            site.stop()
    result = _report(medium, folder, outcomes, story)
    print(f"{result}; the report is {folder / REPORT}")
    print(f"  the frontend: ssh -F {folder}/ssh_config frontend")
    print("  switch the machines off and remove everything: make try-clean")
    return 0 if result != FAILED else 1


def _report(
    medium: Medium, folder: pathlib.Path, outcomes: list[Outcome], story: list[Step]
) -> str:
    facts = {
        "medium": medium.title,
        **report.host_facts(),
        "QEMU": host.qemu_version(),
        "firmware": UEFI_SECURE,
        "steps": str(len(story)),
    }
    logs = [*sorted(folder.glob("*.log")), *sorted(folder.glob("*/console"))]
    return report.write_report(folder / REPORT, facts, outcomes, logs, report.private_words())


if __name__ == "__main__":
    sys.exit(main())
