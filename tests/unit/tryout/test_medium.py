# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The installation medium of make try: which images can be used, and why others cannot."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess

import pytest
from tryout.medium import VENDORS, Medium, read_medium

from ansible_collections.npaci.rocks.plugins.module_utils.errors import DescriptionError, NotFound
from support.media import write_medium
from support.rpms import Rpm

pytestmark = [
    pytest.mark.programs,
    pytest.mark.skipif(not shutil.which("xorriso"), reason="requires xorriso"),
]

REPOSITORIES = {"BaseOS": [Rpm("bash")], "AppStream": [Rpm("httpd")]}


def image(
    folder: pathlib.Path, name: str, version: str, arch: str = "x86_64", without: str = ""
) -> pathlib.Path:
    """Write a DVD with this .treeinfo, except one folder or file."""
    content = folder / "content"
    content.mkdir()
    write_medium(content, REPOSITORIES)
    treeinfo = content / ".treeinfo"
    text = treeinfo.read_text().replace("name = Stock", f"name = {name}", 1)
    text = text.replace("version = 9.4", f"version = {version}", 1)
    treeinfo.write_text(re.sub(r"(?m)^arch = .*$", f"arch = {arch}", text))
    if (content / without).is_dir() and without:
        shutil.rmtree(content / without)
    elif without:
        (content / without).unlink()
    path = folder / "dvd.iso"
    argv = ["xorriso", "-as", "mkisofs", "-quiet", "-R", "-V", "DVD", "-o", str(path), str(content)]
    subprocess.run(argv, check=True, timeout=60, capture_output=True)
    return path


@pytest.mark.parametrize(
    ("name", "version", "release", "stock"),
    [
        ("Rocky Linux", "9.6", "rhel9", "rocky/9"),
        ("AlmaLinux", "10.1", "rhel10", "almalinux/10"),
        ("CentOS Stream", "10", "rhel10", "10-stream"),
    ],
)
def test_a_vendors_dvd_gives_the_release_and_the_repositories_that_it_lacks(
    tmp_path: pathlib.Path, name: str, version: str, release: str, stock: str
) -> None:
    medium = read_medium(image(tmp_path, name, version))
    assert (medium.release, medium.title) == (release, f"{name} {version}")
    crb, epel = medium.repositories()
    assert stock in crb.url and crb.url.endswith("/CRB/x86_64/os")
    assert f"/epel/{medium.major}/" in epel.url and epel.key.endswith(f"EPEL-{medium.major}")


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"name": "Red Hat Enterprise Linux", "version": "9.4"}, "Red Hat Enterprise Linux"),
        ({"name": "Rocky Linux", "version": "8.10"}, "8.10"),
        ({"name": "Rocky Linux", "version": "9.6", "arch": "aarch64"}, "aarch64"),
        ({"name": "Rocky Linux", "version": "9.6", "without": "AppStream"}, "AppStream"),
        ({"name": "Rocky Linux", "version": "9.6", "without": ".treeinfo"}, ".treeinfo"),
    ],
)
def test_another_image_is_refused_with_the_reason(
    tmp_path: pathlib.Path, facts: dict[str, str], reason: str
) -> None:
    with pytest.raises(DescriptionError) as caught:
        read_medium(image(tmp_path, **facts))
    assert reason in str(caught.value) and caught.value.hint


def test_a_missing_or_another_file_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NotFound):
        read_medium(tmp_path / "missing.iso")
    (tmp_path / "text.iso").write_text("no image")
    with pytest.raises(DescriptionError):
        read_medium(tmp_path / "text.iso")


@pytest.mark.parametrize(
    ("version", "expected"),
    [("9.6", True), ("10.0", False), ("10.2", False), ("10.3", True), ("10", True)],
)
def test_slurm_is_left_out_where_epel_has_none(version: str, expected: bool) -> None:
    medium = Medium(pathlib.Path("dvd.iso"), VENDORS[0], version)
    assert medium.has_slurm == expected
