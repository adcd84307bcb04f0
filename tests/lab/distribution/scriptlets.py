# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The few scriptlets that run when a package is installed, as in Red Hat's packages.

Debian's maintainer scripts are left out. They need dpkg, debconf and Perl, and starting Perl took
more than half of the time of an installation under emulation.
"""

from __future__ import annotations

from typing import Iterable, Sequence

UNITS = "/usr/lib/systemd/system/"

# package -> pairs of a section's head and its text; "{version}" is the kernel's.
FIXED: dict[str, Sequence[tuple[str, str]]] = {
    "glibc": (
        (
            "%transfiletriggerin -n glibc -P 2000000 -p <lua> -- /usr/lib /usr/lib64 /etc/ld.so.conf.d",
            'rpm.execute("/usr/sbin/ldconfig")',
        ),
    ),
    "kernel": (
        ("%posttrans -n kernel", "/usr/bin/dracut --force /boot/initramfs-{version}.img {version}"),
        ("%preun -n kernel", "rm -f /boot/initramfs-{version}.img"),
    ),
}


def of_units(
    package: str, paths: Iterable[str], installable: Iterable[str]
) -> list[tuple[str, str]]:
    """Return the scriptlet that applies the presets to the package's units that can be enabled."""
    owned = set(paths)
    units = sorted(unit for unit in installable if UNITS + unit in owned)
    if not units:
        return []
    return [
        (
            f"%post -n {package}",
            f"if [ $1 -eq 1 ]; then systemctl --no-reload preset {' '.join(units)}; fi || :",
        )
    ]
