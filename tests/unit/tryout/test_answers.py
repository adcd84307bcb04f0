# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The frontend's kickstart in make try: pykickstart and the installer's image accept it."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

import pytest
import yaml
from tryout.answers import INSTALLED_COLLECTION, LABEL, frontend_kickstart, make_image
from tryout.medium import VENDORS, Medium, Repository

from support.kickstarts import parse_strictly
from support.profiles import scripts, written_files

MAC = "52:54:00:52:00:01"


def rendered(folder: pathlib.Path, version: str, scheduler: str = "slurm") -> tuple[str, str]:
    """Return the release and the kickstart for a medium of this version."""
    medium = Medium(folder / "dvd.iso", VENDORS[0], version)
    attributes = {"mac": MAC, "root_public_key": "ssh-ed25519 AAAA try", "scheduler": scheduler}
    text = frontend_kickstart(folder, medium.release, medium.repositories(), attributes)
    return medium.release, text


@pytest.mark.parametrize("version", ["9.6", "10.1"])
def test_pykickstart_accepts_it_and_packages_come_from_the_medium(
    tmp_path: pathlib.Path, version: str
) -> None:
    release, text = rendered(tmp_path, version)
    handler = parse_strictly(text, release)
    assert handler.method.method == "cdrom"
    assert [repo.name for repo in handler.repo.repoList] == ["crb", "epel"]
    assert f"network --bootproto=dhcp --device={MAC} " in text


def test_the_first_boot_has_the_collection_and_the_scheduler(tmp_path: pathlib.Path) -> None:
    release, text = rendered(tmp_path, "10.1", "none")
    files: dict[str, str] = {}
    for script in scripts(text, release):
        for path, content in written_files(script.text):
            files[path] = files.get(path, "") + content
    unit = files["/etc/systemd/system/rocks-frontend.service"]
    assert f"ROCKS_COLLECTION={INSTALLED_COLLECTION}" in unit
    variables = yaml.safe_load(files["/etc/rocks/frontend-vars.yml"])
    assert variables["frontend_scheduler"] == "none"
    assert "slurm-slurmctld" not in text
    copied = [script for script in scripts(text, release) if INSTALLED_COLLECTION in script.text]
    assert any(not script.in_chroot and script.fatal for script in copied)


@pytest.mark.programs
@pytest.mark.skipif(not shutil.which("xorriso"), reason="requires xorriso")
def test_the_image_has_the_label_that_the_installer_looks_for(tmp_path: pathlib.Path) -> None:
    (tmp_path / "collection").write_text("built")
    image = make_image(tmp_path, "text\n", tmp_path / "collection")
    label = image.read_bytes()[32808:32840].decode().strip()
    assert label == LABEL
    listed = subprocess.run(
        ["xorriso", "-indev", str(image), "-find", "/", "-name", "ks.cfg"],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "ks.cfg" in listed.stdout


def test_a_medium_with_everything_adds_no_repository(tmp_path: pathlib.Path) -> None:
    none: list[Repository] = []
    text = frontend_kickstart(tmp_path, "rhel9", none, {"mac": MAC, "root_public_key": "k"})
    assert "\nrepo " not in text
