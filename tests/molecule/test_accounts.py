# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Accounts of a converged frontend: a new user reaches nodes within seconds."""

from __future__ import annotations

import pathlib
import sys
from typing import Iterator

import pytest

from support.accounts import NODE, PROGRAM, Machine, write
from support.converged import VARIABLES, Converged, assert_success
from support.waiting import until

URL = "http://10.1.1.1"
ADDRESS = "10.66.6.6/8"
ACCOUNTS = "../tests/molecule/accounts"
# The limit for systemd-analyze: 0 is fully confined, 10 is unconfined.
EXPOSURE = 4.5


@pytest.fixture
def node(frontend: Converged, tmp_path: pathlib.Path) -> Iterator[Machine]:
    """Yield a node with the frontend's key and its own etc and var."""
    (tmp_path / "key").write_text(frontend.run("cat", "/etc/rocks/accounts.key.pub").stdout)
    write(tmp_path / "etc", NODE)
    argv = [
        sys.executable,
        str(PROGRAM),
        "--url",
        URL,
        "--key",
        str(tmp_path / "key"),
        "--root",
        str(tmp_path),
    ]
    frontend.node.ip("address", "add", ADDRESS, "dev", "eth0")
    yield Machine(frontend.node, tmp_path, argv)
    frontend.node.ip("address", "del", ADDRESS, "dev", "eth0")


def test_a_new_or_removed_user_reaches_a_node_within_seconds(
    frontend: Converged, node: Machine
) -> None:
    with node.follow():
        until((node.root / "var/lib/rocks/accounts/current").exists, 20, "the first bundle")
        frontend.run("useradd", "--create-home", "dave")
        until(lambda: node.has("dave"), 5, "dave")
        # The home directory is in the folder that nodes mount.
        home = frontend.sql("select value from attributes where name = 'home_path'")
        assert f"{home}/dave:" in node.etc()["passwd"]
        assert (frontend.root / home.lstrip("/") / "dave").is_dir()
        frontend.run("userdel", "--remove", "dave")
        until(lambda: not node.has("dave"), 5, "the removal of dave")


def test_nis_can_replace_the_bundle(frontend: Converged) -> None:
    """test_changes.py switches back; tests/integration/accounts/test_nis.py tests the client."""
    frontend.run("useradd", "--no-create-home", "erin")
    try:
        assert_success(
            frontend.playbook(
                ACCOUNTS, **VARIABLES, frontend_accounts="nis", frontend_nis_domain="physics"
            )
        )
        assert frontend.account_units() == ["inactive", "active", "active"]
        until(lambda: "erin:" in _map(frontend, "passwd.byname"), 60, "erin in the map")
        assert "root:" not in _map(frontend, "passwd.byname")
        assert "erin:" in _map(frontend, "group.byname")
    finally:
        frontend.run("userdel", "erin")


def _map(frontend: Converged, name: str) -> str:
    return frontend.run_on_node("ypcat", "-h", "10.1.1.1", "-d", "physics", name, ok=range(256))


def test_kickstarts_contain_the_public_key_of_the_accounts(frontend: Converged) -> None:
    key = frontend.sql("select value from attributes where name = 'accounts_key'").replace(
        "\\n", "\n"
    )
    assert key + "\n" == frontend.run("cat", "/etc/rocks/accounts.key.pub").stdout


def test_the_publishing_unit_is_sandboxed(frontend: Converged) -> None:
    output = frontend.run("systemd-analyze", "security", "rocks-accounts", "--no-pager").stdout
    assert float(output.rpartition("rocks-accounts.service: ")[2].split()[0]) <= EXPOSURE
