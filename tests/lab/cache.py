# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the lab builds once and keeps between runs, outside git: ``$ROCKS_LAB_CACHE``, or ``.cache/lab`` in the clone.

A part is a folder named by the hash of all that it is made from. It gets its name when it is complete, so that a
killed run leaves no half one. The content before the present one stays, since another run may still live on it, and so
does what is mounted: a container loses its programs with the folder that it was started from. Older ones go.
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
    """Where the parts lie."""
    path = pathlib.Path(os.environ.get("ROCKS_LAB_CACHE", ROOT / ".cache" / "lab"))
    path.mkdir(parents=True, exist_ok=True)
    return path


def part(name: str, key: str, build: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """The folder of the part ``name`` in the version ``key``; ``build`` fills it when it is not there yet.

    Another process that wants the same part waits for this one.
    """
    kept = folder()
    wanted = kept / f"{name}-{key[:16]}"
    if wanted.is_dir():
        return wanted
    with files.lock(str(kept / f"{name}.lock"), wait=BUILD_SECONDS):
        if not wanted.is_dir():
            _build(name, wanted, build)
    return wanted


def key_of(*paths: pathlib.Path, more: Iterable[str] = ()) -> str:
    """A hash of the named files, of all files below the named folders, and of further texts."""
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


def _unneeded(name: str, kept: pathlib.Path) -> list[pathlib.Path]:
    """The parts of that name but the latest and what a container still lives on, and what killed builds have left."""
    halves = list(kept.glob(f"{name}-new.*"))
    whole = [
        path
        for path in kept.glob(f"{name}-*")
        if path.name.rpartition("-")[0] == name and path not in halves
    ]
    mounted = pathlib.Path("/proc/self/mounts").read_text()
    old = sorted(whole, key=lambda path: path.stat().st_mtime)[:-1]
    return halves + [path for path in old if f"{path}/" not in mounted]


def _build(name: str, wanted: pathlib.Path, build: Callable[[pathlib.Path], None]) -> None:
    for old in _unneeded(name, wanted.parent):
        shutil.rmtree(old)
    aside = wanted.parent / f"{name}-new.{os.getpid()}"
    aside.mkdir()
    started, before = time.monotonic(), os.times()
    try:
        build(aside)
    except BaseException:
        with contextlib.suppress(OSError):
            shutil.rmtree(aside)
        raise
    after = os.times()
    spent = sum(after[:4]) - sum(before[:4])
    (wanted.parent / f"{name}.took").write_text(
        f"{time.monotonic() - started:.1f} s, {spent:.1f} s of CPU\n"
    )
    aside.rename(wanted)
