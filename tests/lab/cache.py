# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Build results that are kept between runs: in ``$ROCKS_LAB_CACHE``, or ``.cache/lab`` in the
clone.

A part is a folder named by the hash of everything it is made from. It gets its name when it is
complete, so that a killed run leaves no incomplete part. The previous version stays, because
another run may still use it, and so do mounted versions: a container loses its programs with the
folder that it was started from. Older versions are removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import shutil
import time
from typing import Callable, Iterable

from ansible_collections.npaci.rocks.plugins.module_utils import files

ROOT = pathlib.Path(__file__).parents[2]
LAB = pathlib.Path(__file__).parent
BUILD_SECONDS = 1200.0


def folder() -> pathlib.Path:
    """Return the folder of all parts; create it if it is missing."""
    path = pathlib.Path(os.environ.get("ROCKS_LAB_CACHE", ROOT / ".cache" / "lab"))
    path.mkdir(parents=True, exist_ok=True)
    return path


def part(name: str, key: str, build: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """Return the folder of the part ``name`` in the version ``key``; call ``build`` to fill it if
    it is missing.

    Another process that needs the same part waits for this one.
    """
    root = folder()
    target = root / f"{name}-{key[:16]}"
    if target.is_dir():
        return target
    with files.lock(str(root / f"{name}.lock"), wait=BUILD_SECONDS):
        if not target.is_dir():
            _build(name, target, build)
    return target


def key_of(*paths: pathlib.Path, more: Iterable[str] = ()) -> str:
    """Return a hash of the named files, of all files below the named folders, and of more texts."""
    digest = hashlib.sha256()
    for path in paths:
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(
                    f"{file.relative_to(path.parent)}\0{file.stat().st_mode & 0o111:o}\0".encode()
                )
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    for text in more:
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()


def _list_unneeded(name: str, root: pathlib.Path) -> list[pathlib.Path]:
    """Return old versions of a part that no container uses, and the remains of killed builds."""
    incomplete = list(root.glob(f"{name}-new.*"))
    complete = [
        path
        for path in root.glob(f"{name}-*")
        if path.name.rpartition("-")[0] == name and path not in incomplete
    ]
    mounted = pathlib.Path("/proc/self/mounts").read_text()
    old = sorted(complete, key=lambda path: path.stat().st_mtime)[:-1]
    return incomplete + [path for path in old if f"{path}/" not in mounted]


def _build(name: str, target: pathlib.Path, build: Callable[[pathlib.Path], None]) -> None:
    for old in _list_unneeded(name, target.parent):
        shutil.rmtree(old)
    aside = target.parent / f"{name}-new.{os.getpid()}"
    aside.mkdir()
    started = time.monotonic()
    before = os.times()
    try:
        build(aside)
    except BaseException:
        with contextlib.suppress(OSError):
            shutil.rmtree(aside)
        raise
    after = os.times()
    spent = sum(after[:4]) - sum(before[:4])
    (target.parent / f"{name}.took").write_text(
        f"{time.monotonic() - started:.1f} s, {spent:.1f} s of CPU\n"
    )
    aside.rename(target)
