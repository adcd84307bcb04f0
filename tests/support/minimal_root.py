# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A minimal Debian 12 without a network, in which ``bootstrap`` runs."""

from __future__ import annotations

import hashlib
import pathlib
from typing import Iterator

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process

from .ansible import BIN, ROOT

BUILD_SECONDS = 900.0
RUN_SECONDS = 600.0


@pytest.fixture(scope="module")
def minimal_root() -> Iterator[pathlib.Path]:
    """Return the root of a minimal Debian 12, and the packages of Python in its /wheels."""
    folder = ROOT / ".cache" / "bootstrap"
    requirements = (ROOT / "requirements.txt").read_bytes()
    ready = folder / f"ready-{hashlib.sha256(requirements).hexdigest()[:16]}"
    if not ready.exists():
        process.run(["rm", "-rf", "--one-file-system", str(folder)], timeout=BUILD_SECONDS)
        folder.mkdir(parents=True)
        argv = [
            "unshare",
            "--mount",
            "--",
            "mmdebstrap",
            "--variant=minbase",
            "--include=apt,python3-venv",
        ]
        process.run(
            [*argv, "bookworm", str(folder / "root")],
            timeout=BUILD_SECONDS,
            env={"TMPDIR": str(folder)},
        )
        argv = [str(BIN / "pip"), "download", "--quiet", "--disable-pip-version-check"]
        argv += [
            "--python-version=3.11",
            "--only-binary=:all:",
            "-r",
            str(ROOT / "requirements.txt"),
        ]
        process.run([*argv, "-d", str(folder / "root/wheels")], timeout=BUILD_SECONDS)
        ready.touch()
    yield folder / "root"


def bootstrap(
    root: pathlib.Path, *arguments: str, prepare: str = "true", environment: str = ""
) -> str:
    """Run it in a copy of the root, which ``prepare`` changes first, and return its output.

    environment  further assignments for env(1), separated by spaces
    """
    script = f"""set -e
    mount -t tmpfs none /mnt; mkdir -p /mnt/upper /mnt/work /mnt/root
    mount -t overlay -o lowerdir={root},upperdir=/mnt/upper,workdir=/mnt/work none /mnt/root
    mkdir /mnt/root/srv/rocks; mount --rbind -o ro {ROOT} /mnt/root/srv/rocks
    mount --rbind /dev /mnt/root/dev; mount -t proc proc /mnt/root/proc
    chroot /mnt/root sh -ec "$1"; shift
    exec chroot /mnt/root env ROCKS_WHEELS=/wheels {environment} /srv/rocks/bootstrap "$@"
    """
    argv = ["unshare", "--mount", "--net", "--pid", "--fork", "sh", "-c", script, "sh", prepare]
    return process.run([*argv, *arguments], timeout=RUN_SECONDS).stdout
