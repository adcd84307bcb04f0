# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Small RPM files with the names of the profiles' packages, so that the demonstration needs no
mirror.

packages.py stock FOLDER    create a repository like a vendor's
packages.py update FOLDER   build a newer openmpi, like a site does
"""

from __future__ import annotations

import pathlib
import sys

from ansible_collections.npaci.rocks.plugins.module_utils.profile.compile.compiler import (
    compile_profile,
)
from ansible_collections.npaci.rocks.plugins.module_utils.profile.installer_packages import (
    all_names,
)
from support.rpms import Rpm, repository, write

ROOT = pathlib.Path(__file__).parents[1]
COMPS = """<?xml version="1.0" encoding="UTF-8"?>
<comps>
  <group>
    <id>core</id><name>Core</name><description>What every system has.</description>
    <default>true</default><uservisible>true</uservisible>
    <packagelist><packagereq type="mandatory">filesystem</packagereq></packagelist>
  </group>
</comps>
"""


LAYERS = [str(ROOT / "xml"), str(ROOT / "rolls" / "slurm")]


def required_packages() -> list[str]:
    """Return the packages that the nodes install, and those that the installer adds."""
    attributes = {"arch": "x86_64", "frontend_address": "127.0.1.1", "home_server": "127.0.1.1"}
    names = set(all_names())
    for root in ("compute", "login", "nas", "web", "frontend"):
        for package in compile_profile(LAYERS, root, attributes, "rhel9").packages:
            names.add(package.name)
    return sorted(name for name in names if not name.startswith(("@", "-")))


def main(command: str, folder: pathlib.Path) -> None:
    if command == "update":
        print(write(Rpm("openmpi", "4.1.7", arch="x86_64"), folder).name)
        return
    names = ["filesystem", *required_packages()]
    repository(
        folder, [Rpm(name, "4.1.1", arch="x86_64") for name in names], extra={"group": COMPS}
    )
    print(f"{len(names)} packages")


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]))
