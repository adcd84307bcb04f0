# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A new machine that replaces a frontend and is restored from its backup."""

from __future__ import annotations

import pathlib
import tarfile
from concurrent.futures import Future

import pytest

from support.converged import BACKUP, VARIABLES, Restored, assert_success, read_lease
from support.waiting import until

ADDRESS = "10.1.1.1"


@pytest.fixture(scope="module")
def restored(replacement: Future[Restored]) -> Restored:
    """Return the new machine after the playbook has succeeded."""
    machine = replacement.result()
    assert_success(machine.output)
    return machine


def read_member(archive: pathlib.Path, name: str) -> bytes:
    with tarfile.open(archive) as tar:
        member = tar.extractfile(name)
        assert member is not None
        return member.read()


def test_a_new_machine_has_the_database_and_keys_of_the_old_one(
    restored: Restored,
) -> None:
    names = ["cluster.dump", "root/.ssh/id_ed25519", "etc/rocks/frontend.yml"]
    for name in names + (
        ["etc/rocks/munge.key"] if VARIABLES["frontend_scheduler"] == "slurm" else []
    ):
        before, after = (
            _without_observations(read_member(backup, name))
            for backup in (restored.backup, restored.new_backup)
        )
        assert after == before, name
    assert (
        restored.machine.root / "etc/ssh/ssh_host_ed25519_key.pub"
    ).read_text() == restored.host_key


def _without_observations(content: bytes) -> list[bytes]:
    """Return the lines of a file without what a frontend observes every minute."""
    return [line for line in content.splitlines() if not line.startswith(b'["node_states"')]


def test_nodes_keep_their_addresses_and_names(restored: Restored) -> None:
    frontend = restored.machine
    with frontend.dhcp_client() as (_client, lease_file):
        until(lease_file.exists, 60, "a lease of the new machine")
    assert read_lease(lease_file)["ip"] == "10.255.255.254"
    assert (
        frontend.run_on_node("dig", "+short", "compute-0-0.cluster", f"@{ADDRESS}")
        == "10.255.255.254\n"
    )


def test_check_mode_predicts_no_change(restored: Restored) -> None:
    assert "changed=0" in assert_success(restored.check_output)


def test_an_existing_frontend_is_not_overwritten(restored: Restored) -> None:
    frontend = restored.machine
    before = frontend.sql("select count(*) from audit")
    output = frontend.playbook("restore", frontend_backup=BACKUP)
    assert (
        "This machine is already a frontend" in " ".join(output.split()) and "changed=0" in output
    ), output
    assert frontend.sql("select count(*) from audit") == before
