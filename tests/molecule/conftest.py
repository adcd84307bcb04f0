# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The frontend that molecule converged, a machine on its private side, and its replacement."""

from __future__ import annotations

import os
import pathlib
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Iterator

import pytest

from support.converged import (
    BACKUP,
    VARIABLES,
    Converged,
    Restored,
    create_backup,
    new_machine,
    succeeded,
)


@pytest.fixture(scope="session")
def frontend() -> Converged:
    """Return the container; ``make molecule`` runs these tests after two runs of the role in it."""
    return Converged(pathlib.Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]))


@pytest.fixture(scope="session")
def replacement(
    frontend: Converged, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Future[Restored]]:
    """Restore a new machine from a backup, in the background and in its own network."""
    folder = tmp_path_factory.mktemp("replacement")
    backup = create_backup(frontend, folder / "backup.tar.gz")
    host_key = (frontend.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text()

    def restore() -> Restored:
        shutil.copy(backup, machine.root / BACKUP.lstrip("/"))
        output = machine.playbook("restore", frontend_backup=BACKUP)
        new_backup = backup
        if succeeded(output):
            new_backup = create_backup(machine, folder / "new-backup.tar.gz")
        return Restored(
            machine=machine,
            backup=backup,
            host_key=host_key,
            output=output,
            new_backup=new_backup,
            check_output=machine.playbook("frontend", "--check", **VARIABLES),
        )

    with new_machine(folder) as machine, ThreadPoolExecutor(1) as pool:
        yield pool.submit(restore)
