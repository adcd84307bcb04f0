# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From a minimal operating system to the playbook of the frontend by one command.

Debian 12 runs it in a root of its own, without a network: the packages of Python are in a folder.
Enterprise Linux 9, of which there are no packages here, takes the same way; its dnf is replaced.
"""

from __future__ import annotations

import pathlib
import subprocess
from typing import Sequence

import pytest

from support.ansible import ROOT
from support.minimal_root import bootstrap

RUN_SECONDS = 600.0
SYSTEMS = {
    "Rocky 9": ("ID=rocky\nID_LIKE='rhel centos fedora'\nVERSION_ID=9.6", "dnf", "python3.12"),
    "RHEL 10": ("ID=rhel\nID_LIKE=fedora\nVERSION_ID=10.1", "dnf", "ansible-core"),
    "CentOS Stream 10": ("ID=centos\nID_LIKE='rhel fedora'\nVERSION_ID=10", "dnf", "ansible-core"),
    "Debian 12": ("ID=debian\nVERSION_ID=12", "apt-get", "python3-venv"),
    "Debian 13": ("ID=debian\nVERSION_ID=13", "apt-get", "ansible-core"),
    "Ubuntu 22.04": ("ID=ubuntu\nID_LIKE=debian\nVERSION_ID=22.04", "apt-get", "python3-venv"),
    "Ubuntu 24.04": ("ID=ubuntu\nID_LIKE=debian\nVERSION_ID=24.04", "apt-get", "ansible-core"),
    "Fedora 43": ("ID=fedora\nVERSION_ID=43", "", ""),
    "EL 8": ("ID=almalinux\nID_LIKE='rhel centos fedora'\nVERSION_ID=8.10", "", ""),
}
# Stops the script when it installs packages.
STOP = '#!/bin/sh\necho "$0 $*"; exit 7\n'


@pytest.mark.parametrize("system", SYSTEMS)
def test_each_system_installs_what_its_release_has(system: str, tmp_path: pathlib.Path) -> None:
    """A release without a row is refused, and nothing is installed."""
    release, manager, package = SYSTEMS[system]
    (tmp_path / "os-release").write_text(f'{release}\nPRETTY_NAME="{system}"\n')
    for name in {manager or "dnf"}:
        (tmp_path / name).write_text(STOP)
        (tmp_path / name).chmod(0o755)
    hide = "" if manager == "dnf" else "mount --bind /dev/null /usr/bin/dnf;"
    script = f'{hide} mount --bind "$1/os-release" "$(realpath /etc/os-release)"; exec "$2"'
    result = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", script, "sh", str(tmp_path), str(ROOT / "bootstrap")],
        check=False,
        env={"PATH": f"{tmp_path}:/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
    )
    if manager:
        assert f"/{manager} install -y {package}" in result.stdout
    else:
        assert system in result.stderr and "Enterprise Linux 9 or 10" in result.stderr
        assert (result.returncode, result.stdout) == (1, "")


@pytest.mark.parametrize(
    "prepare",
    [
        pytest.param("true", id="Debian 12"),
        pytest.param(
            "printf '%s\\n' ID=rocky 'ID_LIKE=\"rhel fedora\"' VERSION_ID=9.6 >/etc/os-release;"
            "printf '#!/bin/sh\\nexit 0\\n' >/usr/bin/dnf; chmod 755 /usr/bin/dnf;"
            "ln -s python3 /usr/bin/python3.12",
            id="Enterprise Linux 9",
        ),
    ],
)
def test_the_playbook_starts_on_a_minimal_system(minimal_root: pathlib.Path, prepare: str) -> None:
    arguments: Sequence[str] = ("--list-tasks", "-e", "frontend_private_interface=eth1")
    output = bootstrap(minimal_root, *arguments, prepare=prepare)
    assert "npaci.rocks.frontend : Check whether this machine can be the frontend" in output
