# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Other Pythons than the one that runs the tests."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
from typing import Iterator


def find(version: str) -> str:
    """The path of a Python ``X.Y``: from PATH, or else one of pyenv's versions; empty: neither."""
    return next((path for path in _candidates(version) if has_version(path, version)), "")


def has_version(path: str, version: str) -> bool:
    """Whether it runs and has the version: pyenv's shim on PATH may only print a hint."""
    argv = [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    except OSError:
        return False
    return ended.stdout.strip() == version


def _candidates(version: str) -> Iterator[str]:
    name = f"python{version}"
    yield shutil.which(name) or name
    if shutil.which("pyenv"):
        ended = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=False)
        versions = pathlib.Path(ended.stdout.strip(), "versions")
        yield from sorted(map(str, versions.glob(f"{version}.*/bin/{name}")))
