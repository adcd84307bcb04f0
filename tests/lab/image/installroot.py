# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Install packages into a directory with the host's dnf, in a mount namespace that goes with it."""

from __future__ import annotations

import pathlib
from typing import Mapping, Sequence

from ansible_collections.npaci.rocks.plugins.module_utils import process

SECONDS = 300.0
# Debian's rpm would keep its database in the caller's home.
MACROS = "%_dbpath /var/lib/rpm\n"
SCRIPT = """
root=$1 macros=$2
shift 2
mkdir -p "$root"/{proc,sys,dev,run}
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
    IFS=: read -r name major minor <<<"$node"
    mknod -m 666 "$root/dev/$name" c "$major" "$minor"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir -p /etc/rpm
mount -t tmpfs tmpfs /etc/rpm
cp "$macros" /etc/rpm/macros
exec dnf "$@"
"""


def install(
    root: pathlib.Path,
    repositories: Mapping[str, str],
    packages: Sequence[str],
    exclude: Sequence[str] = (),
) -> None:
    """Install ``packages`` (names, or ``@group``) from the repositories (name -> URL) into
    ``root``.
    """
    macros = root.parent / f"{root.name}.macros"
    macros.write_text(MACROS)
    options = ["--assumeyes", "--quiet", f"--installroot={root}", "--releasever=9", "--nogpgcheck"]
    options += [
        f"--setopt={option}"
        for option in ("install_weak_deps=False", "reposdir=/nonexistent", "keepcache=0")
    ]
    options += [f"--exclude={name}" for name in exclude]
    for name, url in repositories.items():
        options += [f"--repofrompath={name},{url}", f"--repo={name}"]
    argv = ["unshare", "--mount", "bash", "-euc", SCRIPT, "installroot", str(root), str(macros)]
    process.run([*argv, *options, "install", *packages], timeout=SECONDS)
    macros.unlink()
