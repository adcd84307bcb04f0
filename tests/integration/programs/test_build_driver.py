# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A driver is built with real kernel headers and a real compiler, and packaged by the real
rpmbuild.
"""

from __future__ import annotations

import pathlib
import shutil
import subprocess
from typing import Iterator

import pytest

from support.ansible import ROOT
from support.drivers import MODULE, pack

PROGRAM = ROOT / "xml" / "programs" / "build-driver"
ARCHIVE = "myri-1.2.tar.gz"


@pytest.fixture
def kernel() -> Iterator[str]:
    """Debian's headers with a kernel release of Red Hat, which is a valid version for rpm."""
    real = max(pathlib.Path("/lib/modules").glob("*-cloud-amd64/build"))
    folder = pathlib.Path("/lib/modules/6.1.0-427.13.1.el9_4.x86_64")
    folder.mkdir(exist_ok=True)
    (folder / "build").unlink(missing_ok=True)
    (folder / "build").symlink_to(real)
    yield folder.name
    shutil.rmtree(folder)


def build(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", PROGRAM, *map(str, words)], capture_output=True, text=True, check=False, timeout=120
    )


def test_the_rpm_contains_the_module_and_requires_its_kernel(
    kernel: str, tmp_path: pathlib.Path
) -> None:
    ended = build("myri", "1.2", pack(tmp_path / ARCHIVE, "myri"), kernel, tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (rpm,) = tmp_path.glob("*.rpm")

    def query(*words: str) -> list[str]:
        argv = ["rpm", "--query", "--package", str(rpm), *words]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()

    assert f"/lib/modules/{kernel}/extra/myri/myri.ko" in query("--list")
    assert f"kernel-uname-r = {kernel}" in query("--requires")
    assert rpm.name == "kmod-myri-1.2-1.6.1.0_427.13.1.el9_4.x86_64.rpm"


def test_a_failed_build_prints_the_reason_and_leaves_no_files(
    kernel: str, tmp_path: pathlib.Path
) -> None:
    ended = build(
        "myri", "1.2", pack(tmp_path / ARCHIVE, "myri", MODULE + "no C at all\n"), kernel, tmp_path
    )
    assert ended.returncode != 0
    assert "myri.c" in ended.stdout + ended.stderr
    assert list(tmp_path.glob("*.rpm")) == []


def test_a_missing_development_package_is_reported_with_its_kernel(tmp_path: pathlib.Path) -> None:
    ended = build("myri", "1.2", pack(tmp_path / ARCHIVE, "myri"), "5.14.0-1.el9.x86_64", tmp_path)
    assert (ended.returncode, ended.stderr) == (
        1,
        "kernel-devel of 5.14.0-1.el9.x86_64 is not installed\n",
    )
