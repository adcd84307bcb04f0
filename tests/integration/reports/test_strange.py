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


# Values that were written past the modules' rules, each in one column of a node or network.
HOSTILE = [
    *(("nodes", "name", value) for value in ('x";}', "x\n}", "a b", "..", "-x", "x" * 64, "$(id)")),
    *(("nodes", "mac", value) for value in ("x", '"', "00:00:00:00:00:00:00", "; include x")),
    *(
        ("nodes", "ip", value)
        for value in ("10.1", "::1", "10.7.0.999", '1"', "0x7f.1", "10.1.1.1/8")
    ),
    *(("nodes", "arch", value) for value in ('x"', "x\ny", "a b")),
    *(("networks", "zone", value) for value in ('x";', "a b", "in-addr.arpa", "x\ny", "." * 9)),
    *(("networks", "gateway", value) for value in ("x", "10.0.0.0", "::1", '1"; x')),
    *(("networks", "pool_first", value) for value in ("x", "255.255.255.255", '10.0.0.1"')),
    *(("networks", "netmask", value) for value in ("255.0.255.0", "x", '"')),
    *(("interfaces", "name", value) for value in ('x"', "a b", "x" * 64)),
]


@pytest.mark.parametrize("report", ["kea", "dhcpd", "dnsmasq", "bind", "unbound", "hosts", "slurm"])
def test_the_daemons_accept_a_database_with_hostile_rows(
    report: str, described: Database, tmp_path: pathlib.Path
) -> None:
    """Each faulty value is named, and the others are written: the daemon's own checker decides."""
    for number, (table, column, value) in enumerate(HOSTILE):
        last = f"select id, {column} from {table} order by id desc limit 1"
        ((key, before),) = described.rows(last)
        described.execute(f"update {table} set {column} = ? where id = ?", (value, key))
        folder = tmp_path / str(number)
        folder.mkdir()
        (outcome,) = write(described, settings(folder, report))
        assert outcome.changed, (table, column, value)
        # Of the name of an interface, only letters and digits are used.
        assert outcome.warnings or table == "interfaces", (table, column, value)
        described.execute(f"update {table} set {column} = ? where id = ?", (before, key))


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
