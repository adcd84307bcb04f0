"""Other releases of ansible-core, each in an environment of its own that later runs find again."""

from __future__ import annotations

import fcntl
import pathlib
import subprocess
import sys
from typing import Callable

import pytest

from support.ansible import BIN, ROOT

CACHE = ROOT / ".cache" / "ansible-core"


@pytest.fixture(scope="session")
def old_ansible() -> Callable[[str], pathlib.Path]:
    """Release -> the folder of its programs; ``current`` is the one that the tests run with."""
    return lambda release: BIN if release == "current" else installed(release)


def installed(release: str) -> pathlib.Path:
    """Install ansible-core of this release with what the inventory needs, once."""
    folder = CACHE / release
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{release}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            subprocess.run(
                [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
                + [f"ansible-core=={release}.*", "pymysql"],
                check=True,
                capture_output=True,
            )
            (folder / "ready").touch()
    return folder / "bin"
