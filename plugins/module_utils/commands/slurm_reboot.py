# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Slurm's RebootProgram on the frontend: a reboot that Slurm orders is a reinstallation.

    slurm-reinstall NODE[,NODE...] [FEATURES]

slurmctld (``SlurmctldParameters=reboot_from_controller``) passes the nodes and, for a job that
requires features, the features that the nodes need.  The distribution with the name of such a
feature is then installed.
"""

from __future__ import annotations

import os
import sys
from typing import Sequence

from ..errors import NotFound, RocksError
from ..install.rollout.display import format_step
from ..install.rollout.rollout import Step
from ..install.schedulers.base import SCHEDULERS
from ..install.states import FAILED
from ..reports.slurm.report import feature_name
from ..settings import load
from ..workflows.reinstall import SUCCESS_STEPS, default_options, reinstall

SCHEDULER = "slurm_reboot"
# All nodes are free, and a job may wait for all of them: no canary, one wave, no limit of failures.
ALL_AT_ONCE = {"canary": 0, "serial": ["100%"], "max_failed": 0, "fail_rate": 1.0}


def main(argv: Sequence[str]) -> int:
    """Reinstall the nodes; set those that do not come up to DOWN in Slurm, with the reason."""
    nodes = argv[0].split(",")
    features = argv[1] if len(argv) > 1 else ""
    last: dict[str, Step] = {}
    try:
        options = default_options(
            force=True,
            scheduler=SCHEDULER,
            distribution=select_distribution(features, load().distributions),
            **ALL_AT_ONCE,
        )
        for step in reinstall(options, nodes, False):
            last[step.node] = step
            sys.stdout.write(format_step(step) + "\n")
            sys.stdout.flush()
    except RocksError as error:
        sys.stderr.write(f"{error}\n")
        last.update((node, Step(node, FAILED, error.what)) for node in nodes)
    failed = [step for step in last.values() if step.state not in SUCCESS_STEPS]
    for step in failed:
        SCHEDULERS[SCHEDULER]().hold(step.node, step.message)
    return 1 if failed else 0


def select_distribution(features: str, folder: str) -> str:
    """Return the distribution that these features name; empty: the one of each node.

    folder  of the distributions' trees

    Raises NotFound if there are features and none of them names a distribution.
    """
    published = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    requested = features.replace("&", ",").split(",")
    matches = [name for name in published if feature_name(name) in requested]
    if features and not matches:
        raise NotFound(
            f"unknown distribution {features!r}", folder, f"published: {', '.join(published)}"
        )
    return matches[0] if matches else ""


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
