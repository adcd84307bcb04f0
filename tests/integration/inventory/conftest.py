"""Other releases of ansible-core, each in a virtual environment that later runs reuse."""

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
    """Return a function: release -> the folder of its programs.

    ``current`` is the release that the tests themselves run on.
    """
    return lambda release: BIN if release == "current" else install_ansible(release)


def install_ansible(release: str) -> pathlib.Path:
    """Install this release of ansible-core and the requirements of the inventory, once."""
    folder = CACHE / release
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{release}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run(
                [*pip, f"ansible-core=={release}.*", "pymysql"], check=True, capture_output=True
            )
            (folder / "ready").touch()
    return folder / "bin"
