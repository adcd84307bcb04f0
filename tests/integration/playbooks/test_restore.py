# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What playbooks/restore.yml says before it changes anything. What it changes, molecule tests on a machine of its own."""

from __future__ import annotations

import io
import pathlib
import tarfile

import pytest

from support.ansible import command

FILES = {
    "cluster.dump": "secrets of the cluster\n",
    "etc/rocks/frontend.yml": "frontend_private_interface: nowhere0\nfrontend_space: 1\n",
}


@pytest.fixture
def backup(tmp_path: pathlib.Path) -> pathlib.Path:
    """Of a frontend whose private interface this machine has not."""
    path = tmp_path / "rocks-2026-11-22.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in FILES.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def restored(tmp_path: pathlib.Path, *words: str) -> str:
    """What the playbook says of this machine in check mode; temporary folders go below ``tmp_path``."""
    here = ("-i", "localhost,", "-c", "local", "--check")
    ended = command(
        "ansible-playbook", "playbooks/restore.yml", *here, *words, env={"TMPDIR": str(tmp_path)}
    )
    assert ended.returncode != 0
    return ended.stdout + ended.stderr


def test_without_a_backup_it_says_how_one_is_named(tmp_path: pathlib.Path) -> None:
    assert "-e frontend_backup=FILE" in restored(tmp_path)


def test_check_mode_judges_the_machine_by_the_backup_and_leaves_no_secrets(
    tmp_path: pathlib.Path, backup: pathlib.Path
) -> None:
    said = restored(tmp_path, "-e", f"frontend_backup={backup}")
    assert "frontend_private_interface: unknown interface 'nowhere0'" in said, said
    assert not list(tmp_path.rglob("cluster.dump"))
    assert "changed: [localhost]" in said.partition("Extract the database and the variables")[2]
