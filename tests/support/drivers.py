# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The sources of a driver, as its vendor distributes them."""

from __future__ import annotations

import io
import pathlib
import tarfile

MODULE = """\
#include <linux/module.h>
static int __init begin(void) { return 0; }
static void __exit end(void) { }
module_init(begin);
module_exit(end);
MODULE_LICENSE("GPL");
"""


def pack(path: pathlib.Path, name: str, text: str = MODULE) -> pathlib.Path:
    """Write version 1.2 of a driver with this text into an archive; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for file, content in {"Makefile": f"obj-m := {name}.o\n", f"{name}.c": text}.items():
            member = tarfile.TarInfo(f"{name}-1.2/{file}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content.encode()))
    return path
