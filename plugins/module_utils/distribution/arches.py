# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What installs on what: the architectures of packages that a node of one architecture accepts."""

from __future__ import annotations

from typing import Mapping

NOARCH = "noarch"
SOURCE_ARCHES = ("src", "nosrc")

# The first is the architecture itself, then what its kernel also runs.  From rpm's rpmrc, the rows of today's machines.
COMPATIBLE_ARCHES: Mapping[str, tuple[str, ...]] = {
    "x86_64": ("x86_64", "x86_64_v2", "i686", "i586", "i486", "i386", NOARCH),
    "x86_64_v2": ("x86_64_v2", "x86_64", "i686", "i586", "i486", "i386", NOARCH),
    "aarch64": ("aarch64", NOARCH),
    "ppc64le": ("ppc64le", NOARCH),
    "s390x": ("s390x", NOARCH),
    "riscv64": ("riscv64", NOARCH),
}
