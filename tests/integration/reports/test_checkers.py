# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every daemon accepts its report; a rejected file is not installed, and its error is reported."""

from __future__ import annotations

import pathlib
import re

import pytest

from ansible_collections.npaci.rocks.plugins.module_utils.cluster.database import Database
from ansible_collections.npaci.rocks.plugins.module_utils.errors import RocksError
from ansible_collections.npaci.rocks.plugins.module_utils.reports.registry import REPORTS
from ansible_collections.npaci.rocks.plugins.module_utils.reports.templating import Templates
from support.reports import settings, write

# A line that the reader of each report rejects, and a part of the error.
INVALID = {
    "hosts": ("not-an-address compute-9-9", "hosts:"),
    "ethers": ("compute-9-9 00:00:00:00:00:01", "ethers:"),
    "kea": ("}", "syntax error"),
    "dhcpd": ("subnet 10.0.0.0 {", "Expecting netmask"),
    "dnsmasq": ("no-such-option", "bad option at line"),
    "bind": ("zone", "expected"),
    "unbound": ("no-such-option: yes", "unknown keyword"),
    "slurm": ("NodeName=compute-9-9 NoSuchKey=1", "unrecognized key: NoSuchKey"),
    "pbs": ("compute-9-9 np=many", "nodes:"),
    "machines": ("compute-9-9 slots=many", "machines:"),
    "exports": ("/export/home *(", "rocks.exports:"),
    "known_hosts": ("compute-9-9 ssh-ed25519 AAAA", "1 of 2 keys, such as that of compute-9-9"),
    "clustershell": ("  - : :", "rocks.yaml"),
    "nginx": ("no_such_directive;", "unknown directive"),
    "powerman": ('node "compute-9-9" "nowhere" "1"', "unknown device"),
}
# The names of templates that differ from the name of the report.
TEMPLATES = {
    "kea": "kea-dhcp4.conf",
    "dhcpd": "dhcpd.conf",
    "dnsmasq": "dnsmasq.conf",
    "bind": "named.conf",
    "unbound": "unbound.conf",
    "slurm": "slurm-nodes.conf",
    "pbs": "pbs-nodes",
    "clustershell": "clustershell.yaml",
    "nginx": "nginx-nodes.conf",
    "powerman": "powerman.conf",
    "known_hosts": "ssh_known_hosts",
}

every_report = pytest.mark.parametrize("name", [report.name for report in REPORTS])


@every_report
def test_the_daemon_accepts_the_report(
    name: str, described: Database, tmp_path: pathlib.Path
) -> None:
    (outcome,) = write(described, settings(tmp_path, name))
    assert outcome.changed and all(
        pathlib.Path(path).read_text() == after for path, (_, after) in outcome.files.items()
    )
    (again,) = write(described, settings(tmp_path, name))
    assert not again.changed


@every_report
def test_a_rejected_file_is_not_installed(
    name: str, described: Database, tmp_path: pathlib.Path
) -> None:
    line, error = INVALID[name]
    template = TEMPLATES.get(name, name)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / f"{template}.j2").write_text(
        f'{{% include "rocks/{template}.j2" %}}\n{line}\n'
    )
    site = settings(tmp_path, name)
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(RocksError) as refused:
        write(described, site, templates=Templates(str(tmp_path / "templates")))

    assert f"report {name}" in str(refused.value) and error in str(refused.value)
    assert [
        path for path in sorted(tmp_path.rglob("*")) if path not in before and path.suffix != ""
    ] == []
    with pytest.raises(RocksError, match=re.escape(error)):
        write(described, site, dry_run=True, templates=Templates(str(tmp_path / "templates")))


def test_every_report_has_an_invalid_line() -> None:
    assert set(INVALID) == {report.name for report in REPORTS}
