# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Users of a converged frontend: what useradd makes there, a node has within seconds."""

from __future__ import annotations

import pathlib
import sys
from typing import Iterator

import pytest

from support.accounts import NODE, PROGRAM, Machine, write
from support.converged import SAME, Converged, well
from support.waiting import until

URL, ADDRESS = "http://10.1.1.1", "10.66.6.6/8"
ACCOUNTS = "../tests/molecule/accounts"
EXPOSURE = 4.5  # as systemd-analyze gives it: 0 may nothing, 10 everything


@pytest.fixture
def node(frontend: Converged, tmp_path: pathlib.Path) -> Iterator[Machine]:
    """A node that knows the frontend's key, with etc and var of its own."""
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


def test_a_new_user_is_on_a_node_within_seconds_and_goes_as_fast(
    frontend: Converged, node: Machine
) -> None:
    with node.follow():
        until((node.root / "var/lib/rocks/accounts/current").exists, 20, "the first bundle")
        frontend.run("useradd", "--create-home", "dave")
        until(lambda: node.has("dave"), 5, "dave")
        # His home is where nodes mount it.
        home = frontend.sql("select value from attributes where name = 'home_path'")
        assert f"{home}/dave:" in node.etc()["passwd"]
        assert (frontend.root / home.lstrip("/") / "dave").is_dir()
        frontend.run("userdel", "--remove", "dave")
        until(lambda: not node.has("dave"), 5, "dave to be gone")


def test_nis_takes_the_bundles_place(frontend: Converged) -> None:
    """Who is a node's client of NIS: tests/integration/accounts/test_nis.py.  test_changes.py gives the place back."""
    frontend.run("useradd", "--no-create-home", "erin")
    try:
        well(
            frontend.playbook(
                ACCOUNTS, **SAME, frontend_accounts="nis", frontend_nis_domain="physics"
            )
        )
        assert frontend.publishing() == ["inactive", "active", "active"]
        until(lambda: "erin:" in _map(frontend, "passwd.byname"), 60, "erin in the map")
        assert "root:" not in _map(frontend, "passwd.byname")
        assert "erin:" in _map(frontend, "group.byname")
    finally:
        frontend.run("userdel", "erin")


def _map(frontend: Converged, name: str) -> str:
    return frontend.ask("ypcat", "-h", "10.1.1.1", "-d", "physics", name, ok=range(256))


def test_the_key_of_the_nodes_kickstarts_is_the_frontends(frontend: Converged) -> None:
    key = frontend.sql("select value from attributes where name = 'accounts_key'").replace(
        "\\n", "\n"
    )
    assert key + "\n" == frontend.run("cat", "/etc/rocks/accounts.key.pub").stdout


def test_what_publishes_them_may_little(frontend: Converged) -> None:
    said = frontend.run("systemd-analyze", "security", "rocks-accounts", "--no-pager").stdout
    assert float(said.rpartition("rocks-accounts.service: ")[2].split()[0]) <= EXPOSURE
