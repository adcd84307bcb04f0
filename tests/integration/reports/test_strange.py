# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The daemons accept every name and comment that the database accepts."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils import process
from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.reports.registry import REPORTS
from support.reports import settings, write

# Host names, and words with a meaning in the configuration of a daemon.
NAMES = [
    "b" * 59,
    "a",
    "c-d",
    "true",
    "null",
    "default",
    "in",
    "any",
    "host",
    "subnet",
    "include",
    "node",
    "ns",
    "none",
    "down",
    "nodename",
    "ignore",
    "infinite",
    "net",
    "id",
    "x0",
    "x00",
    "x1e5",
    "xn--bcher-kva",
    "localnet",
]
COMMENTS = [
    "\n10.0.0.99 evil",
    "\r\n}",
    '"; }',
    "' or 1=1",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "\x1b[2J\x00",
    "\u2028x",
    "#",
    "\\",
    "$(reboot)",
    "*/",
    "ünïcödé \U0001f5a5",
    "\t",
    "   ",
]


@pytest.fixture
def strange(described: Database) -> Database:
    """Add compute nodes with each name and each comment; each has a BMC."""
    with described.transaction():
        for number, name in enumerate(NAMES):
            comment = COMMENTS[number % len(COMMENTS)]
            described.execute(
                "insert into nodes (id, mac, name, membership, rack, `rank`, ip, comment) values"
                " (?, ?, ?, 2, 7, ?, ?, ?)",
                (
                    100 + number,
                    f"52:54:00:00:07:{number:02x}",
                    name,
                    number,
                    f"10.7.0.{number + 1}",
                    comment,
                ),
            )
            described.execute(
                "insert into interfaces (node, name, kind, network, mac, ip) values (?, 'bmc',"
                " 'bmc', 2, ?, ?)",
                (100 + number, f"52:54:00:00:08:{number:02x}", f"192.168.6.{number + 1}"),
            )
    return described


@pytest.mark.parametrize("name", [report.name for report in REPORTS])
def test_the_daemon_accepts_strange_names(
    name: str, strange: Database, tmp_path: pathlib.Path
) -> None:
    (outcome,) = write(strange, settings(tmp_path, name))
    assert outcome.changed


def test_the_resolver_reads_exactly_the_strange_names(
    strange: Database, tmp_path: pathlib.Path
) -> None:
    write(strange, settings(tmp_path, "hosts"))
    script = (
        f"mount --bind {tmp_path}/hosts /etc/hosts"
        " && getent -s hosts:files ahostsv4 10.0.0.99 evil; getent -s files hosts"
    )
    output = process.run(["unshare", "-m", "sh", "-c", script], timeout=20, ok=(0, 2)).stdout
    names = {line.split()[0]: line.split()[1:] for line in output.splitlines()}
    assert {ip: words[-1] for ip, words in names.items() if ip.startswith("10.7.")} == {
        f"10.7.0.{number + 1}": name for number, name in enumerate(NAMES)
    }
    assert "evil" not in output
