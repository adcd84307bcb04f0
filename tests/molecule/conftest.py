# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The frontend that molecule has made, the machine on its private side, and the one that takes the frontend's place."""

from __future__ import annotations

import os
import pathlib
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Iterator

import pytest

from support.converged import BACKUP, SAME, Converged, Restored, backup, ended_well, new_machine


@pytest.fixture(scope="session")
def frontend() -> Converged:
    """The container; ``make molecule`` starts these tests when the role has run in it twice."""
    return Converged(pathlib.Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]))


@pytest.fixture(scope="session")
def successor(
    frontend: Converged, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Future[Restored]]:
    """A new machine in the place of the frontend, from tonight's backup: in the background, on a network of its own."""
    folder = tmp_path_factory.mktemp("successor")
    saved = backup(frontend, folder / "saved.tar.gz")
    host_key = (frontend.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text()

    def restore() -> Restored:
        shutil.copy(saved, machine.root / BACKUP.lstrip("/"))
        said = machine.playbook("restore", frontend_backup=BACKUP)
        again = backup(machine, folder / "again.tar.gz") if ended_well(said) else saved
        return Restored(
            machine, saved, host_key, said, again, machine.playbook("frontend", "--check", **SAME)
        )

    with new_machine(folder) as machine, ThreadPoolExecutor(1) as pool:
        yield pool.submit(restore)
