# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A frontend died: what the new machine in its place is made of."""

from __future__ import annotations

import pathlib
import tarfile
from concurrent.futures import Future

import pytest

from support.converged import BACKUP, SAME, Restored, told_in, well
from support.waiting import until

ADDRESS = "10.1.1.1"


@pytest.fixture(scope="module")
def restored(successor: Future[Restored]) -> Restored:
    """The new machine, once the playbook has ended well."""
    found = successor.result()
    well(found.said)
    return found


def content(archive: pathlib.Path, name: str) -> bytes:
    with tarfile.open(archive) as tar:
        member = tar.extractfile(name)
        assert member is not None
        return member.read()


def test_a_new_machine_has_the_database_and_the_keys_of_the_frontend_that_died(
    restored: Restored,
) -> None:
    kept = ["cluster.dump", "root/.ssh/id_ed25519", "etc/rocks/frontend.yml"]
    for name in kept + (["etc/rocks/munge.key"] if SAME["frontend_scheduler"] == "slurm" else []):
        assert content(restored.again, name) == content(restored.saved, name), name
    assert (
        restored.machine.root / "etc/ssh/ssh_host_ed25519_key.pub"
    ).read_text() == restored.host_key


def test_its_nodes_notice_nothing(restored: Restored) -> None:
    frontend = restored.machine
    with frontend.dhcp_client() as (_client, told):
        until(told.exists, 60, "a lease of the new machine")
    assert told_in(told)["ip"] == "10.255.255.254"
    assert frontend.ask("dig", "+short", "compute-0-0.cluster", f"@{ADDRESS}") == "10.255.255.254\n"


def test_check_mode_foretells_that_nothing_would_change(restored: Restored) -> None:
    assert "changed=0" in well(restored.foretold)


def test_a_machine_that_is_a_frontend_is_not_overwritten(restored: Restored) -> None:
    frontend = restored.machine
    before = frontend.sql("select count(*) from audit")
    output = frontend.playbook("restore", frontend_backup=BACKUP)
    assert (
        "This machine is already a frontend" in " ".join(output.split()) and "changed=0" in output
    ), output
    assert frontend.sql("select count(*) from audit") == before
