# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All reports."""

from __future__ import annotations

from . import (
    bind,
    clustershell,
    dhcpd,
    dnsmasq,
    ethers,
    exports,
    hosts,
    keareport,
    knownhosts,
    machines,
    nginx,
    pbs,
    powerman,
    slurm,
    unbound,
)
from .model import Report

REPORTS: tuple[Report, ...] = (
    hosts.REPORT,
    ethers.REPORT,
    keareport.REPORT,
    dhcpd.REPORT,
    dnsmasq.REPORT,
    bind.REPORT,
    unbound.REPORT,
    slurm.REPORT,
    pbs.REPORT,
    machines.REPORT,
    exports.REPORT,
    knownhosts.REPORT,
    clustershell.REPORT,
    nginx.REPORT,
    powerman.REPORT,
)
