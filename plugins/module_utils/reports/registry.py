# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""List all reports, in the order in which they are written."""

from __future__ import annotations

from . import (
    clustershell,
    ethers,
    exports,
    hosts,
    known_hosts,
    mpi_hosts,
    nginx,
    pbs_nodes,
    powerman,
)
from .dhcp import dhcpd, dnsmasq, kea_report
from .dns import bind, unbound
from .model import Report
from .slurm import report as slurm

REPORTS: tuple[Report, ...] = (
    hosts.REPORT,
    ethers.REPORT,
    kea_report.REPORT,
    dhcpd.REPORT,
    dnsmasq.REPORT,
    bind.REPORT,
    unbound.REPORT,
    slurm.REPORT,
    pbs_nodes.REPORT,
    mpi_hosts.REPORT,
    exports.REPORT,
    known_hosts.REPORT,
    clustershell.REPORT,
    nginx.REPORT,
    powerman.REPORT,
)
