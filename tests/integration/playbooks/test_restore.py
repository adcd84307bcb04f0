# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The checks of playbooks/restore.yml before it changes anything.

molecule tests its changes on another machine.
"""

from __future__ import annotations

import io
import pathlib
import re
import tarfile

import pytest

from support.ansible import command

FILES = {
    "cluster.dump": "secrets of the cluster\n",
    "etc/rocks/frontend.yml": "frontend_private_interface: nowhere0\nfrontend_space: 1\n",
}


@pytest.fixture
def backup(tmp_path: pathlib.Path) -> pathlib.Path:
    """The backup of a frontend with a private interface that this machine does not have."""
    path = tmp_path / "rocks-2026-11-22.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in FILES.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def restore(tmp_path: pathlib.Path, *words: str) -> str:
    """Run the playbook in check mode; return its output.

    Its temporary folders are in ``tmp_path``.
    """
    arguments = ("-i", "localhost,", "-c", "local", "--check")
    finished = command(
        "ansible-playbook",
        "playbooks/restore.yml",
        *arguments,
        *words,
        env={"TMPDIR": str(tmp_path)},
    )
    assert finished.returncode != 0
    return finished.stdout + finished.stderr


def test_the_error_without_a_backup_names_the_variable(tmp_path: pathlib.Path) -> None:
    assert "-e frontend_backup=FILE" in restore(tmp_path)


def test_check_mode_checks_the_machine_and_leaves_no_secrets(
    tmp_path: pathlib.Path, backup: pathlib.Path
) -> None:
    output = restore(tmp_path, "-e", f"frontend_backup={backup}")
    assert re.search("frontend_private_interface: .*'nowhere0'", output), output
    assert not list(tmp_path.rglob("cluster.dump"))
    assert "changed: [localhost]" in output.partition("Extract the database and the variables")[2]
