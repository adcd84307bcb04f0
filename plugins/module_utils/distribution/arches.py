# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Package architectures that a node of each architecture can install."""

from __future__ import annotations

from typing import Mapping

NOARCH = "noarch"
SOURCE_ARCHES = ("src", "nosrc")

# Architecture of the node -> itself, then those that its kernel can also run.  From rpm's rpmrc.
COMPATIBLE_ARCHES: Mapping[str, tuple[str, ...]] = {
    "x86_64": ("x86_64", "x86_64_v2", "i686", "i586", "i486", "i386", NOARCH),
    "x86_64_v2": ("x86_64_v2", "x86_64", "i686", "i586", "i486", "i386", NOARCH),
    "aarch64": ("aarch64", NOARCH),
    "ppc64le": ("ppc64le", NOARCH),
    "s390x": ("s390x", NOARCH),
    "riscv64": ("riscv64", NOARCH),
}

# Names of the same architectures in other systems -> the name in RPM.
OTHER_NAMES: Mapping[str, str] = {
    "amd64": "x86_64",
    "x64": "x86_64",
    "x86-64": "x86_64",
    "arm64": "aarch64",
    "armv8": "aarch64",
    "ppc64el": "ppc64le",
    "powerpc64le": "ppc64le",
}
