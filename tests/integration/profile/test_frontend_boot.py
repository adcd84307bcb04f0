"""The first boot of a frontend: systemd accepts its unit, and the unit's commands run."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from support.ansible import ROOT, command
from support.minimal_root import bootstrap
from support.profiles import PROGRAMS, kickstart, scripts, written_files

UNIT = "/etc/systemd/system/rocks-frontend.service"
VARIABLES = "/etc/rocks/frontend-vars.yml"
BOOTSTRAP = "/usr/libexec/rocks/bootstrap"
COLLECTIONS = "/usr/share/ansible/collections"
RELEASE = "rhel9"


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Build the collection, as a site would offer it to a new frontend."""
    folder = tmp_path_factory.mktemp("built")
    ended = command("ansible-galaxy", "collection", "build", "--output-path", str(folder))
    assert ended.returncode == 0, ended.stderr
    return next(folder.glob("npaci-rocks-*.tar.gz"))


@pytest.fixture
def files(tarball: pathlib.Path) -> dict[str, str]:
    """Return the files that a frontend's kickstart writes; appended parts are joined."""
    text = kickstart(
        "frontend", RELEASE, frontend_private_interface="eth1", frontend_collection=str(tarball)
    )
    contents: dict[str, str] = {}
    for script in scripts(text, RELEASE):
        for path, content in written_files(script.text):
            contents[path] = contents.get(path, "") + content
    return contents


def test_systemd_accepts_the_unit_of_the_first_boot(
    files: dict[str, str], tmp_path: pathlib.Path
) -> None:
    unit = tmp_path / "rocks-frontend.service"
    unit.write_text(files[UNIT].replace(BOOTSTRAP, str(ROOT / "bootstrap")))
    ended = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (
        ended.returncode,
        [line for line in ended.stderr.splitlines() if "rocks-frontend" in line],
    ) == (0, [])


def test_the_command_of_the_unit_installs_the_collection_and_finds_the_playbook(
    files: dict[str, str], tarball: pathlib.Path, minimal_root: pathlib.Path
) -> None:
    assert (PROGRAMS / "bootstrap").samefile(ROOT / "bootstrap")
    start = next(line for line in files[UNIT].splitlines() if line.startswith("ExecStart="))
    program, *arguments = start.removeprefix("ExecStart=").split()
    assert program == BOOTSTRAP and arguments == ["-e", f"@{VARIABLES}"]
    environment = next(line for line in files[UNIT].splitlines() if "ROCKS_COLLECTION" in line)
    assert str(tarball) in environment
    shutil.copy(tarball, minimal_root.parent / "collection.tar.gz")
    collection = f"/srv/rocks/{minimal_root.parent.relative_to(ROOT)}/collection.tar.gz"
    output = bootstrap(
        minimal_root,
        *("--syntax-check", "-e", "frontend_private_interface=eth1"),
        environment=f"ROCKS_COLLECTION={collection}",
    )
    playbook = f"{COLLECTIONS}/ansible_collections/npaci/rocks/playbooks/frontend.yml"
    assert f"playbook: {playbook}" in output


def test_the_variables_are_the_roles_and_growing_folders_are_on_kept_partitions(
    files: dict[str, str],
) -> None:
    values: dict[str, Any] = yaml.safe_load(files[VARIABLES])
    role = yaml.safe_load((ROOT / "roles/frontend/meta/argument_specs.yml").read_text())
    assert set(values) <= set(role["argument_specs"]["main"]["options"])
    assert (
        values["frontend_private_interface"] == "eth1"
        and values["frontend_private_address"] == "10.1.1.1"
    )
    kept_mounts = [
        line.split()[0]
        for line in files["/run/rocks/layout"].splitlines()
        if "keep" in line.split()
    ]
    for name in ("frontend_distributions", "frontend_backups"):
        assert any(values[name].startswith(f"{mount}/") for mount in kept_mounts), name
