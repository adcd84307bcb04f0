# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kernel's modules: the selection, and the order in which an initramfs loads them."""

from __future__ import annotations

import pathlib
from typing import Iterable

from ansible_collections.npaci.rocks.plugins.module_utils import process

from .model import File

MODULES = "usr/lib/modules"
DEPMOD_SECONDS = 60.0


def load_order(root: pathlib.Path, version: str, names: Iterable[str]) -> list[pathlib.Path]:
    """Return the files of the named modules and their dependencies, dependencies first.

    depmod must have run in ``root``.
    """
    argv = [
        "modprobe",
        "--dirname",
        str(root),
        "--set-version",
        version,
        "--show-depends",
        "--all",
        *names,
    ]
    lines = process.run(argv, timeout=DEPMOD_SECONDS).stdout.splitlines()
    return [
        pathlib.Path(path)
        for path in dict.fromkeys(line.split()[1] for line in lines if line.startswith("insmod"))
    ]


def depmod(root: pathlib.Path, version: str) -> None:
    """Write the indexes of the modules below ``root``, a tree with merged /usr."""
    process.run(["depmod", "--basedir", str(root), version], timeout=DEPMOD_SECONDS)


def trim_modules(root: pathlib.Path, files: list[File], names: Iterable[str]) -> list[File]:
    """Remove all kernel modules but the named ones and their dependencies, and update the index."""
    (directory,) = (root / MODULES).iterdir()
    version = directory.name
    depmod(root, version)
    retained = {
        f"/{path.resolve().relative_to(root.resolve())}"
        for path in load_order(root, version, names)
    }
    prefix = f"/{MODULES}/{version}/kernel/"
    for file in files:
        if file.path.startswith(prefix) and not file.directory and file.path not in retained:
            (root / file.path[1:]).unlink()
    depmod(root, version)
    indexes = [File(f"/{path.relative_to(root)}") for path in sorted(directory.glob("modules.*"))]
    remaining = [
        file for file in files if not file.path.startswith(prefix) or file.path in retained
    ]
    return list(dict.fromkeys([*remaining, *indexes]))
